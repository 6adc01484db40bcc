//! The SQL of webhooks: what the steps of [`fluxora_store::delivery`] need, each for many rows at once.
//!
//! Locks are taken in one order: the row of the fan-out cursor or of a replay, then rows of endpoints in the order of their creation. The row
//! of an endpoint is the lock of all its deliveries. A claim passes over endpoints that are locked.

pub(crate) mod columns;
pub(crate) mod deliveries;
pub(crate) mod endpoints;
mod events;
mod figures;
mod lists;
mod page;
pub(crate) mod replays;
mod retention;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fluxora_delivery::{
    Attempt as DeliveryAttempt, Delivery, DeliveryId, EndpointId, Replay, ReplayFilter, ReplayId,
};
use fluxora_store::delivery::{
    DeliveryTransaction, EventToFanOut, FanOutCursor, InFlight, Lane, StoredDelivery, StoredEndpoint,
};
use fluxora_store::{Sequence, StoreError};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::faults::{Attempt, Fault};
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;

pub(crate) use events::save_cursor;
pub(crate) use figures::figures;
pub(crate) use lists::{
    attempts, cut, deliveries as list_deliveries, delivery, endpoint, endpoint_owner,
    endpoints as list_endpoints,
};
#[cfg(test)]
pub(crate) use page::Statement;
pub(crate) use replays::{find as find_replay, list as list_replays};
pub(crate) use retention::delete_settled;

/// The window of a page, if it has one, and the page.
#[cfg(test)]
pub(crate) fn listing(query: &fluxora_store::delivery::DeliveryQuery) -> [Option<Statement>; 2] {
    [lists::window(query), Some(lists::statement(query, Some(Sequence(1))))]
}

#[cfg(test)]
pub(crate) fn listing_of_endpoints(query: &fluxora_store::delivery::EndpointQuery) -> [Option<Statement>; 2] {
    [Some(lists::window_of_endpoints(query)), Some(lists::statement_of_endpoints(query, None))]
}

#[cfg(test)]
pub(crate) fn listing_of_replays(query: &fluxora_store::delivery::ReplayQuery) -> [Option<Statement>; 2] {
    [replays::window(query), Some(replays::statement(query, None))]
}

/// Queries of claims, results and fan-out, with the indexes they are to follow.
#[cfg(test)]
pub(crate) const QUERIES: [(&str, &[&str]); 17] = [
    (endpoints::BY_ID, &["webhook_endpoints_id_key"]),
    (endpoints::RUNNABLE, &["webhook_endpoints_runnable"]),
    (endpoints::NEXT_RUNNABLE, &["webhook_endpoints_runnable"]),
    (endpoints::WITH_NOTICES, &["webhook_endpoints_with_notices"]),
    (endpoints::BEHIND, &["webhook_endpoints_behind"]),
    (events::AFTER, &["stream_events_pkey"]),
    (deliveries::BY_ID, &["webhook_deliveries_id_key"]),
    (deliveries::DUE, &["webhook_deliveries_due"]),
    (deliveries::IN_FLIGHT, &["webhook_deliveries_in_flight"]),
    (deliveries::IN_FLIGHT_OF_OWNERS, &["webhook_endpoints_by_owner", "webhook_deliveries_in_flight"]),
    (deliveries::CLAIMABLE_AT, &["webhook_deliveries_due"]),
    (deliveries::OPEN, &["webhook_deliveries_lanes"]),
    (deliveries::LANE_HEADS, &["webhook_deliveries_lanes"]),
    (deliveries::LANE_TURNS, &["webhook_deliveries_lanes"]),
    (deliveries::COPIES, &["webhook_deliveries_copies"]),
    (deliveries::BLOCKS, &["webhook_deliveries_blocking"]),
    (deliveries::BETWEEN, &["webhook_deliveries_by_endpoint"]),
];

/// A transaction on endpoints and deliveries.
pub(crate) struct Webhooks {
    transaction: PipelinedTransaction,
    /// Whether the instants of callers are taken instead of the database's clock.
    takes_callers_time: bool,
}

const NOW: &str = "SELECT date_trunc('milliseconds', clock_timestamp())";

impl Webhooks {
    pub(crate) fn begin(lease: Arc<Lease>, takes_callers_time: bool) -> Self {
        Self { transaction: PipelinedTransaction::begin(lease), takes_callers_time }
    }

    pub(crate) const fn pipeline(&mut self) -> &mut PipelinedTransaction {
        &mut self.transaction
    }

    pub(crate) async fn commit(self) -> Result<(), Fault> {
        self.transaction.commit().await
    }
}

/// The database's clock, in whole milliseconds.
pub(crate) async fn database_now(lease: &Lease) -> Result<Timestamp, Fault> {
    let what = "reading the clock";
    let statement = lease.prepare_cached(NOW).await.attempt(what)?;
    lease.query_one(&statement, &[]).await.and_then(|row| row.try_get(0)).attempt(what)
}

fn decode_all<T>(rows: &[Row], decode: impl Fn(&Row) -> Result<T, StoreError>) -> Result<Vec<T>, Fault> {
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}

fn texts<T: ToString>(ids: impl IntoIterator<Item = T>) -> Vec<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

impl DeliveryTransaction for Webhooks {
    type Fault = Fault;

    async fn now(&mut self, caller: Timestamp) -> Result<Timestamp, Fault> {
        if self.takes_callers_time {
            return Ok(caller);
        }
        let what = "reading the clock";
        let rows = self.transaction.query(what, NOW, &[]).await?;
        rows.first().map_or(Ok(caller), |row| row.try_get(0)).attempt(what)
    }

    async fn lock_endpoints(&mut self, ids: &BTreeSet<EndpointId>) -> Result<Vec<StoredEndpoint>, Fault> {
        let rows = self.transaction.query("locking endpoints", endpoints::BY_ID, &[&texts(ids)]).await?;
        decode_all(&rows, endpoints::decode)
    }

    async fn runnable_endpoints(&mut self, now: Timestamp, limit: u32) -> Result<Vec<StoredEndpoint>, Fault> {
        let what = "locking runnable endpoints";
        let rows = self.transaction.query(what, endpoints::RUNNABLE, &[&now, &i64::from(limit)]).await?;
        decode_all(&rows, endpoints::decode)
    }

    async fn next_runnable(&mut self) -> Result<Option<Timestamp>, Fault> {
        let what = "reading when an endpoint is runnable";
        let rows = self.transaction.query(what, endpoints::NEXT_RUNNABLE, &[]).await?;
        rows.first().map(|row| row.try_get(0)).transpose().attempt(what)
    }

    async fn all_endpoints(&mut self) -> Result<Vec<StoredEndpoint>, Fault> {
        let rows = self.transaction.query("reading endpoints", endpoints::ALL, &[]).await?;
        decode_all(&rows, endpoints::decode)
    }

    async fn endpoint_behind(&mut self) -> Result<Option<EndpointId>, Fault> {
        let what = "looking for an endpoint that is behind";
        let rows = self.transaction.query(what, endpoints::BEHIND, &[]).await?;
        let id: Option<&str> = rows.first().map(|row| row.try_get(0)).transpose().attempt(what)?;
        Ok(id.and_then(EndpointId::parse))
    }

    async fn endpoint_with_notices(&mut self) -> Result<Option<EndpointId>, Fault> {
        let what = "looking for an endpoint with notices";
        let rows = self.transaction.query(what, endpoints::WITH_NOTICES, &[]).await?;
        let id: Option<&str> = rows.first().map(|row| row.try_get(0)).transpose().attempt(what)?;
        Ok(id.and_then(EndpointId::parse))
    }

    async fn write_notices(&mut self, endpoint: &StoredEndpoint) -> Result<(), Fault> {
        endpoints::write_notices(&mut self.transaction, endpoint).await
    }

    async fn count_endpoints(&mut self, owner: Option<&str>) -> Result<u32, Fault> {
        let what = "counting endpoints";
        let rows = self.transaction.query(what, endpoints::COUNT, &[&owner]).await?;
        let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).attempt(what)?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn insert_endpoint(&mut self, endpoint: &StoredEndpoint) -> Result<Option<Sequence>, Fault> {
        endpoints::insert(&mut self.transaction, endpoint).await
    }

    async fn write_endpoint(&mut self, endpoint: &StoredEndpoint) -> Result<(), Fault> {
        endpoints::write(&mut self.transaction, endpoint).await?;
        endpoints::write_queues(&mut self.transaction, std::slice::from_ref(endpoint)).await
    }

    async fn write_queues(&mut self, endpoints: &[StoredEndpoint]) -> Result<(), Fault> {
        endpoints::write_queues(&mut self.transaction, endpoints).await
    }

    async fn mark_deleted(&mut self, id: EndpointId, at: Timestamp) -> Result<(), Fault> {
        endpoints::mark_deleted(&mut self.transaction, id, at).await
    }

    async fn fan_out_cursor(&mut self) -> Result<FanOutCursor, Fault> {
        events::cursor(&mut self.transaction).await
    }

    async fn save_fan_out_cursor(&mut self, cursor: Sequence) -> Result<(), Fault> {
        save_cursor(&mut self.transaction, cursor).await
    }

    async fn head(&mut self) -> Result<Sequence, Fault> {
        events::head(&mut self.transaction).await
    }

    async fn events_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<EventToFanOut>, Fault> {
        events::after(&mut self.transaction, after, limit).await
    }

    async fn open_lanes(&mut self, lanes: &BTreeSet<Lane>) -> Result<BTreeSet<Lane>, Fault> {
        deliveries::open_lanes(&mut self.transaction, lanes).await
    }

    async fn lane_blocks(
        &mut self,
        lanes: &BTreeSet<Lane>,
        now: Timestamp,
    ) -> Result<BTreeMap<Lane, Timestamp>, Fault> {
        deliveries::lane_blocks(&mut self.transaction, lanes, now).await
    }

    async fn free_lanes(&mut self, endpoint: EndpointId) -> Result<(), Fault> {
        deliveries::free_lanes(&mut self.transaction, endpoint).await
    }

    async fn lane_heads(&mut self, lanes: &BTreeSet<Lane>) -> Result<Vec<StoredDelivery>, Fault> {
        deliveries::of_lanes(&mut self.transaction, deliveries::LANE_HEADS, lanes).await
    }

    async fn lane_turns(&mut self, lanes: &BTreeSet<Lane>) -> Result<Vec<StoredDelivery>, Fault> {
        deliveries::of_lanes(&mut self.transaction, deliveries::LANE_TURNS, lanes).await
    }

    async fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<(), Fault> {
        deliveries::insert(&mut self.transaction, deliveries).await
    }

    async fn deliveries(&mut self, ids: &[DeliveryId]) -> Result<Vec<StoredDelivery>, Fault> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let what = "reading deliveries";
        let rows = self.transaction.query(what, deliveries::BY_ID, &[&texts(ids)]).await?;
        decode_all(&rows, deliveries::decode)
    }

    async fn copies_of(&mut self, originals: &[DeliveryId]) -> Result<Vec<StoredDelivery>, Fault> {
        if originals.is_empty() {
            return Ok(Vec::new());
        }
        let what = "reading replays of deliveries";
        let rows = self.transaction.query(what, deliveries::COPIES, &[&texts(originals)]).await?;
        decode_all(&rows, deliveries::decode)
    }

    async fn due_deliveries(
        &mut self,
        endpoints: &[EndpointId],
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, Fault> {
        let what = "reading due deliveries";
        let (ids, limit) = (texts(endpoints), i64::from(limit));
        let rows = self.transaction.query(what, deliveries::DUE, &[&ids, &now, &limit]).await?;
        decode_all(&rows, deliveries::decode)
    }

    async fn in_flight(&mut self, endpoints: &[EndpointId], now: Timestamp) -> Result<Vec<InFlight>, Fault> {
        deliveries::in_flight(&mut self.transaction, endpoints, now).await
    }

    async fn in_flight_of_owners(
        &mut self,
        owners: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<BTreeMap<String, u32>, Fault> {
        deliveries::in_flight_of_owners(&mut self.transaction, owners, now).await
    }

    async fn claimable_at(
        &mut self,
        endpoints: &[EndpointId],
    ) -> Result<Vec<(EndpointId, Timestamp)>, Fault> {
        deliveries::claimable_at(&mut self.transaction, endpoints).await
    }

    async fn write_deliveries(&mut self, deliveries: &[StoredDelivery]) -> Result<(), Fault> {
        deliveries::write(&mut self.transaction, deliveries).await
    }

    async fn insert_attempts(&mut self, attempts: &[(Sequence, DeliveryAttempt)]) -> Result<(), Fault> {
        deliveries::insert_attempts(&mut self.transaction, attempts).await
    }

    async fn waiting_deliveries(
        &mut self,
        endpoint: EndpointId,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, Fault> {
        let what = "reading waiting deliveries";
        let (id, limit) = (endpoint.to_string(), i64::from(limit));
        let rows = self.transaction.query(what, deliveries::WAITING, &[&id, &limit]).await?;
        decode_all(&rows, deliveries::decode)
    }

    async fn newest_delivery(&mut self) -> Result<Sequence, Fault> {
        deliveries::newest(&mut self.transaction).await
    }

    async fn deliveries_between(
        &mut self,
        endpoint: EndpointId,
        after: Sequence,
        upto: Sequence,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, Fault> {
        let what = "reading deliveries to replay";
        let (id, limit) = (endpoint.to_string(), i64::from(limit));
        let (after, upto) = (crate::columns::seq(after), crate::columns::seq(upto));
        let rows = self.transaction.query(what, deliveries::BETWEEN, &[&id, &after, &upto, &limit]).await?;
        decode_all(&rows, deliveries::decode)
    }

    async fn count_to_replay(&mut self, endpoint: EndpointId, filter: &ReplayFilter) -> Result<u64, Fault> {
        replays::count(&mut self.transaction, endpoint, filter).await
    }

    async fn insert_replay(&mut self, replay: &Replay) -> Result<bool, Fault> {
        replays::insert(&mut self.transaction, replay).await
    }

    async fn lock_replay(&mut self, id: ReplayId) -> Result<Option<Replay>, Fault> {
        let rows = self.transaction.query("locking a replay", replays::LOCK, &[&id.to_string()]).await?;
        Ok(decode_all(&rows, replays::decode)?.pop().map(|(_, replay)| replay))
    }

    async fn lock_running_replay(&mut self) -> Result<Option<Replay>, Fault> {
        let rows = self.transaction.query("locking a running replay", replays::RUNNING, &[]).await?;
        Ok(decode_all(&rows, replays::decode)?.pop().map(|(_, replay)| replay))
    }

    async fn write_replay(&mut self, replay: &Replay) -> Result<(), Fault> {
        replays::write(&mut self.transaction, replay).await
    }
}
