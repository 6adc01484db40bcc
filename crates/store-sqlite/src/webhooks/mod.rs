//! The SQL of webhooks: the statements that the steps of [`fluxora_store::delivery`] need, on a given connection.

pub(crate) mod deliveries;
pub(crate) mod endpoints;
mod events;
mod figures;
mod lists;
#[cfg(test)]
mod plans;
pub(crate) mod replays;
mod retention;
#[cfg(test)]
mod skewed;

use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{
    Attempt as DeliveryAttempt, Delivery, DeliveryId, EndpointId, Replay, ReplayFilter, ReplayId,
};
use fluxora_store::delivery::{
    DeliveryTransaction, EventToFanOut, FanOutCursor, InFlight, Lane, StoredDelivery, StoredEndpoint,
};
use fluxora_store::{Sequence, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::faults::Attempt;
use crate::streams::log;

pub(crate) use events::save_cursor;
pub(crate) use figures::figures;
pub(crate) use lists::{
    attempts, cut, deliveries as list_deliveries, delivery, endpoint, endpoint_owner,
    endpoints as list_endpoints,
};
pub(crate) use replays::{find as find_replay, list as list_replays};
pub(crate) use retention::{DELETED_AT_ONCE, delete_settled};

/// A connection that a transaction is open on.
pub(crate) struct Webhooks<'c>(pub(crate) &'c Connection);

/// Reads rows, each by `decode`.
fn select<T>(
    connection: &Connection,
    what: &'static str,
    sql: &str,
    params: impl Params,
    decode: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).attempt(what)?;
    let rows = statement.query_map(params, |row| Ok(decode(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

/// Reads the first row, if there is one.
fn find<T>(
    connection: &Connection,
    what: &'static str,
    sql: &str,
    params: impl Params,
    decode: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).attempt(what)?;
    statement.query_row(params, |row| Ok(decode(row))).optional().attempt(what)?.transpose()
}

/// Runs a statement that changes rows. Returns how many.
fn execute(
    connection: &Connection,
    what: &'static str,
    sql: &str,
    params: impl Params,
) -> Result<usize, StoreError> {
    let run = || connection.prepare_cached(sql)?.execute(params);
    run().attempt(what)
}

impl DeliveryTransaction for Webhooks<'_> {
    type Fault = StoreError;

    /// One process has the database: its clock is the database's.
    async fn now(&mut self, caller: Timestamp) -> Result<Timestamp, StoreError> {
        Ok(caller)
    }

    async fn lock_endpoints(
        &mut self,
        ids: &BTreeSet<EndpointId>,
    ) -> Result<Vec<StoredEndpoint>, StoreError> {
        endpoints::read(self.0, ids)
    }

    async fn runnable_endpoints(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredEndpoint>, StoreError> {
        endpoints::runnable(self.0, now, limit)
    }

    async fn next_runnable(&mut self) -> Result<Option<Timestamp>, StoreError> {
        endpoints::next_runnable(self.0)
    }

    async fn all_endpoints(&mut self) -> Result<Vec<StoredEndpoint>, StoreError> {
        endpoints::all(self.0)
    }

    async fn endpoint_behind(&mut self) -> Result<Option<EndpointId>, StoreError> {
        endpoints::behind(self.0)
    }

    async fn endpoint_with_notices(&mut self) -> Result<Option<EndpointId>, StoreError> {
        endpoints::with_notices(self.0)
    }

    async fn write_notices(&mut self, endpoint: &StoredEndpoint) -> Result<(), StoreError> {
        endpoints::write_notices(self.0, endpoint)
    }

    async fn count_endpoints(&mut self, owner: Option<&str>) -> Result<u32, StoreError> {
        endpoints::count(self.0, owner)
    }

    async fn insert_endpoint(&mut self, endpoint: &StoredEndpoint) -> Result<Option<Sequence>, StoreError> {
        endpoints::insert(self.0, None, endpoint, None)
    }

    async fn write_endpoint(&mut self, endpoint: &StoredEndpoint) -> Result<(), StoreError> {
        endpoints::write(self.0, endpoint)
    }

    async fn write_queues(&mut self, endpoints: &[StoredEndpoint]) -> Result<(), StoreError> {
        endpoints.iter().try_for_each(|stored| endpoints::write_queue(self.0, stored))
    }

    async fn mark_deleted(&mut self, id: EndpointId, at: Timestamp) -> Result<(), StoreError> {
        endpoints::mark_deleted(self.0, id, at)
    }

    async fn fan_out_cursor(&mut self) -> Result<FanOutCursor, StoreError> {
        events::cursor(self.0)
    }

    async fn save_fan_out_cursor(&mut self, cursor: Sequence) -> Result<(), StoreError> {
        save_cursor(self.0, cursor)
    }

    async fn head(&mut self) -> Result<Sequence, StoreError> {
        log::head(self.0)
    }

    async fn events_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<EventToFanOut>, StoreError> {
        events::after(self.0, after, limit)
    }

    async fn open_lanes(&mut self, lanes: &BTreeSet<Lane>) -> Result<BTreeSet<Lane>, StoreError> {
        let mut open = BTreeSet::new();
        for lane in lanes {
            if deliveries::is_open(self.0, *lane)? {
                open.insert(*lane);
            }
        }
        Ok(open)
    }

    async fn lane_blocks(
        &mut self,
        lanes: &BTreeSet<Lane>,
        now: Timestamp,
    ) -> Result<BTreeMap<Lane, Timestamp>, StoreError> {
        let block = |lane: &Lane| {
            deliveries::block(self.0, *lane, now).transpose().map(|until| until.map(|until| (*lane, until)))
        };
        lanes.iter().filter_map(block).collect()
    }

    async fn free_lanes(&mut self, endpoint: EndpointId) -> Result<(), StoreError> {
        deliveries::free_lanes(self.0, endpoint)
    }

    async fn lane_heads(&mut self, lanes: &BTreeSet<Lane>) -> Result<Vec<StoredDelivery>, StoreError> {
        lanes.iter().filter_map(|lane| deliveries::lane_head(self.0, *lane).transpose()).collect()
    }

    async fn lane_turns(&mut self, lanes: &BTreeSet<Lane>) -> Result<Vec<StoredDelivery>, StoreError> {
        lanes.iter().filter_map(|lane| deliveries::lane_turn(self.0, *lane).transpose()).collect()
    }

    async fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<(), StoreError> {
        deliveries.iter().try_for_each(|delivery| deliveries::insert(self.0, None, delivery))
    }

    async fn deliveries(&mut self, ids: &[DeliveryId]) -> Result<Vec<StoredDelivery>, StoreError> {
        ids.iter().filter_map(|id| deliveries::by_id(self.0, *id).transpose()).collect()
    }

    async fn copies_of(&mut self, originals: &[DeliveryId]) -> Result<Vec<StoredDelivery>, StoreError> {
        let mut copies = Vec::new();
        for original in originals {
            copies.extend(deliveries::copies(self.0, *original)?);
        }
        Ok(copies)
    }

    async fn due_deliveries(
        &mut self,
        endpoints: &[EndpointId],
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        let mut due = Vec::new();
        for endpoint in endpoints {
            due.extend(deliveries::due(self.0, *endpoint, now, limit)?);
        }
        Ok(due)
    }

    async fn in_flight(
        &mut self,
        endpoints: &[EndpointId],
        now: Timestamp,
    ) -> Result<Vec<InFlight>, StoreError> {
        endpoints.iter().filter_map(|id| deliveries::in_flight(self.0, *id, now).transpose()).collect()
    }

    /// There is one writer.
    async fn in_flight_of_owners(
        &mut self,
        owners: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<BTreeMap<String, u32>, StoreError> {
        let count = |owner: &String| Ok((owner.clone(), deliveries::in_flight_of_owner(self.0, owner, now)?));
        owners.iter().map(count).collect()
    }

    async fn claimable_at(
        &mut self,
        endpoints: &[EndpointId],
    ) -> Result<Vec<(EndpointId, Timestamp)>, StoreError> {
        let first = |id: &EndpointId| {
            deliveries::claimable_at(self.0, *id).transpose().map(|at| at.map(|at| (*id, at)))
        };
        endpoints.iter().filter_map(first).collect()
    }

    async fn write_deliveries(&mut self, deliveries: &[StoredDelivery]) -> Result<(), StoreError> {
        deliveries.iter().try_for_each(|stored| deliveries::write(self.0, stored))
    }

    async fn insert_attempts(&mut self, attempts: &[(Sequence, DeliveryAttempt)]) -> Result<(), StoreError> {
        attempts
            .iter()
            .try_for_each(|(delivery, attempt)| deliveries::insert_attempt(self.0, None, *delivery, attempt))
    }

    async fn waiting_deliveries(
        &mut self,
        endpoint: EndpointId,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        deliveries::waiting(self.0, endpoint, limit)
    }

    async fn newest_delivery(&mut self) -> Result<Sequence, StoreError> {
        deliveries::newest(self.0)
    }

    async fn deliveries_between(
        &mut self,
        endpoint: EndpointId,
        after: Sequence,
        upto: Sequence,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        deliveries::between(self.0, endpoint, after, upto, limit)
    }

    async fn count_to_replay(
        &mut self,
        endpoint: EndpointId,
        filter: &ReplayFilter,
    ) -> Result<u64, StoreError> {
        replays::count(self.0, endpoint, filter)
    }

    async fn insert_replay(&mut self, replay: &Replay) -> Result<bool, StoreError> {
        // There is one writer: the id was free when it was looked up.
        replays::insert(self.0, None, replay).map(|()| true)
    }

    async fn lock_replay(&mut self, id: ReplayId) -> Result<Option<Replay>, StoreError> {
        replays::find(self.0, id)
    }

    async fn lock_running_replay(&mut self) -> Result<Option<Replay>, StoreError> {
        replays::running(self.0)
    }

    async fn write_replay(&mut self, replay: &Replay) -> Result<(), StoreError> {
        replays::write(self.0, replay)
    }
}
