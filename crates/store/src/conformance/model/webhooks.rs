//! The webhooks of the model: the steps of a transaction on plain collections, each as simple as it is slow.

use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{
    Attempt, Delivery, DeliveryId, DeliveryState, DeliveryStatus, EndpointId, Ordering, Replay, ReplayFilter,
    ReplayId, ReplayState,
};
use jiff::Timestamp;

use super::Contents;
use super::event_log::parties;
use crate::delivery::{
    DeliveryTransaction, EventToFanOut, FanOutCursor, InFlight, Lane, ListedDelivery, StoredDelivery,
    StoredEndpoint,
};
use crate::{Sequence, StoreError};

#[derive(Clone, Debug, Default)]
pub(in crate::conformance) struct ModelWebhooks {
    /// In the order of creation, with the instant of their deletion.
    pub(in crate::conformance) endpoints: Vec<(StoredEndpoint, Option<Timestamp>)>,
    pub(in crate::conformance) deliveries: Vec<StoredDelivery>,
    pub(in crate::conformance) attempts: Vec<(Sequence, Attempt)>,
    pub(in crate::conformance) replays: Vec<(Sequence, Replay)>,
    pub(in crate::conformance) cursor: Sequence,
    /// Endpoints that were without an order at some time.
    was_unordered: BTreeSet<EndpointId>,
    /// The last position of an endpoint, a delivery and a replay that was used.
    last_endpoint: u64,
    last_delivery: u64,
    last_replay: u64,
}

impl ModelWebhooks {
    pub(super) fn find(&self, id: EndpointId) -> Option<&StoredEndpoint> {
        self.present().find(|stored| stored.endpoint.id == id)
    }

    /// Endpoints that are not deleted.
    pub(super) fn present(&self) -> impl DoubleEndedIterator<Item = &StoredEndpoint> {
        self.endpoints.iter().filter(|(_, deleted)| deleted.is_none()).map(|(stored, _)| stored)
    }

    fn find_mut(&mut self, id: EndpointId) -> &mut StoredEndpoint {
        &mut self.endpoints.iter_mut().find(|(stored, _)| stored.endpoint.id == id).unwrap().0
    }

    fn note_ordering(&mut self, stored: &StoredEndpoint) {
        let is_unordered = stored.endpoint.ordering == Ordering::None;
        self.was_unordered.extend(is_unordered.then_some(stored.endpoint.id));
    }

    fn of_lane(&self, lane: Lane) -> impl Iterator<Item = &StoredDelivery> {
        self.deliveries.iter().filter(move |stored| {
            (stored.delivery.endpoint, stored.delivery.stream) == (lane.endpoint, lane.stream)
                && stored.delivery.is_in_lane()
        })
    }

    pub(super) fn listed(&self, stored: &StoredDelivery) -> ListedDelivery {
        let of = |(endpoint, _): &&(StoredEndpoint, _)| endpoint.endpoint.id == stored.delivery.endpoint;
        let (endpoint, deleted) = self.endpoints.iter().find(of).unwrap();
        let status = stored.delivery.status(&endpoint.endpoint.state);
        let waits = matches!(stored.delivery.state, DeliveryState::Pending { .. });
        ListedDelivery {
            sequence: stored.sequence,
            delivery: stored.delivery.clone(),
            status: if deleted.is_some() && waits { DeliveryStatus::Cancelled } else { status },
            owner: endpoint.endpoint.owner.clone(),
        }
    }
}

impl ModelWebhooks {
    /// The owner of an endpoint, deleted or not.
    pub(super) fn owner(&self, id: EndpointId) -> Option<Option<String>> {
        let found = self.endpoints.iter().find(|(stored, _)| stored.endpoint.id == id);
        found.map(|(stored, _)| stored.endpoint.owner.clone())
    }
}

impl DeliveryTransaction for Contents {
    type Fault = StoreError;

    async fn now(&mut self, caller: Timestamp) -> Result<Timestamp, StoreError> {
        Ok(caller)
    }

    async fn lock_endpoints(
        &mut self,
        ids: &BTreeSet<EndpointId>,
    ) -> Result<Vec<StoredEndpoint>, StoreError> {
        Ok(self.webhooks.present().filter(|stored| ids.contains(&stored.endpoint.id)).cloned().collect())
    }

    async fn runnable_endpoints(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredEndpoint>, StoreError> {
        let runnable = |stored: &&StoredEndpoint| stored.queue.runnable_at.is_some_and(|at| at <= now);
        let mut endpoints: Vec<_> = self.webhooks.present().filter(runnable).cloned().collect();
        endpoints.sort_by_key(|stored| (stored.queue.runnable_at, stored.sequence));
        endpoints.truncate(usize::try_from(limit).unwrap());
        Ok(endpoints)
    }

    async fn next_runnable(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.webhooks.present().filter_map(|stored| stored.queue.runnable_at).min())
    }

    async fn all_endpoints(&mut self) -> Result<Vec<StoredEndpoint>, StoreError> {
        Ok(self.webhooks.present().cloned().collect())
    }

    async fn endpoint_behind(&mut self) -> Result<Option<EndpointId>, StoreError> {
        Ok(self.webhooks.present().find(|stored| stored.behind.is_some()).map(|stored| stored.endpoint.id))
    }

    async fn endpoint_with_notices(&mut self) -> Result<Option<EndpointId>, StoreError> {
        Ok(self.webhooks.present().find(|stored| !stored.notices.is_empty()).map(|stored| stored.endpoint.id))
    }

    async fn write_notices(&mut self, endpoint: &StoredEndpoint) -> Result<(), StoreError> {
        self.webhooks.find_mut(endpoint.endpoint.id).notices.clone_from(&endpoint.notices);
        Ok(())
    }

    async fn count_endpoints(&mut self, owner: Option<&str>) -> Result<u32, StoreError> {
        let count =
            self.webhooks.present().filter(|stored| stored.endpoint.owner.as_deref() == owner).count();
        Ok(u32::try_from(count).unwrap())
    }

    async fn insert_endpoint(&mut self, endpoint: &StoredEndpoint) -> Result<Option<Sequence>, StoreError> {
        let id = endpoint.endpoint.id;
        if self.webhooks.endpoints.iter().any(|(stored, _)| stored.endpoint.id == id) {
            return Ok(None);
        }
        self.webhooks.note_ordering(endpoint);
        self.webhooks.last_endpoint += 1;
        let sequence = Sequence(self.webhooks.last_endpoint);
        self.webhooks.endpoints.push((StoredEndpoint { sequence, ..endpoint.clone() }, None));
        Ok(Some(sequence))
    }

    async fn write_endpoint(&mut self, endpoint: &StoredEndpoint) -> Result<(), StoreError> {
        self.webhooks.note_ordering(endpoint);
        *self.webhooks.find_mut(endpoint.endpoint.id) = endpoint.clone();
        Ok(())
    }

    async fn write_queues(&mut self, endpoints: &[StoredEndpoint]) -> Result<(), StoreError> {
        for written in endpoints {
            let stored = self.webhooks.find_mut(written.endpoint.id);
            stored.queue = written.queue.clone();
            stored.behind = written.behind;
            stored.endpoint.state = written.endpoint.state.clone();
            stored.endpoint.updated_at = written.endpoint.updated_at;
            stored.endpoint.version = written.endpoint.version;
        }
        Ok(())
    }

    async fn mark_deleted(&mut self, id: EndpointId, at: Timestamp) -> Result<(), StoreError> {
        let deleted = self.webhooks.endpoints.iter_mut().find(|(stored, _)| stored.endpoint.id == id);
        let (stored, deleted) = deleted.unwrap();
        stored.queue.runnable_at = None;
        stored.notices.clear();
        *deleted = Some(at);
        Ok(())
    }

    async fn fan_out_cursor(&mut self) -> Result<FanOutCursor, StoreError> {
        Ok(FanOutCursor { sequence: self.webhooks.cursor, followers: 0 })
    }

    async fn save_fan_out_cursor(&mut self, cursor: Sequence) -> Result<(), StoreError> {
        self.webhooks.cursor = cursor;
        Ok(())
    }

    async fn head(&mut self) -> Result<Sequence, StoreError> {
        Ok(Sequence(u64::try_from(self.events.len()).unwrap()))
    }

    async fn events_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<EventToFanOut>, StoreError> {
        let logged = (1..).map(Sequence).zip(&self.events).filter(|(sequence, _)| *sequence > after);
        let event = |(sequence, event): (Sequence, &fluxora_stream::StreamEvent)| EventToFanOut {
            logged: fluxora_stream::LoggedEvent { sequence, event: event.clone() },
            parties: parties(self, event),
        };
        Ok(logged.take(usize::try_from(limit).unwrap()).map(event).collect())
    }

    async fn open_lanes(&mut self, lanes: &BTreeSet<Lane>) -> Result<BTreeSet<Lane>, StoreError> {
        Ok(lanes.iter().copied().filter(|lane| self.webhooks.of_lane(*lane).next().is_some()).collect())
    }

    async fn lane_blocks(
        &mut self,
        lanes: &BTreeSet<Lane>,
        now: Timestamp,
    ) -> Result<BTreeMap<Lane, Timestamp>, StoreError> {
        let block = |lane: &Lane| {
            let of_lane = self.webhooks.deliveries.iter().filter(|stored| {
                (stored.delivery.endpoint, stored.delivery.stream) == (lane.endpoint, lane.stream)
            });
            let until = of_lane.filter_map(|stored| stored.delivery.blocks_until).max()?;
            (until > now).then_some((*lane, until))
        };
        Ok(lanes.iter().filter_map(block).collect())
    }

    async fn free_lanes(&mut self, endpoint: EndpointId) -> Result<(), StoreError> {
        let dead = self.webhooks.deliveries.iter_mut().filter(|stored| {
            stored.delivery.endpoint == endpoint && stored.delivery.state.dead_reason().is_some()
        });
        dead.for_each(|stored| stored.delivery.blocks_until = None);
        Ok(())
    }

    async fn lane_heads(&mut self, lanes: &BTreeSet<Lane>) -> Result<Vec<StoredDelivery>, StoreError> {
        let head = |lane: &Lane| self.webhooks.of_lane(*lane).min_by_key(|stored| stored.delivery.sequence);
        Ok(lanes.iter().filter_map(head).cloned().collect())
    }

    async fn lane_turns(&mut self, lanes: &BTreeSet<Lane>) -> Result<Vec<StoredDelivery>, StoreError> {
        let mut turns = Vec::new();
        for lane in lanes {
            let claimable = |stored: &&StoredDelivery| stored.delivery.state.claimable_at().is_some();
            let of_lane: Vec<_> = self.webhooks.of_lane(*lane).filter(claimable).cloned().collect();
            let waiting = self.webhooks.of_lane(*lane).count();
            let endpoint = &self.webhooks.find(lane.endpoint).unwrap().endpoint;
            // Deliveries that were written without an order have no turn.
            let has_turns = !self.webhooks.was_unordered.contains(&endpoint.id);
            let turns_of_lane = usize::from(waiting > 0);
            assert!(!has_turns || of_lane.len() == turns_of_lane, "one delivery of a lane has the turn");
            turns.extend(of_lane.into_iter().min_by_key(|stored| stored.delivery.sequence));
        }
        Ok(turns)
    }

    async fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<(), StoreError> {
        for delivery in deliveries {
            assert!(self.webhooks.deliveries.iter().all(|stored| stored.delivery.id != delivery.id));
            self.webhooks.last_delivery += 1;
            let sequence = Sequence(self.webhooks.last_delivery);
            self.webhooks.deliveries.push(StoredDelivery { sequence, delivery: delivery.clone() });
        }
        Ok(())
    }

    async fn deliveries(&mut self, ids: &[DeliveryId]) -> Result<Vec<StoredDelivery>, StoreError> {
        Ok(self
            .webhooks
            .deliveries
            .iter()
            .filter(|stored| ids.contains(&stored.delivery.id))
            .cloned()
            .collect())
    }

    async fn copies_of(&mut self, originals: &[DeliveryId]) -> Result<Vec<StoredDelivery>, StoreError> {
        let is_copy = |stored: &&StoredDelivery| {
            stored.delivery.replay_of.is_some_and(|original| originals.contains(&original))
        };
        Ok(self.webhooks.deliveries.iter().filter(is_copy).cloned().collect())
    }

    async fn due_deliveries(
        &mut self,
        endpoints: &[EndpointId],
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        let mut due = Vec::new();
        for id in endpoints {
            let is_due = |stored: &&StoredDelivery| {
                stored.delivery.endpoint == *id
                    && stored.delivery.state.claimable_at().is_some_and(|at| at <= now)
            };
            let mut of_endpoint: Vec<_> = self.webhooks.deliveries.iter().filter(is_due).cloned().collect();
            of_endpoint.sort_by_key(|stored| (stored.delivery.state.claimable_at(), stored.sequence));
            of_endpoint.truncate(usize::try_from(limit).unwrap());
            due.extend(of_endpoint);
        }
        Ok(due)
    }

    async fn in_flight(
        &mut self,
        endpoints: &[EndpointId],
        now: Timestamp,
    ) -> Result<Vec<InFlight>, StoreError> {
        let of = |endpoint: EndpointId| {
            let leases =
                self.webhooks.deliveries.iter().filter(|stored| stored.delivery.endpoint == endpoint);
            let ends = leases.filter_map(|stored| stored.delivery.state.lease()).map(|lease| lease.until);
            let live: Vec<_> = ends.filter(|until| *until > now).collect();
            let leases = u32::try_from(live.len()).unwrap();
            Some(InFlight { endpoint, leases, first_end: live.into_iter().min()? })
        };
        Ok(endpoints.iter().filter_map(|endpoint| of(*endpoint)).collect())
    }

    async fn in_flight_of_owners(
        &mut self,
        owners: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<BTreeMap<String, u32>, StoreError> {
        let of = |owner: &String| {
            let leases = self.webhooks.deliveries.iter().filter(|stored| {
                let is_live = stored.delivery.state.lease().is_some_and(|lease| lease.until > now);
                is_live && self.webhooks.owner(stored.delivery.endpoint) == Some(Some(owner.clone()))
            });
            (owner.clone(), u32::try_from(leases.count()).unwrap())
        };
        Ok(owners.iter().map(of).collect())
    }

    async fn claimable_at(
        &mut self,
        endpoints: &[EndpointId],
    ) -> Result<Vec<(EndpointId, Timestamp)>, StoreError> {
        let of = |endpoint: &EndpointId| {
            let deliveries = self.webhooks.deliveries.iter();
            let of_endpoint = deliveries.filter(|stored| stored.delivery.endpoint == *endpoint);
            let first = of_endpoint.filter_map(|stored| stored.delivery.state.claimable_at()).min();
            first.map(|at| (*endpoint, at))
        };
        Ok(endpoints.iter().filter_map(of).collect())
    }

    async fn write_deliveries(&mut self, deliveries: &[StoredDelivery]) -> Result<(), StoreError> {
        for written in deliveries {
            let same = |stored: &&mut StoredDelivery| stored.sequence == written.sequence;
            *self.webhooks.deliveries.iter_mut().find(same).unwrap() = written.clone();
        }
        Ok(())
    }

    async fn insert_attempts(&mut self, attempts: &[(Sequence, Attempt)]) -> Result<(), StoreError> {
        self.webhooks.attempts.extend_from_slice(attempts);
        Ok(())
    }

    async fn waiting_deliveries(
        &mut self,
        endpoint: EndpointId,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        let waits = |stored: &&StoredDelivery| {
            stored.delivery.endpoint == endpoint
                && matches!(stored.delivery.state, DeliveryState::Pending { .. })
        };
        let deliveries = self.webhooks.deliveries.iter().filter(waits);
        Ok(deliveries.take(usize::try_from(limit).unwrap()).cloned().collect())
    }

    async fn newest_delivery(&mut self) -> Result<Sequence, StoreError> {
        Ok(self.webhooks.deliveries.last().map_or(Sequence(0), |stored| stored.sequence))
    }

    async fn deliveries_between(
        &mut self,
        endpoint: EndpointId,
        after: Sequence,
        upto: Sequence,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        let within = |stored: &&StoredDelivery| {
            stored.delivery.endpoint == endpoint && after < stored.sequence && stored.sequence <= upto
        };
        let deliveries = self.webhooks.deliveries.iter().filter(within);
        Ok(deliveries.take(usize::try_from(limit).unwrap()).cloned().collect())
    }

    async fn count_to_replay(
        &mut self,
        endpoint: EndpointId,
        filter: &ReplayFilter,
    ) -> Result<u64, StoreError> {
        let of_endpoint =
            self.webhooks.deliveries.iter().filter(|stored| stored.delivery.endpoint == endpoint);
        let matching = of_endpoint.filter(|stored| filter.matches(&stored.delivery));
        Ok(u64::try_from(matching.count()).unwrap())
    }

    async fn insert_replay(&mut self, replay: &Replay) -> Result<bool, StoreError> {
        self.webhooks.last_replay += 1;
        self.webhooks.replays.push((Sequence(self.webhooks.last_replay), replay.clone()));
        Ok(true)
    }

    async fn lock_replay(&mut self, id: ReplayId) -> Result<Option<Replay>, StoreError> {
        Ok(self.webhooks.replays.iter().find(|(_, replay)| replay.id == id).map(|(_, replay)| replay.clone()))
    }

    async fn lock_running_replay(&mut self) -> Result<Option<Replay>, StoreError> {
        let mut replays = self.webhooks.replays.iter().map(|(_, replay)| replay);
        Ok(replays.find(|replay| replay.state == ReplayState::Running).cloned())
    }

    async fn write_replay(&mut self, replay: &Replay) -> Result<(), StoreError> {
        let same = |(_, stored): &&mut (Sequence, Replay)| stored.id == replay.id;
        self.webhooks.replays.iter_mut().find(same).unwrap().1 = replay.clone();
        Ok(())
    }
}
