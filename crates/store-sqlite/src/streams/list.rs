use fluxora_store::{Position, StoreError, StreamFilter, StreamPage, StreamQuery};
use fluxora_stream::{StatusName, UnixTime};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::row::{self, origin_name, select_streams};
use crate::columns;
use crate::faults::Attempt;

/// Reads a page. It costs the same wherever it begins: each part walks one index from the place on.
pub(crate) fn list(connection: &Connection, query: &StreamQuery) -> Result<StreamPage, StoreError> {
    let what = "reading a page of streams";
    let mut parts = Query::of(&query.filter, query.at);
    if let Some(Position(before)) = query.before {
        parts.require("seq < ", Value::Integer(columns::count(before)));
    }
    let (sql, values) = parts.select(select_streams!(), query.limit);
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
        last = row.get(0).ok().map(Position);
        match row::decode(row) {
            Ok(found) => page.streams.push(found.stream),
            Err(StoreError::Corrupt(row)) => page.unreadable.push(row),
            Err(error) => return Err(error),
        }
    }
    Ok(page)
}

pub(crate) fn count(
    connection: &Connection,
    filter: &StreamFilter,
    at: UnixTime,
) -> Result<u64, StoreError> {
    let what = "counting streams";
    let (sql, values) = Query::of(filter, at).count();
    let mut statement = connection.prepare_cached(&sql).attempt(what)?;
    statement.query_row(params_from_iter(values), |row| row.get(0)).attempt(what)
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

/// `?1` is the instant, `?2` the status.
const RECORDED: &str = "status = ?2 AND (due_at IS NULL OR due_at > ?1)";
const FALLEN_DUE: &str = "due_at <= ?1 AND ?2 = CASE WHEN end_time <= ?1 THEN 'completed' ELSE 'active' END";

impl Query {
    fn of(filter: &StreamFilter, at: UnixTime) -> Self {
        let mut query = Self { conditions: String::new(), values: Vec::new(), status: filter.status };
        if let Some(status) = filter.status {
            query.values = vec![columns::time(at), text(status.as_str())];
        }
        let StreamFilter { status: _, sender, recipient, origin, contract } = filter;
        let conditions = [
            ("sender = ", sender.map(|address| text(address.to_string()))),
            ("recipient = ", recipient.map(|address| text(address.to_string()))),
            ("origin = ", origin.map(|origin| text(origin_name(origin)))),
            ("contract_id = ", contract.clone().map(text)),
        ];
        for (condition, value) in conditions {
            if let Some(value) = value {
                query.require(condition, value);
            }
        }
        query
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

    fn select(mut self, select: &str, limit: u32) -> (String, Vec<Value>) {
        let limit = self.bind(Value::Integer(i64::from(limit).saturating_add(1)));
        let conditions = &self.conditions;
        let rows = match self.status {
            None => format!("{select} WHERE true{conditions}"),
            Some(_) => format!(
                "{select} WHERE {RECORDED}{conditions} UNION ALL {select} WHERE {FALLEN_DUE}{conditions}"
            ),
        };
        (format!("{rows} ORDER BY seq DESC LIMIT {limit}"), self.values)
    }

    fn count(self) -> (String, Vec<Value>) {
        let conditions = &self.conditions;
        let count = "SELECT count(*) FROM streams WHERE";
        let sql = match self.status {
            None => format!("{count} true{conditions}"),
            Some(_) => {
                format!("SELECT ({count} {RECORDED}{conditions}) + ({count} {FALLEN_DUE}{conditions})")
            }
        };
        (sql, self.values)
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}
