use fluxora_delivery::{Attempt as DeliveryAttempt, DeliveryId, DeliveryStatus, EndpointId};
use fluxora_store::delivery::{
    DeliveryPage, DeliveryQuery, EndpointPage, EndpointQuery, ListedDelivery, StoredEndpoint,
};
use fluxora_store::{CorruptRow, Sequence, StoreError};
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::columns::{attempt_columns, delivery_columns, endpoint_columns};
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
    () => {
        concat!(
            "SELECT ",
            delivery_columns!(),
            ", ",
            status!(),
            " AS status, p.owner AS owner FROM webhook_deliveries d JOIN LATERAL (SELECT state, owner, deleted_at \
             FROM webhook_endpoints WHERE id = d.endpoint OFFSET 0) AS p ON true"
        )
    };
}

const ENDPOINT: &str =
    concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE id = $1 AND deleted_at IS NULL");
const ENDPOINTS: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM webhook_endpoints WHERE deleted_at IS NULL AND seq < $1 \
     AND ($2::bool OR owner IS NOT DISTINCT FROM $3::text) ORDER BY seq DESC LIMIT $4"
);
const DELIVERY: &str = concat!(listed!(), " WHERE d.id = $1");
const ATTEMPTS: &str = concat!(
    "SELECT ",
    attempt_columns!(),
    " FROM webhook_attempts a WHERE a.delivery = (SELECT seq FROM webhook_deliveries WHERE id = $1) ORDER BY a.number"
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

pub(crate) async fn endpoints(lease: &Lease, query: &EndpointQuery) -> Result<EndpointPage, Fault> {
    let what = "listing endpoints";
    let statement = lease.prepare_cached(ENDPOINTS).await.attempt(what)?;
    let before = query.before.map_or(i64::MAX, columns::seq);
    let (all, owner) = (query.owner.is_none(), query.owner.clone().flatten());
    let one_more = i64::from(query.limit.max(1)).saturating_add(1);
    let rows = lease.query(&statement, &[&before, &all, &owner, &one_more]).await.attempt(what)?;
    let mut endpoints = decode_all(&rows, endpoints::decode)?;
    let next = cut(&mut endpoints, query.limit, |stored| stored.sequence);
    Ok(EndpointPage { endpoints, next })
}

pub(crate) async fn delivery(lease: &Lease, id: DeliveryId) -> Result<Option<ListedDelivery>, Fault> {
    let what = "reading a delivery";
    let statement = lease.prepare_cached(DELIVERY).await.attempt(what)?;
    let rows = lease.query(&statement, &[&id.to_string()]).await.attempt(what)?;
    Ok(decode_all(&rows, decode)?.pop())
}

pub(crate) async fn attempts(lease: &Lease, id: DeliveryId) -> Result<Vec<DeliveryAttempt>, Fault> {
    let what = "reading attempts";
    let statement = lease.prepare_cached(ATTEMPTS).await.attempt(what)?;
    let rows = lease.query(&statement, &[&id.to_string()]).await.attempt(what)?;
    let attempts = decode_all(&rows, deliveries::decode_attempt)?;
    Ok(attempts.into_iter().map(|(_, _, attempt)| attempt).collect())
}

pub(crate) async fn deliveries(lease: &Lease, query: &DeliveryQuery) -> Result<DeliveryPage, Fault> {
    let what = "listing deliveries";
    let statement = Statement::of(query);
    let rows = lease.query_typed(&statement.sql, &statement.typed()).await.attempt(what)?;
    let mut deliveries = decode_all(&rows, decode)?;
    let next = cut(&mut deliveries, query.limit, |listed| listed.sequence);
    Ok(DeliveryPage { deliveries, next })
}

/// A page, planned for its values: it is read in the order of an index from its place on.
struct Statement {
    sql: String,
    values: Vec<Value>,
}

enum Value {
    Integer(i64),
    Text(Option<String>),
    Instant(Timestamp),
}

impl Statement {
    fn of(query: &DeliveryQuery) -> Self {
        let DeliveryQuery {
            owner,
            endpoint,
            status,
            stream,
            kind,
            created_from,
            created_until,
            before,
            limit,
        } = query;
        let mut this = Self { sql: listed!().to_owned(), values: Vec::new() };
        this.require(" WHERE d.seq < ", Value::Integer(before.map_or(i64::MAX, columns::seq)));
        if let Some(owner) = owner {
            this.require(" AND p.owner IS NOT DISTINCT FROM ", Value::Text(owner.clone()));
        }
        if let Some(endpoint) = endpoint {
            this.require(" AND d.endpoint = ", Value::Text(Some(endpoint.to_string())));
        }
        if let Some(status) = status {
            // The conditions of the partial indexes.
            let condition = match status {
                DeliveryStatus::Dead => concat!(" AND d.state = 'dead' AND ", status!(), " = "),
                DeliveryStatus::Pending | DeliveryStatus::InFlight | DeliveryStatus::Held => {
                    concat!(" AND d.settled_at IS NULL AND ", status!(), " = ")
                }
                DeliveryStatus::Delivered | DeliveryStatus::Cancelled => concat!(" AND ", status!(), " = "),
            };
            this.require(condition, Value::Text(Some(status.name().to_owned())));
        }
        if let Some(stream) = stream {
            this.require(" AND d.stream = ", Value::Text(Some(stream.to_string())));
        }
        if let Some(kind) = kind {
            this.require(" AND d.type = ", Value::Text(Some(kind.name().to_owned())));
        }
        if let Some(from) = created_from {
            this.require(" AND d.created_at >= ", Value::Instant(columns::instant(*from)));
        }
        if let Some(until) = created_until {
            this.require(" AND d.created_at < ", Value::Instant(columns::instant(*until)));
        }
        let one_more = i64::from((*limit).max(1)).saturating_add(1);
        this.require(" ORDER BY d.seq DESC LIMIT ", Value::Integer(one_more));
        this
    }

    fn require(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        self.sql.push_str(&format!("{condition}${}", self.values.len()));
    }

    fn typed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.values.iter().map(Value::typed).collect()
    }
}

impl Value {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Integer(integer) => (integer, Type::INT8),
            Self::Text(text) => (text, Type::TEXT),
            Self::Instant(instant) => (instant, Type::TIMESTAMPTZ),
        }
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
