use fluxora_store::{Sequence, StoreError, StreamFilter, StreamPage, StreamQuery};
use fluxora_stream::{StatusName, UnixTime};

use super::column_lists::stream_columns;
use super::conditions::{FALLEN_DUE, NOT_FALLEN_DUE, RECORDED, Value, by_falling_due, typed};
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
    let rows = lease.query_typed(&sql, &typed(&values)).await.attempt(what)?;
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut page = StreamPage::default();
    for row in rows.iter().take(limit) {
        match row::decode(row) {
            Ok(found) => page.streams.push(found.stream),
            Err(StoreError::Corrupt(row)) => page.unreadable.push(row),
            Err(error) => return Err(error.into()),
        }
    }
    if rows.len() > limit
        && let Some(last) = limit.checked_sub(1).and_then(|last| rows.get(last))
    {
        let seq: i64 = last.try_get(0).attempt(what)?;
        page.next = u64::try_from(seq).ok().map(Sequence);
    }
    Ok(page)
}

pub(super) fn page(query: &StreamQuery) -> (String, Vec<Value>) {
    let mut parts = Query::of(&query.filter, query.at);
    if let Some(Sequence(before)) = query.before {
        parts.require("seq < ", Value::Place(i64::try_from(before).unwrap_or(i64::MAX)));
    }
    parts.select(query.limit)
}

/// The conditions of a query, as SQL with numbered values.
///
/// Status is a matter of time: what has fallen due counts as happened although the stream clock has not recorded it yet. Those
/// few rows are found by when they were due, the others by their recorded status, and the two parts are merged in order.
struct Query {
    conditions: String,
    values: Vec<Value>,
    status: Option<StatusName>,
}

impl Query {
    fn of(filter: &StreamFilter, at: UnixTime) -> Self {
        let StreamFilter { status, sender, recipient, origin, contract, updated_since } = filter;
        let mut query = Self {
            conditions: String::new(),
            values: status
                .map_or(Vec::new(), |status| vec![Value::Text(columns::time(at)), text(status.as_str())]),
            status: *status,
        };
        let conditions = [
            ("recipient = ", recipient.map(|address| text(address.to_string()))),
            ("sender = ", sender.map(|address| text(address.to_string()))),
            ("contract_id = ", contract.clone().map(text)),
            ("origin = ", origin.map(|origin| text(origin.as_str()))),
        ];
        for (condition, value) in conditions {
            if let Some(value) = value {
                query.require(condition, value);
            }
        }
        if let Some(since) = updated_since {
            query.require("updated_at >= ", Value::Instant(*since));
        }
        query
    }

    fn require(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        self.conditions.push_str(&format!(" AND {condition}${}", self.values.len()));
    }

    fn select(self, limit: u32) -> (String, Vec<Value>) {
        let Self { conditions, .. } = &self;
        let select = concat!("SELECT ", stream_columns!(), " FROM streams WHERE");
        let order = format!("ORDER BY seq DESC LIMIT {}", i64::from(limit).saturating_add(1));
        let sql = match (self.status, self.fallen_due()) {
            (None, _) => format!("{select} true{conditions} {order}"),
            (Some(_), None) => format!("{select} {RECORDED} AND {NOT_FALLEN_DUE}{conditions} {order}"),
            (Some(_), Some(since)) => format!(
                "({select} {RECORDED} AND {NOT_FALLEN_DUE}{conditions} {order}) UNION ALL \
                 ({select} {FALLEN_DUE} AND {since}{conditions} {order}) {order}"
            ),
        };
        (sql, self.values)
    }

    /// Which of the streams that have fallen due have the status asked for by that.
    fn fallen_due(&self) -> Option<&'static str> {
        by_falling_due(self.status?)
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}
