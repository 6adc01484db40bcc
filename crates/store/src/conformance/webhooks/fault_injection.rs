//! A transaction on deliveries that breaks off at a chosen step, for proving that nothing of it stays.

use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{Attempt, Delivery, DeliveryId, EndpointId, Replay, ReplayFilter, ReplayId};
use jiff::Timestamp;

use crate::delivery::{
    DeliveryTransaction, EventToFanOut, FanOutCursor, InFlight, Lane, StoredDelivery, StoredEndpoint,
};
use crate::{Sequence, StoreError};

/// Hands every step on, until as many as were chosen are done; the next one fails.
#[derive(Debug)]
pub struct FailingDelivery<T> {
    inner: T,
    left: usize,
}

impl<T> FailingDelivery<T> {
    /// Lets `steps` steps pass.
    pub const fn after(steps: usize, inner: T) -> Self {
        Self { inner, left: steps }
    }

    /// The transaction.
    pub fn into_inner(self) -> T {
        self.inner
    }

    fn step(&mut self) -> Result<(), StoreError> {
        let broken = || StoreError::Unavailable { reason: "broken off".to_owned(), source: None };
        self.left = self.left.checked_sub(1).ok_or_else(broken)?;
        Ok(())
    }
}

/// Each step is the inner one, counted.
macro_rules! counted {
    ($($step:ident($($name:ident: $type:ty),*) -> $out:ty;)*) => {
        impl<T: DeliveryTransaction> DeliveryTransaction for FailingDelivery<T> {
            type Fault = T::Fault;

            $(
                async fn $step(&mut self, $($name: $type),*) -> Result<$out, T::Fault> {
                    self.step()?;
                    self.inner.$step($($name),*).await
                }
            )*
        }
    };
}

counted! {
    now(caller: Timestamp) -> Timestamp;
    lock_endpoints(ids: &BTreeSet<EndpointId>) -> Vec<StoredEndpoint>;
    runnable_endpoints(now: Timestamp, limit: u32) -> Vec<StoredEndpoint>;
    next_runnable() -> Option<Timestamp>;
    all_endpoints() -> Vec<StoredEndpoint>;
    endpoint_behind() -> Option<EndpointId>;
    endpoint_with_notices() -> Option<EndpointId>;
    write_notices(endpoint: &StoredEndpoint) -> ();
    count_endpoints(owner: Option<&str>) -> u32;
    insert_endpoint(endpoint: &StoredEndpoint) -> Option<Sequence>;
    write_endpoint(endpoint: &StoredEndpoint) -> ();
    write_queues(endpoints: &[StoredEndpoint]) -> ();
    mark_deleted(id: EndpointId, at: Timestamp) -> ();
    fan_out_cursor() -> FanOutCursor;
    save_fan_out_cursor(cursor: Sequence) -> ();
    head() -> Sequence;
    events_after(after: Sequence, limit: u32) -> Vec<EventToFanOut>;
    open_lanes(lanes: &BTreeSet<Lane>) -> BTreeSet<Lane>;
    lane_blocks(lanes: &BTreeSet<Lane>, now: Timestamp) -> BTreeMap<Lane, Timestamp>;
    free_lanes(endpoint: EndpointId) -> ();
    lane_heads(lanes: &BTreeSet<Lane>) -> Vec<StoredDelivery>;
    lane_turns(lanes: &BTreeSet<Lane>) -> Vec<StoredDelivery>;
    insert_deliveries(deliveries: &[Delivery]) -> ();
    deliveries(ids: &[DeliveryId]) -> Vec<StoredDelivery>;
    copies_of(originals: &[DeliveryId]) -> Vec<StoredDelivery>;
    due_deliveries(endpoints: &[EndpointId], now: Timestamp, limit: u32) -> Vec<StoredDelivery>;
    in_flight(endpoints: &[EndpointId], now: Timestamp) -> Vec<InFlight>;
    in_flight_of_owners(owners: &BTreeSet<String>, now: Timestamp) -> BTreeMap<String, u32>;
    claimable_at(endpoints: &[EndpointId]) -> Vec<(EndpointId, Timestamp)>;
    write_deliveries(deliveries: &[StoredDelivery]) -> ();
    insert_attempts(attempts: &[(Sequence, Attempt)]) -> ();
    waiting_deliveries(endpoint: EndpointId, limit: u32) -> Vec<StoredDelivery>;
    newest_delivery() -> Sequence;
    deliveries_between(endpoint: EndpointId, after: Sequence, upto: Sequence, limit: u32) -> Vec<StoredDelivery>;
    count_to_replay(endpoint: EndpointId, filter: &ReplayFilter) -> u64;
    insert_replay(replay: &Replay) -> bool;
    lock_replay(id: ReplayId) -> Option<Replay>;
    lock_running_replay() -> Option<Replay>;
    write_replay(replay: &Replay) -> ();
}
