//! A page of streams that meet several conditions.
//!
//! Each condition has a list of sequences in order: an index, or a short list read in advance. The lists are intersected by
//! seeking: each in turn lowers the candidate to its highest entry that is not above it, until all agree. That skips what the
//! shortest list does not hold, for any data, so no choice of an index has to be right. Lists that alternate all the
//! same end a page after [`BUDGET`] seeks; the page then names where the next one begins.

use fluxora_store::rows;
use fluxora_store::{StoreError, StreamFilter, StreamPage, StreamQuery};
use fluxora_stream::{StatusName, Stream, UnixTime};
use jiff::Timestamp;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::column_lists::stream_columns;
use super::falling_due::by_falling_due;
use super::row;
use crate::columns;
use crate::faults::Attempt;

/// The seeks and rows that one page may cost, and the length of a list that is read in advance.
pub(super) const BUDGET: u32 = 4_096;

const READING: &str = "reading a page of streams";
const ROW: &str = concat!("SELECT ", stream_columns!(), " FROM streams WHERE seq = ?1");
pub(super) const HIGHEST: &str = "SELECT max(seq) FROM streams WHERE seq <= ?1";
pub(super) const UPDATED_SINCE: &str =
    "SELECT seq FROM streams INDEXED BY streams_by_update WHERE updated_at >= ?1 LIMIT ?2";

/// Whether a filter has more than one list of streams, so that no single index holds its page.
pub(crate) fn is_needed(filter: &StreamFilter) -> bool {
    let StreamFilter { status, sender, recipient, origin, contract, updated_since } = filter;
    let lists =
        [status.is_some(), sender.is_some(), recipient.is_some(), origin.is_some(), contract.is_some()];
    updated_since.is_some() || lists.into_iter().filter(|given| *given).count() > 1
}

/// Reads a page by intersection. It may hold fewer streams than the limit and still have a next one.
pub(super) fn page(
    connection: &Connection,
    query: &StreamQuery,
    budget: u32,
) -> Result<StreamPage, StoreError> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut lists = lists(connection, query, budget)?;
    let mut row = connection.prepare_cached(ROW).attempt(READING)?;
    let mut page = StreamPage::default();
    let mut last = None;
    let mut cost = 0_u32;
    let mut candidate = query.before.map_or(i64::MAX, |before| rows::seq(before).saturating_sub(1));
    while cost < budget {
        let Some((highest, lowest)) = lower(&mut lists, candidate, &mut cost)? else { return Ok(page) };
        candidate = lowest;
        if highest != lowest {
            continue;
        }
        cost = cost.saturating_add(1);
        let found = row.query_row([candidate], |row| Ok(row::decode(row))).optional().attempt(READING)?;
        let read = match found {
            None => None,
            Some(Ok(found)) => meets(query, &found.stream).then_some(Ok(found.stream)),
            Some(Err(StoreError::Corrupt(corrupt))) => Some(Err(corrupt)),
            Some(Err(error)) => return Err(error),
        };
        if let Some(read) = read {
            if page.streams.len().saturating_add(page.unreadable.len()) == limit {
                page.next = last;
                return Ok(page);
            }
            last = Some(rows::sequence(candidate));
            match read {
                Ok(stream) => page.streams.push(stream),
                Err(corrupt) => page.unreadable.push(corrupt),
            }
        }
        candidate = candidate.saturating_sub(1);
    }
    page.next = Some(rows::sequence(candidate.saturating_add(1)));
    Ok(page)
}

/// Lowers a candidate through every list: the sequence after the first and after the last of them. `None` at the end of one.
fn lower(lists: &mut [List<'_>], candidate: i64, cost: &mut u32) -> Result<Option<(i64, i64)>, StoreError> {
    let mut first = None;
    let mut lowest = candidate;
    for list in lists {
        *cost = cost.saturating_add(1);
        let Some(found) = list.seek(lowest)? else { return Ok(None) };
        first.get_or_insert(found);
        lowest = found;
    }
    Ok(Some((first.unwrap_or(lowest), lowest)))
}

/// The conditions without a list. Status is checked here in every case: a list of recorded statuses also holds
/// streams whose next transition has fallen due.
fn meets(query: &StreamQuery, stream: &Stream) -> bool {
    let StreamFilter { status, updated_since, .. } = &query.filter;
    status.is_none_or(|status| stream.status_at(query.at) == status)
        && updated_since.is_none_or(|since| stream.updated_at >= since)
}

/// Sequences in order.
enum List<'c> {
    /// The entries of an index that have one value, together with sequences read in advance, lowest first.
    Index { seek: CachedStatement<'c>, value: String, besides: Vec<i64> },
    /// Sequences read in advance, lowest first.
    Read(Vec<i64>),
    /// Every stream.
    All(CachedStatement<'c>),
}

impl List<'_> {
    /// The highest entry that is not above `candidate`.
    fn seek(&mut self, candidate: i64) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Index { seek, value, besides } => {
                let found: Option<i64> =
                    seek.query_row(params![*value, candidate], |row| row.get(0)).attempt(READING)?;
                Ok(found.max(seek_in(besides, candidate)))
            }
            Self::Read(sequences) => Ok(seek_in(sequences, candidate)),
            Self::All(seek) => seek.query_row([candidate], |row| row.get(0)).attempt(READING),
        }
    }
}

fn seek_in(sequences: &[i64], candidate: i64) -> Option<i64> {
    let above = sequences.partition_point(|sequence| *sequence <= candidate);
    sequences.get(above.checked_sub(1)?).copied()
}

/// The lists of a query, at least one.
fn lists<'c>(
    connection: &'c Connection,
    query: &StreamQuery,
    budget: u32,
) -> Result<Vec<List<'c>>, StoreError> {
    let StreamFilter { status, sender, recipient, origin, contract, updated_since } = &query.filter;
    let mut lists = Vec::new();
    if let Some(since) = updated_since {
        lists.extend(updated(connection, *since, budget)?.map(List::Read));
    }
    let equal = [
        ("recipient", "streams_by_recipient", recipient.map(|address| address.to_string())),
        ("sender", "streams_by_sender", sender.map(|address| address.to_string())),
        ("contract_id", "streams_by_contract", contract.clone()),
        ("origin", "streams_by_origin", origin.map(|origin| origin.as_str().to_owned())),
    ];
    for (column, index, value) in equal {
        if let Some(value) = value {
            lists.push(by_index(connection, column, index, value, Vec::new())?);
        }
    }
    if let Some(status) = status
        && let Some(besides) = fallen_due(connection, *status, query.at, budget)?
    {
        lists.push(by_index(connection, "status", "streams_by_status", status.as_str().to_owned(), besides)?);
    }
    if lists.is_empty() {
        lists.push(List::All(connection.prepare_cached(HIGHEST).attempt(READING)?));
    }
    Ok(lists)
}

fn by_index<'c>(
    connection: &'c Connection,
    column: &str,
    index: &str,
    value: String,
    besides: Vec<i64>,
) -> Result<List<'c>, StoreError> {
    let sql = seek(column, index);
    let seek = connection.prepare_cached(&sql).attempt(READING)?;
    Ok(List::Index { seek, value, besides })
}

pub(super) fn seek(column: &str, index: &str) -> String {
    format!("SELECT max(seq) FROM streams INDEXED BY {index} WHERE {column} = ?1 AND seq <= ?2")
}

/// The streams updated since an instant, lowest first; `None` if they are too many to be read in advance.
fn updated(connection: &Connection, since: Timestamp, budget: u32) -> Result<Option<Vec<i64>>, StoreError> {
    let mut statement = connection.prepare_cached(UPDATED_SINCE).attempt(READING)?;
    let values = params![columns::instant(since), budget.saturating_add(1)];
    let rows = statement.query_map(values, |row| row.get(0)).attempt(READING)?;
    Ok(in_advance(rows.collect::<Result<_, _>>().attempt(READING)?, budget))
}

/// The streams that have got a status by a transition that has fallen due, lowest first; `None` if they are too many.
fn fallen_due(
    connection: &Connection,
    status: StatusName,
    at: UnixTime,
    budget: u32,
) -> Result<Option<Vec<i64>>, StoreError> {
    let Some(ended) = by_falling_due(status) else { return Ok(Some(Vec::new())) };
    let sql =
        format!("SELECT seq FROM streams INDEXED BY streams_due WHERE due_at <= ?1 AND {ended} LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql).attempt(READING)?;
    let values = params![columns::time(at), budget.saturating_add(1)];
    let rows = statement.query_map(values, |row| row.get(0)).attempt(READING)?;
    Ok(in_advance(rows.collect::<Result<_, _>>().attempt(READING)?, budget))
}

fn in_advance(mut sequences: Vec<i64>, budget: u32) -> Option<Vec<i64>> {
    sequences.sort_unstable();
    let most = usize::try_from(budget).unwrap_or(usize::MAX);
    (sequences.len() <= most).then_some(sequences)
}
