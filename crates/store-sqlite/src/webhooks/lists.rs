use fluxora_delivery::{Attempt as DeliveryAttempt, DeliveryId, DeliveryStatus, EndpointId};
use fluxora_store::delivery::{
    DeliveryIndex, DeliveryPage, DeliveryQuery, EndpointPage, EndpointQuery, LIST_WINDOW, ListedDelivery,
    StoredEndpoint,
};
use fluxora_store::{CorruptRow, Sequence, StoreError};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::deliveries::{self, attempt_columns, delivery_columns};
use super::endpoints::{self, endpoint_columns};
use super::{find, select};
use crate::columns;
use crate::faults::Attempt;

/// The status in which a delivery is shown: `d` is the delivery, `p` its endpoint.
macro_rules! status {
    () => {
        "CASE WHEN d.state <> 'pending' THEN d.state WHEN p.deleted_at IS NOT NULL THEN 'cancelled' \
         WHEN p.state <> 'active' THEN 'held' ELSE 'pending' END"
    };
}

/// Deliveries with their status and the owner of their endpoint. `CROSS JOIN`: SQLite reads the deliveries first.
macro_rules! listed {
    ($body:literal, $index:literal) => {
        concat!(
            "SELECT ",
            delivery_columns!($body),
            ", ",
            status!(),
            " AS status, p.owner AS owner FROM webhook_deliveries d ",
            $index,
            " CROSS JOIN webhook_endpoints p ON p.id = d.endpoint"
        )
    };
}

const ATTEMPTS: &str = concat!(
    "SELECT ",
    attempt_columns!(),
    " FROM webhook_attempts a WHERE a.delivery = (SELECT seq FROM webhook_deliveries WHERE id = ?1) AND a.number > ?2 \
     ORDER BY a.number LIMIT ?3"
);

pub(crate) fn endpoint(
    connection: &Connection,
    id: EndpointId,
) -> Result<Option<StoredEndpoint>, StoreError> {
    endpoints::by_id(connection, id)
}

/// Also of a deleted endpoint.
pub(crate) fn endpoint_owner(
    connection: &Connection,
    id: EndpointId,
) -> Result<Option<Option<String>>, StoreError> {
    let what = "reading the owner of an endpoint";
    let sql = "SELECT owner FROM webhook_endpoints WHERE id = ?1";
    find(connection, what, sql, [id.to_string()], |row| row.get(0).attempt(what))
}

pub(crate) fn endpoints(connection: &Connection, query: &EndpointQuery) -> Result<EndpointPage, StoreError> {
    let what = "listing endpoints";
    let floor = floor(connection, what, Some(window_of_endpoints(query)))?;
    let (sql, values) = statement_of_endpoints(query, floor);
    let mut endpoints = select(connection, what, &sql, params_from_iter(values), endpoints::decode)?;
    let next = cut(&mut endpoints, query.limit, |stored| stored.sequence).or(floor);
    Ok(EndpointPage { endpoints, next })
}

/// The statement that reads the last row of the window of a page of endpoints. Deleted ones are in the index too.
pub(super) fn window_of_endpoints(query: &EndpointQuery) -> (String, Vec<Value>) {
    let (from, mut values) = from_endpoints(query);
    values.push(Value::Integer(i64::from(LIST_WINDOW).saturating_sub(1)));
    (format!("SELECT seq {from} ORDER BY seq DESC LIMIT 1 OFFSET ?"), values)
}

pub(super) fn statement_of_endpoints(query: &EndpointQuery, floor: Option<Sequence>) -> (String, Vec<Value>) {
    let (from, mut values) = from_endpoints(query);
    values.push(Value::Integer(floor.map_or(0, columns::seq)));
    values.push(Value::Integer(i64::from(query.limit.max(1)).saturating_add(1)));
    let columns = endpoint_columns!();
    let rest = "AND seq >= ? AND deleted_at IS NULL ORDER BY seq DESC LIMIT ?";
    (format!("SELECT {columns} {from} {rest}"), values)
}

fn from_endpoints(query: &EndpointQuery) -> (&'static str, Vec<Value>) {
    let before = Value::Integer(query.before.map_or(i64::MAX, columns::seq));
    match &query.owner {
        None => ("FROM webhook_endpoints NOT INDEXED WHERE seq < ?", vec![before]),
        Some(owner) => {
            let from =
                "FROM webhook_endpoints INDEXED BY webhook_endpoints_by_owner WHERE owner IS ? AND seq < ?";
            (from, vec![owner.clone().map_or(Value::Null, Value::Text), before])
        }
    }
}

/// Reads where a window ends; `None` without one, or if fewer rows are left.
pub(super) fn floor(
    connection: &Connection,
    what: &'static str,
    window: Option<(String, Vec<Value>)>,
) -> Result<Option<Sequence>, StoreError> {
    let Some((sql, values)) = window else { return Ok(None) };
    find(connection, what, &sql, params_from_iter(values), |row| {
        row.get(0).map(fluxora_store::rows::sequence).attempt(what)
    })
}

pub(crate) fn delivery(
    connection: &Connection,
    id: DeliveryId,
) -> Result<Option<ListedDelivery>, StoreError> {
    let sql = concat!(listed!("d.body", ""), " WHERE d.id = ?1");
    find(connection, "reading a delivery", sql, [id.to_string()], decode)
}

pub(crate) fn attempts(
    connection: &Connection,
    id: DeliveryId,
    after: u32,
    limit: u32,
) -> Result<Vec<DeliveryAttempt>, StoreError> {
    let values = params![id.to_string(), after, limit];
    let rows = select(connection, "reading attempts", ATTEMPTS, values, deliveries::decode_attempt)?;
    Ok(rows.into_iter().map(|(_, _, attempt)| attempt).collect())
}

pub(crate) fn deliveries(connection: &Connection, query: &DeliveryQuery) -> Result<DeliveryPage, StoreError> {
    let what = "listing deliveries";
    let floor = floor(connection, what, window(query))?;
    let (sql, values) = statement(query, floor);
    let mut deliveries = select(connection, what, &sql, params_from_iter(values), decode)?;
    let next = cut(&mut deliveries, query.limit, |listed| listed.sequence).or(floor);
    Ok(DeliveryPage { deliveries, next })
}

/// The statement that reads the last row of the window of a page. `None` if the page needs no window.
pub(super) fn window(query: &DeliveryQuery) -> Option<(String, Vec<Value>)> {
    if !query.is_windowed() {
        return None;
    }
    let mut values = Vec::new();
    let from = match query.index() {
        DeliveryIndex::Stream(stream) => {
            values.push(Value::Text(stream.to_string()));
            "INDEXED BY webhook_deliveries_by_stream WHERE d.stream = ? AND"
        }
        DeliveryIndex::Dead => "INDEXED BY webhook_deliveries_dead WHERE d.state = 'dead' AND",
        DeliveryIndex::Endpoint(endpoint) => {
            values.push(Value::Text(endpoint.to_string()));
            "INDEXED BY webhook_deliveries_by_endpoint WHERE d.endpoint = ? AND"
        }
        DeliveryIndex::Open => "INDEXED BY webhook_deliveries_open WHERE d.settled_at IS NULL AND",
        DeliveryIndex::All => "NOT INDEXED WHERE",
    };
    values.push(Value::Integer(query.before.map_or(i64::MAX, columns::seq)));
    values.push(Value::Integer(i64::from(LIST_WINDOW).saturating_sub(1)));
    let sql = format!(
        "SELECT d.seq FROM webhook_deliveries d {from} d.seq < ? ORDER BY d.seq DESC LIMIT 1 OFFSET ?"
    );
    Some((sql, values))
}

/// A page, read in the order of an index from its place on, down to the last row of its window.
pub(super) fn statement(query: &DeliveryQuery, floor: Option<Sequence>) -> (String, Vec<Value>) {
    let DeliveryQuery { owner, endpoint, status, stream, kind, created_from, created_until, before, limit } =
        query;
    let is_open =
        matches!(status, Some(DeliveryStatus::Pending | DeliveryStatus::InFlight | DeliveryStatus::Held));
    let from = match query.index() {
        DeliveryIndex::Stream(_) => listed!("x''", "INDEXED BY webhook_deliveries_by_stream"),
        DeliveryIndex::Dead => listed!("x''", "INDEXED BY webhook_deliveries_dead"),
        DeliveryIndex::Endpoint(_) => listed!("x''", "INDEXED BY webhook_deliveries_by_endpoint"),
        DeliveryIndex::Open => listed!("x''", "INDEXED BY webhook_deliveries_open"),
        DeliveryIndex::All => listed!("x''", "NOT INDEXED"),
    };
    let mut sql = format!("{from} WHERE d.seq < ? AND d.seq >= ?");
    let floor = floor.map_or(0, columns::seq);
    let mut values = vec![Value::Integer(before.map_or(i64::MAX, columns::seq)), Value::Integer(floor)];
    let mut require = |condition: &str, value: Value| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.push(value);
    };
    if let Some(owner) = owner {
        require("p.owner IS ?", owner.clone().map_or(Value::Null, Value::Text));
    }
    if let Some(endpoint) = endpoint {
        require("d.endpoint = ?", Value::Text(endpoint.to_string()));
    }
    if let Some(status) = status {
        // The conditions of the partial indexes, to the letter.
        let condition = match status {
            DeliveryStatus::Dead => concat!("d.state = 'dead' AND ", status!(), " = ?"),
            _ if is_open => concat!("d.settled_at IS NULL AND ", status!(), " = ?"),
            _ => concat!(status!(), " = ?"),
        };
        require(condition, Value::Text(status.name().to_owned()));
    }
    if let Some(stream) = stream {
        require("d.stream = ?", Value::Text(stream.to_string()));
    }
    if let Some(kind) = kind {
        require("d.type = ?", Value::Text(kind.name().to_owned()));
    }
    if let Some(from) = created_from {
        require("d.created_at >= ?", Value::Integer(from.as_millisecond()));
    }
    if let Some(until) = created_until {
        require("d.created_at < ?", Value::Integer(until.as_millisecond()));
    }
    sql.push_str(" ORDER BY d.seq DESC LIMIT ?");
    values.push(Value::Integer(i64::from((*limit).max(1)).saturating_add(1)));
    (sql, values)
}

fn decode(row: &Row<'_>) -> Result<ListedDelivery, StoreError> {
    let stored = deliveries::decode(row)?;
    let what = "reading a delivery";
    let status: String = row.get("status").attempt(what)?;
    let status = status.parse().map_err(|_| CorruptRow {
        table: "webhook_deliveries",
        column: "state",
        row: stored.sequence.0.to_string(),
        reason: "not a status".to_owned(),
    })?;
    let owner = row.get("owner").attempt(what)?;
    Ok(ListedDelivery { sequence: stored.sequence, delivery: stored.delivery, status, owner })
}

/// Cuts a page that was read with one row more than the limit. Returns where the next page begins.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: u32, position: impl Fn(&T) -> Sequence) -> Option<Sequence> {
    let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().map(position).filter(|_| more)
}
