use fluxora_delivery::{Attempt as DeliveryAttempt, DeliveryId, EndpointId};
use fluxora_store::delivery::{
    DeliveryIndex, DeliveryPage, DeliveryQuery, EndpointPage, EndpointQuery, ListedDelivery, StoredEndpoint,
};
use fluxora_store::{CorruptRow, Sequence, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::columns::{attempt_columns, delivery_columns, endpoint_columns};
use super::page::{self, Key, Select, Statement, Table, Value};
use super::{decode_all, deliveries, endpoints};
use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// The status in which a delivery is shown: `d` is the delivery, `p` its endpoint.
macro_rules! status {
    () => {
        "CASE WHEN d.state <> 'pending' THEN d.state WHEN p.deleted_at IS NOT NULL THEN 'cancelled' \
         WHEN p.state <> 'active' THEN 'held' ELSE 'pending' END"
    };
}

/// Deliveries with their status and the owner of their endpoint. `OFFSET 0` lets each endpoint be looked up, so that the deliveries
/// are read in the order of an index.
macro_rules! listed {
    ($body:literal) => {
        concat!(delivery_columns!($body), ", ", status!(), " AS status, p.owner AS owner")
    };
}
macro_rules! with_endpoint {
    () => {
        "JOIN LATERAL (SELECT id, state, owner, deleted_at FROM webhook_endpoints WHERE id = d.endpoint OFFSET 0) AS p ON true"
    };
}

const ENDPOINT: &str =
    concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE id = $1 AND deleted_at IS NULL");
const DELIVERY: &str = concat!(
    "SELECT ",
    listed!("d.body"),
    " FROM webhook_deliveries d ",
    with_endpoint!(),
    " WHERE d.id = $1"
);
const ATTEMPTS: &str = concat!(
    "SELECT ",
    attempt_columns!(),
    " FROM webhook_attempts a WHERE a.delivery = (SELECT seq FROM webhook_deliveries WHERE id = $1) AND a.number > $2 \
     ORDER BY a.number LIMIT $3"
);

pub(crate) async fn endpoint(lease: &Lease, id: EndpointId) -> Result<Option<StoredEndpoint>, Fault> {
    let what = "reading an endpoint";
    let statement = lease.prepare_cached(ENDPOINT).await.attempt(what)?;
    let rows = lease.query(&statement, &[&id.to_string()]).await.attempt(what)?;
    Ok(decode_all(&rows, endpoints::decode)?.pop())
}

/// Also of a deleted endpoint.
pub(crate) async fn endpoint_owner(lease: &Lease, id: EndpointId) -> Result<Option<Option<String>>, Fault> {
    let what = "reading the owner of an endpoint";
    let statement =
        lease.prepare_cached("SELECT owner FROM webhook_endpoints WHERE id = $1").await.attempt(what)?;
    let row = lease.query_opt(&statement, &[&id.to_string()]).await.attempt(what)?;
    row.map(|row| row.try_get(0)).transpose().attempt(what)
}

const ENDPOINTS: Table = Table("webhook_endpoints", "e");

pub(crate) async fn endpoints(lease: &Lease, query: &EndpointQuery) -> Result<EndpointPage, Fault> {
    let what = "listing endpoints";
    let floor = page::floor(lease, what, Some(window_of_endpoints(query))).await?;
    let statement = statement_of_endpoints(query, floor);
    let rows = lease.query_typed(&statement.sql, &statement.typed()).await.attempt(what)?;
    let mut endpoints = decode_all(&rows, endpoints::decode)?;
    let next = cut(&mut endpoints, query.limit, |stored| stored.sequence).or(floor);
    Ok(EndpointPage { endpoints, next })
}

pub(crate) fn window_of_endpoints(query: &EndpointQuery) -> Statement {
    Statement::window(ENDPOINTS, key_of_endpoints(query), query.before)
}

/// Deleted endpoints are in the index too.
pub(crate) fn statement_of_endpoints(query: &EndpointQuery, floor: Option<Sequence>) -> Statement {
    let select = Select { columns: endpoint_columns!(), table: ENDPOINTS, join: "" };
    let mut page = Statement::of(&select, key_of_endpoints(query), query.before, floor, query.limit);
    page.sql.push_str(" AND e.deleted_at IS NULL");
    page.end(query.limit)
}

fn key_of_endpoints(query: &EndpointQuery) -> Key {
    query.owner.as_ref().map_or(Key::All, |owner| Key::Equal("e.owner", owner.clone()))
}

pub(crate) async fn delivery(lease: &Lease, id: DeliveryId) -> Result<Option<ListedDelivery>, Fault> {
    let what = "reading a delivery";
    let statement = lease.prepare_cached(DELIVERY).await.attempt(what)?;
    let rows = lease.query(&statement, &[&id.to_string()]).await.attempt(what)?;
    Ok(decode_all(&rows, decode)?.pop())
}

pub(crate) async fn attempts(
    lease: &Lease,
    id: DeliveryId,
    after: u32,
    limit: u32,
) -> Result<Vec<DeliveryAttempt>, Fault> {
    let what = "reading attempts";
    let statement = lease.prepare_cached(ATTEMPTS).await.attempt(what)?;
    let values: [&(dyn ToSql + Sync); 3] = [&id.to_string(), &i64::from(after), &i64::from(limit)];
    let rows = lease.query(&statement, &values).await.attempt(what)?;
    let attempts = decode_all(&rows, deliveries::decode_attempt)?;
    Ok(attempts.into_iter().map(|(_, _, attempt)| attempt).collect())
}

pub(crate) async fn deliveries(lease: &Lease, query: &DeliveryQuery) -> Result<DeliveryPage, Fault> {
    let what = "listing deliveries";
    let floor = page::floor(lease, what, window(query)).await?;
    let statement = statement(query, floor);
    let rows = lease.query_typed(&statement.sql, &statement.typed()).await.attempt(what)?;
    let mut deliveries = decode_all(&rows, decode)?;
    let next = cut(&mut deliveries, query.limit, |listed| listed.sequence).or(floor);
    Ok(DeliveryPage { deliveries, next })
}

const DELIVERIES: Table = Table("webhook_deliveries", "d");

/// The last row of the window of a page; `None` if the page needs no window.
pub(crate) fn window(query: &DeliveryQuery) -> Option<Statement> {
    query.is_windowed().then(|| Statement::window(DELIVERIES, key(query), query.before))
}

/// A page down to the last row of its window.
pub(crate) fn statement(query: &DeliveryQuery, floor: Option<Sequence>) -> Statement {
    let DeliveryQuery { owner, endpoint, status, stream: _, kind, created_from, created_until, .. } = query;
    let select = Select { columns: listed!("''::bytea"), table: DELIVERIES, join: with_endpoint!() };
    let mut page = Statement::of(&select, key(query), query.before, floor, query.limit);
    if let Some(owner) = owner {
        page.require("p.owner IS NOT DISTINCT FROM", Value::Text(owner.clone()));
    }
    if let (Some(endpoint), DeliveryIndex::Stream(_) | DeliveryIndex::Dead) = (endpoint, query.index()) {
        // Not by `d.endpoint`: the server would follow the index of the endpoint where it expects fewer rows there.
        page.require("p.id =", Value::Text(Some(endpoint.to_string())));
    }
    if let Some(status) = status {
        page.require(concat!(status!(), " ="), Value::Text(Some(status.name().to_owned())));
    }
    if let Some(kind) = kind {
        page.require("d.type =", Value::Text(Some(kind.name().to_owned())));
    }
    if let Some(from) = created_from {
        page.require("d.created_at >=", Value::Instant(columns::instant(*from)));
    }
    if let Some(until) = created_until {
        page.require("d.created_at <", Value::Instant(columns::instant(*until)));
    }
    page.end(query.limit)
}

fn key(query: &DeliveryQuery) -> Key {
    match query.index() {
        DeliveryIndex::Stream(stream) => Key::Equal("d.stream", Some(stream.to_string())),
        DeliveryIndex::Endpoint(endpoint) => Key::Equal("d.endpoint", Some(endpoint.to_string())),
        // The conditions of the partial indexes.
        DeliveryIndex::Dead => Key::Where("d.state = 'dead'"),
        DeliveryIndex::Open => Key::Where("d.settled_at IS NULL"),
        DeliveryIndex::All => Key::All,
    }
}

fn decode(row: &Row) -> Result<ListedDelivery, StoreError> {
    let stored = deliveries::decode(row)?;
    let corrupt = |column, reason: String| {
        let row = stored.sequence.0.to_string();
        StoreError::from(CorruptRow { table: "webhook_deliveries", column, row, reason })
    };
    let status: &str = row.try_get("status").map_err(|error| corrupt("state", error.to_string()))?;
    let status = status.parse().map_err(|_| corrupt("state", "not a status".to_owned()))?;
    let owner = row.try_get("owner").map_err(|error| corrupt("endpoint", error.to_string()))?;
    Ok(ListedDelivery { sequence: stored.sequence, delivery: stored.delivery, status, owner })
}

/// Cuts a page that was read with one row more than the limit. Returns where the next page begins.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: u32, position: impl Fn(&T) -> Sequence) -> Option<Sequence> {
    let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().map(position).filter(|_| more)
}
