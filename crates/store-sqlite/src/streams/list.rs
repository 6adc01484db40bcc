use fluxora_store::{Sequence, StoreError, StreamFilter, StreamPage, StreamQuery};
use fluxora_stream::{StatusName, UnixTime};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::column_lists::stream_columns;
use super::falling_due::by_falling_due;
use super::intersection::{self, BUDGET};
use super::row;
use crate::columns;
use crate::faults::Attempt;

/// Reads a page. Its cost does not depend on where it begins: a page of one condition follows one index from there on, and a
/// page of several is an [`intersection`].
pub(crate) fn list(connection: &Connection, query: &StreamQuery) -> Result<StreamPage, StoreError> {
    if intersection::is_needed(&query.filter) {
        return intersection::page(connection, query, BUDGET);
    }
    let what = "reading a page of streams";
    let (sql, values) = Query::of(&query.filter, query.at).before(query.before).select(query.limit);
    let mut statement = connection.prepare_cached(&sql).attempt(what)?;
    let mut rows = statement.query(params_from_iter(values)).attempt(what)?;
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut page = StreamPage::default();
    let (mut read, mut last) = (0_usize, None);
    while let Some(row) = rows.next().attempt(what)? {
        if read == limit {
            page.next = last;
            break;
        }
        read = read.saturating_add(1);
        last = row.get(0).ok().map(Sequence);
        match row::decode(row) {
            Ok(found) => page.streams.push(found.stream),
            Err(StoreError::Corrupt(row)) => page.unreadable.push(row),
            Err(error) => return Err(error),
        }
    }
    Ok(page)
}

/// The conditions of a query, as SQL with numbered values.
///
/// Status is a matter of time: what has fallen due counts as happened although the stream clock has not recorded it yet. Those
/// few rows are found by when they were due, the others by their recorded status, and the two parts are merged in order.
///
/// The query names its index instead of leaving the choice to statistics: the plan does not depend on the data.
pub(super) struct Query {
    conditions: String,
    values: Vec<Value>,
    status: Option<StatusName>,
    index: Option<&'static str>,
}

/// `?1` is the instant, `?2` the status.
const RECORDED: &str = "status = ?2";
const FALLEN_DUE: &str = "due_at <= ?1";
const NOT_FALLEN_DUE: &str = "(due_at IS NULL OR due_at > ?1)";

impl Query {
    pub(super) fn of(filter: &StreamFilter, at: UnixTime) -> Self {
        let StreamFilter { status, sender, recipient, origin, contract, updated_since } = filter;
        let mut query = Self {
            conditions: String::new(),
            values: status.map_or(Vec::new(), |status| vec![columns::time(at), text(status.as_str())]),
            status: *status,
            index: None,
        };
        // The index that is likely to hold the fewest rows comes first.
        let conditions = [
            ("recipient", "streams_by_recipient", recipient.map(|address| text(address.to_string()))),
            ("sender", "streams_by_sender", sender.map(|address| text(address.to_string()))),
            ("contract_id", "streams_by_contract", contract.clone().map(text)),
            ("origin", "streams_by_origin", origin.map(|origin| text(origin.as_str()))),
        ];
        for (column, index, value) in conditions {
            if let Some(value) = value {
                query.require(&format!("{column} = "), value);
                query.index.get_or_insert(index);
            }
        }
        if let Some(since) = updated_since {
            query.require("updated_at >= ", Value::Integer(since.as_millisecond()));
            query.index.get_or_insert("streams_by_update");
        }
        if status.is_some() && (query.index.is_none() || query.index == Some("streams_by_origin")) {
            query.index = Some("streams_by_status");
        }
        query
    }

    pub(super) fn before(mut self, place: Option<Sequence>) -> Self {
        if let Some(Sequence(place)) = place {
            self.require("seq < ", Value::Integer(columns::count(place)));
        }
        self
    }

    fn require(&mut self, condition: &str, value: Value) {
        let parameter = self.bind(value);
        self.conditions.push_str(" AND ");
        self.conditions.push_str(condition);
        self.conditions.push_str(&parameter);
    }

    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    pub(super) fn select(mut self, limit: u32) -> (String, Vec<Value>) {
        let limit = self.bind(Value::Integer(i64::from(limit).saturating_add(1)));
        let conditions = &self.conditions;
        let index = self.index.map_or("NOT INDEXED".to_owned(), |index| format!("INDEXED BY {index}"));
        let columns = stream_columns!();
        let select = format!("SELECT {columns} FROM streams {index} WHERE");
        let rows = match (self.status, self.fallen_due()) {
            (None, _) => format!("{select} true{conditions}"),
            (Some(_), None) => format!("{select} {RECORDED} AND {NOT_FALLEN_DUE}{conditions}"),
            (Some(_), Some(since)) => format!(
                "{select} {RECORDED} AND {NOT_FALLEN_DUE}{conditions} UNION ALL \
                 SELECT {columns} FROM streams INDEXED BY streams_due WHERE {FALLEN_DUE} AND {since}{conditions}"
            ),
        };
        (format!("{rows} ORDER BY seq DESC LIMIT {limit}"), self.values)
    }

    fn fallen_due(&self) -> Option<&'static str> {
        by_falling_due(self.status?)
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}
