//! How many streams match a filter, counted over a bounded number of index entries or rows.

use fluxora_store::{COUNTED_BY_INDEX, COUNTED_BY_ROW, StoreError, StreamCount, StreamFilter, StreamList};
use fluxora_stream::UnixTime;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::falling_due::by_falling_due;
use crate::columns;
use crate::faults::Attempt;

/// Most entries of one list, and most rows of several, that a count looks at.
#[derive(Clone, Copy)]
pub(super) struct Most {
    pub(super) entries: u32,
    pub(super) rows: u32,
}

pub(super) const MOST: Most = Most { entries: COUNTED_BY_INDEX, rows: COUNTED_BY_ROW };

/// What the conditions of a filter read.
const COLUMNS: &str = "seq, recipient, sender, contract_id, origin, status, due_at, end_time, updated_at";
const FALLEN_DUE: &str = "FROM streams INDEXED BY streams_due WHERE due_at <= ?1 ORDER BY due_at, seq";
const NOT_FALLEN_DUE: &str = "(due_at IS NULL OR due_at > ?1)";

pub(crate) fn count(
    connection: &Connection,
    filter: &StreamFilter,
    at: UnixTime,
) -> Result<StreamCount, StoreError> {
    counted(connection, filter, at, MOST)
}

pub(super) fn counted(
    connection: &Connection,
    filter: &StreamFilter,
    at: UnixTime,
    most: Most,
) -> Result<StreamCount, StoreError> {
    let counting = Counting { connection, filter, at };
    match filter.lists()[..] {
        [] => counting.by_entries(StreamList::All, most.entries),
        [list] => counting.by_entries(list, most.entries),
        [first, ..] => counting.by_rows(first, most.rows),
    }
}

struct Counting<'c> {
    connection: &'c Connection,
    filter: &'c StreamFilter,
    at: UnixTime,
}

impl Counting<'_> {
    /// Counts the entries of the index of a list.
    fn by_entries(&self, list: StreamList, most: u32) -> Result<StreamCount, StoreError> {
        let size = self.size(list, most)?;
        let is_complete = size <= most.into();
        let count = size.min(most.into());
        if list != StreamList::Status {
            return Ok(StreamCount { count, is_complete });
        }
        // The streams that have fallen due have another status than the recorded one.
        let due = self.one(&format!("SELECT count(*) FROM (SELECT 1 {FALLEN_DUE} LIMIT {})", above(most)))?;
        let lost = self.due_where("status = ?2", most)?;
        let won = match self.filter.status.and_then(by_falling_due) {
            Some(since) => self.due_where(since, most)?,
            None => 0,
        };
        let count = count.saturating_sub(lost).saturating_add(won);
        Ok(StreamCount { count, is_complete: is_complete && due <= most.into() })
    }

    fn due_where(&self, condition: &str, most: u32) -> Result<u64, StoreError> {
        self.one(&format!(
            "SELECT count(*) FROM (SELECT {COLUMNS} {FALLEN_DUE} LIMIT {most}) WHERE {condition}"
        ))
    }

    /// Counts the rows of the first list that is short enough, or else the newest rows of the first list.
    fn by_rows(&self, first: StreamList, most: u32) -> Result<StreamCount, StoreError> {
        let mut short = None;
        for list in self.filter.lists() {
            let mut size = self.size(list, most)?;
            if list == StreamList::Status && self.filter.status.and_then(by_falling_due).is_some() {
                let due = format!("SELECT count(*) FROM (SELECT 1 {FALLEN_DUE} LIMIT {})", above(most));
                size = size.max(self.one(&due)?);
            }
            if size <= most.into() {
                short = Some(list);
                break;
            }
        }
        let list = short.unwrap_or(first);
        let conditions = self.conditions();
        let since = self.filter.status.and_then(by_falling_due);
        let entries = entries(list);
        let count = match (list, since) {
            (StreamList::Status, since) => {
                let won = since
                    .map_or(Ok(0), |since| self.due_where(&format!("{since} AND {conditions}"), most))?;
                let recorded = self.one(&format!(
                    "SELECT count(*) FROM (SELECT {COLUMNS} {entries} LIMIT {most}) WHERE {NOT_FALLEN_DUE} AND {conditions}"
                ))?;
                recorded.saturating_add(won)
            }
            (_, since) => {
                let status = match (self.filter.status, since) {
                    (None, _) => "true".to_owned(),
                    (Some(_), None) => format!("status = ?2 AND {NOT_FALLEN_DUE}"),
                    (Some(_), Some(since)) => {
                        format!("(status = ?2 AND {NOT_FALLEN_DUE} OR due_at <= ?1 AND {since})")
                    }
                };
                self.one(&format!(
                    "SELECT count(*) FROM (SELECT {COLUMNS} {entries} LIMIT {most}) WHERE {status} AND {conditions}"
                ))?
            }
        };
        Ok(StreamCount { count, is_complete: short.is_some() })
    }

    /// How many entries a list has, up to one more than `most`.
    fn size(&self, list: StreamList, most: u32) -> Result<u64, StoreError> {
        self.one(&format!("SELECT count(*) FROM (SELECT 1 {} LIMIT {})", entries(list), above(most)))
    }

    /// Every condition but the status.
    fn conditions(&self) -> String {
        let conditions = self.filter.lists().into_iter().filter_map(|list| match list {
            StreamList::Recipient => Some("recipient = ?3"),
            StreamList::Sender => Some("sender = ?4"),
            StreamList::Contract => Some("contract_id = ?5"),
            StreamList::Updated => Some("updated_at >= ?6"),
            StreamList::Origin => Some("origin = ?7"),
            StreamList::Status | StreamList::All => None,
        });
        std::iter::once("true").chain(conditions).collect::<Vec<_>>().join(" AND ")
    }

    fn one(&self, sql: &str) -> Result<u64, StoreError> {
        let what = "counting streams";
        let StreamFilter { status, sender, recipient, origin, contract, updated_since } = self.filter;
        let text = |text: Option<String>| text.map_or(Value::Null, Value::Text);
        let values = [
            columns::time(self.at),
            text(status.map(|status| status.as_str().to_owned())),
            text(recipient.map(|address| address.to_string())),
            text(sender.map(|address| address.to_string())),
            text(contract.clone()),
            updated_since.map_or(Value::Null, |since| Value::Integer(since.as_millisecond())),
            text(origin.map(|origin| origin.as_str().to_owned())),
        ];
        let mut statement = self.connection.prepare_cached(sql).attempt(what)?;
        // SQLite takes as many values as the highest number that a statement names.
        let named = statement.parameter_count();
        let count: i64 = statement
            .query_row(params_from_iter(values.into_iter().take(named)), |row| row.get(0))
            .attempt(what)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

const fn above(most: u32) -> u32 {
    most.saturating_add(1)
}

/// The streams of a list, in the order of its index, the newest first.
const fn entries(list: StreamList) -> &'static str {
    match list {
        StreamList::Recipient => {
            "FROM streams INDEXED BY streams_by_recipient WHERE recipient = ?3 ORDER BY seq DESC"
        }
        StreamList::Sender => "FROM streams INDEXED BY streams_by_sender WHERE sender = ?4 ORDER BY seq DESC",
        StreamList::Contract => {
            "FROM streams INDEXED BY streams_by_contract WHERE contract_id = ?5 ORDER BY seq DESC"
        }
        StreamList::Updated => {
            "FROM streams INDEXED BY streams_by_update WHERE updated_at >= ?6 ORDER BY updated_at DESC, seq DESC"
        }
        StreamList::Status => "FROM streams INDEXED BY streams_by_status WHERE status = ?2 ORDER BY seq DESC",
        StreamList::Origin => "FROM streams INDEXED BY streams_by_origin WHERE origin = ?7 ORDER BY seq DESC",
        StreamList::All => "FROM streams",
    }
}
