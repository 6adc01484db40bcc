use fluxora_delivery::{Attempt as DeliveryAttempt, DeliveryId, DeliveryStatus, EndpointId};
use fluxora_store::delivery::{
    DeliveryPage, DeliveryQuery, EndpointPage, EndpointQuery, ListedDelivery, StoredEndpoint,
};
use fluxora_store::{CorruptRow, Sequence, StoreError};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

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

/// Deliveries with their status and the owner of their endpoint.
macro_rules! listed {
    ($index:literal) => {
        concat!(
            "SELECT ",
            delivery_columns!(),
            ", ",
            status!(),
            " AS status, p.owner AS owner FROM webhook_deliveries d ",
            $index,
            " JOIN webhook_endpoints p ON p.id = d.endpoint"
        )
    };
}

const ATTEMPTS: &str = concat!(
    "SELECT ",
    attempt_columns!(),
    " FROM webhook_attempts a WHERE a.delivery = (SELECT seq FROM webhook_deliveries WHERE id = ?1) ORDER BY a.number"
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
    let mut sql = concat!(
        "SELECT ",
        endpoint_columns!(),
        " FROM webhook_endpoints WHERE deleted_at IS NULL AND seq < ?"
    )
    .to_owned();
    let mut values = vec![Value::Integer(query.before.map_or(i64::MAX, columns::seq))];
    if let Some(owner) = &query.owner {
        sql.push_str(" AND owner IS ?");
        values.push(owner.clone().map_or(Value::Null, Value::Text));
    }
    sql.push_str(" ORDER BY seq DESC LIMIT ?");
    values.push(Value::Integer(i64::from(query.limit.max(1)).saturating_add(1)));
    let what = "listing endpoints";
    let mut endpoints = select(connection, what, &sql, params_from_iter(values), endpoints::decode)?;
    let next = cut(&mut endpoints, query.limit, |stored| stored.sequence);
    Ok(EndpointPage { endpoints, next })
}

pub(crate) fn delivery(
    connection: &Connection,
    id: DeliveryId,
) -> Result<Option<ListedDelivery>, StoreError> {
    let sql = concat!(listed!(""), " WHERE d.id = ?1");
    find(connection, "reading a delivery", sql, [id.to_string()], decode)
}

pub(crate) fn attempts(connection: &Connection, id: DeliveryId) -> Result<Vec<DeliveryAttempt>, StoreError> {
    let what = "reading attempts";
    let rows = select(connection, what, ATTEMPTS, [id.to_string()], deliveries::decode_attempt)?;
    Ok(rows.into_iter().map(|(_, _, attempt)| attempt).collect())
}

pub(crate) fn deliveries(connection: &Connection, query: &DeliveryQuery) -> Result<DeliveryPage, StoreError> {
    let (sql, values) = statement(query);
    let mut deliveries = select(connection, "listing deliveries", &sql, params_from_iter(values), decode)?;
    let next = cut(&mut deliveries, query.limit, |listed| listed.sequence);
    Ok(DeliveryPage { deliveries, next })
}

/// A page, read in the order of an index from its place on.
pub(super) fn statement(query: &DeliveryQuery) -> (String, Vec<Value>) {
    let DeliveryQuery { owner, endpoint, status, stream, kind, created_from, created_until, before, limit } =
        query;
    let is_open =
        matches!(status, Some(DeliveryStatus::Pending | DeliveryStatus::InFlight | DeliveryStatus::Held));
    let from = match (status, endpoint, stream) {
        (Some(DeliveryStatus::Dead), None, None) => listed!("INDEXED BY webhook_deliveries_dead"),
        (_, _, Some(_)) => listed!("INDEXED BY webhook_deliveries_by_stream"),
        (_, Some(_), None) => listed!("INDEXED BY webhook_deliveries_by_endpoint"),
        (_, None, None) if is_open => listed!("INDEXED BY webhook_deliveries_open"),
        _ => listed!(""),
    };
    let mut sql = format!("{from} WHERE d.seq < ?");
    let mut values = vec![Value::Integer(before.map_or(i64::MAX, columns::seq))];
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
