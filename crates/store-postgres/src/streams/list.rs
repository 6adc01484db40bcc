use fluxora_store::{Sequence, StoreError, StreamFilter, StreamPage, StreamQuery, rows};

use super::column_lists::stream_columns;
use super::conditions::{FALLEN_DUE, NOT_FALLEN_DUE, Value, by_falling_due, typed};
use super::intersection::{self, BUDGET};
use super::row;
use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// Reads a page. Its cost does not depend on where it begins: a page of one condition follows one index from there on, and a
/// page of several is an [`intersection`].
pub(crate) async fn list(lease: &Lease, query: &StreamQuery) -> Result<StreamPage, Fault> {
    if intersection::is_needed(&query.filter) {
        return intersection::page(lease, query, BUDGET).await;
    }
    let what = "reading a page of streams";
    let (sql, values) = page(query);
    let found = lease.query_typed(&sql, &typed(&values)).await.attempt(what)?;
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut page = StreamPage::default();
    for row in found.iter().take(limit) {
        match row::decode(row) {
            Ok(found) => page.streams.push(found.stream),
            Err(StoreError::Corrupt(row)) => page.unreadable.push(row),
            Err(error) => return Err(error.into()),
        }
    }
    if found.len() > limit
        && let Some(last) = limit.checked_sub(1).and_then(|last| found.get(last))
    {
        let seq: i64 = last.try_get(0).attempt(what)?;
        page.next = u64::try_from(seq).ok().map(Sequence);
    }
    Ok(page)
}

/// The statement of a page of one condition or none. A row comparison, and an order by both columns, have the order of one index: the
/// server follows it for any estimate of how many of the newest streams meet the condition.
///
/// Status is a matter of time: what has fallen due counts as happened although the stream clock has not recorded it yet. Those
/// few rows are found by when they were due, the others by their recorded status, and the two parts are merged in order.
pub(super) fn page(query: &StreamQuery) -> (String, Vec<Value>) {
    let StreamFilter { status, sender, recipient, origin, contract, updated_since: _ } = &query.filter;
    let before = Value::Place(query.before.map_or(i64::MAX, rows::seq));
    let select = concat!("SELECT ", stream_columns!(), " FROM streams WHERE");
    let limit = format!("LIMIT {}", i64::from(query.limit).saturating_add(1));
    let Some(status) = status else {
        let equal = [
            ("recipient", recipient.map(|address| address.to_string())),
            ("sender", sender.map(|address| address.to_string())),
            ("contract_id", contract.clone()),
            ("origin", origin.map(|origin| origin.as_str().to_owned())),
        ];
        let given = equal.into_iter().find_map(|(column, value)| Some((column, value?)));
        let Some((column, value)) = given else {
            return (format!("{select} seq < $1 ORDER BY seq DESC {limit}"), vec![before]);
        };
        let range = format!("({column}, seq) < ($1, $2) AND {column} >= $1");
        let sql = format!("{select} {range} ORDER BY {column} DESC, seq DESC {limit}");
        return (sql, vec![Value::Text(value), before]);
    };
    // The constants of a status call the first values $1 and $2.
    let values = vec![Value::Text(columns::time(query.at)), Value::Text(status.as_str().to_owned()), before];
    let range = format!("(status, seq) < ($2, $3) AND status >= $2 AND {NOT_FALLEN_DUE}");
    let recorded = format!("{select} {range} ORDER BY status DESC, seq DESC {limit}");
    let sql = match by_falling_due(*status) {
        None => recorded,
        Some(since) => format!(
            "({recorded}) UNION ALL ({select} {FALLEN_DUE} AND {since} AND seq < $3 ORDER BY seq DESC {limit}) \
             ORDER BY seq DESC {limit}"
        ),
    };
    (sql, values)
}
