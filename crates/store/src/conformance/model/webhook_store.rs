use async_trait::async_trait;
use fluxora_delivery::{
    Attempt, DeliveryId, DeliveryState, DeliveryStatus, Endpoint, EndpointId, EndpointState, Policy, Replay,
    ReplayId, ReplayState,
};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Model;
use crate::delivery::{
    Claimed, DeliveryFigures, DeliveryPage, DeliveryQuery, EndpointCreated, EndpointPage, EndpointQuery,
    EndpointUpdate, EndpointUpdated, FannedOut, Fence, FollowerCache, ListedDelivery, ReplayPage,
    ReplayQuery, ResumeFrom, SettleOutcome, Settlement, StartReplay, StateChange, StoredEndpoint, steps,
};
use crate::{DeliveryStore, EndpointStore, Sequence, StoreError};

/// Cuts a list that was read with one row more than the limit. Returns the cursor of the next page.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: u32, cursor: impl Fn(&T) -> Sequence) -> Option<Sequence> {
    let limit = usize::try_from(limit).unwrap().max(1);
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().map(cursor).filter(|_| more)
}

#[async_trait]
impl EndpointStore for Model {
    async fn create_endpoint(
        &self,
        endpoint: Endpoint,
        from_head: bool,
        most: u32,
    ) -> Result<EndpointCreated, StoreError> {
        let mut contents = self.contents();
        let done = steps::create_endpoint(&mut *contents, &endpoint, from_head, most);
        let done = done.now_or_never().unwrap()?;
        Ok(self.record(&mut contents, done))
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<StoredEndpoint>, StoreError> {
        Ok(self.contents().webhooks.find(id).cloned())
    }

    async fn endpoint_owner(&self, id: EndpointId) -> Result<Option<Option<String>>, StoreError> {
        Ok(self.contents().webhooks.owner(id))
    }

    async fn list_endpoints(&self, query: &EndpointQuery) -> Result<EndpointPage, StoreError> {
        let contents = self.contents();
        let matching = contents.webhooks.present().rev().filter(|stored| {
            query.owner.as_ref().is_none_or(|owner| *owner == stored.endpoint.owner)
                && query.before.is_none_or(|before| stored.sequence < before)
        });
        let mut endpoints: Vec<_> = matching.cloned().collect();
        let next = cut(&mut endpoints, query.limit, |stored| stored.sequence);
        Ok(EndpointPage { endpoints, next })
    }

    async fn update_endpoint(
        &self,
        update: EndpointUpdate,
        now: Timestamp,
    ) -> Result<EndpointUpdated, StoreError> {
        let mut contents = self.contents();
        let done = steps::update_endpoint(&mut *contents, &update, now).now_or_never().unwrap()?;
        Ok(self.record(&mut contents, done))
    }

    async fn change_endpoint_state(
        &self,
        id: EndpointId,
        change: StateChange,
        now: Timestamp,
    ) -> Result<EndpointUpdated, StoreError> {
        let mut contents = self.contents();
        if change == StateChange::Resume(ResumeFrom::Now) {
            while steps::cancel_waiting(&mut *contents, id, now).now_or_never().unwrap()? {}
        }
        let done = steps::change_endpoint_state(&mut *contents, id, &change, now).now_or_never().unwrap()?;
        Ok(self.record(&mut contents, done))
    }

    async fn delete_endpoint(&self, id: EndpointId, now: Timestamp) -> Result<bool, StoreError> {
        let mut contents = self.contents();
        let done = steps::delete_endpoint(&mut *contents, id, now).now_or_never().unwrap()?;
        Ok(self.record(&mut contents, done))
    }
}

#[async_trait]
impl DeliveryStore for Model {
    async fn fan_out(&self, limit: u32, now: Timestamp) -> Result<FannedOut, StoreError> {
        // The model reads the endpoints each time.
        steps::fan_out(&mut *self.contents(), &FollowerCache::default(), limit, now).now_or_never().unwrap()
    }

    async fn claim(
        &self,
        worker: &str,
        limit: u32,
        lease: SignedDuration,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        steps::claim(&mut *self.contents(), worker, limit, lease, policy, now).now_or_never().unwrap()
    }

    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Vec<SettleOutcome>, StoreError> {
        steps::settle(&mut *self.contents(), &settlements, policy, now).now_or_never().unwrap()
    }

    async fn release(&self, fences: Vec<Fence>, now: Timestamp) -> Result<u64, StoreError> {
        steps::release(&mut *self.contents(), &fences, now).now_or_never().unwrap()
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<ListedDelivery>, StoreError> {
        let contents = self.contents();
        let mut deliveries = contents.webhooks.deliveries.iter();
        let found = deliveries.find(|stored| stored.delivery.id == id);
        Ok(found.map(|stored| contents.webhooks.listed(stored)))
    }

    async fn attempts(&self, id: DeliveryId, after: u32, limit: u32) -> Result<Vec<Attempt>, StoreError> {
        let contents = self.contents();
        let mut deliveries = contents.webhooks.deliveries.iter();
        let Some(of) = deliveries.find(|stored| stored.delivery.id == id) else { return Ok(Vec::new()) };
        let attempts = contents.webhooks.attempts.iter().filter(|(sequence, _)| *sequence == of.sequence);
        let attempts = attempts.map(|(_, attempt)| attempt).filter(|attempt| attempt.number > after);
        Ok(attempts.take(usize::try_from(limit).unwrap()).cloned().collect())
    }

    async fn list_deliveries(&self, query: &DeliveryQuery) -> Result<DeliveryPage, StoreError> {
        let contents = self.contents();
        let listed = contents.webhooks.deliveries.iter().rev().map(|stored| contents.webhooks.listed(stored));
        let mut deliveries: Vec<_> = listed.filter(|listed| matches(query, listed)).collect();
        deliveries.iter_mut().for_each(|listed| listed.delivery.body.clear());
        let next = cut(&mut deliveries, query.limit, |listed| listed.sequence);
        Ok(DeliveryPage { deliveries, next })
    }

    async fn replay(
        &self,
        id: DeliveryId,
        fresh: Option<Uuid>,
        now: Timestamp,
    ) -> Result<Option<(ListedDelivery, bool)>, StoreError> {
        let done = steps::replay(&mut *self.contents(), id, fresh, now).now_or_never().unwrap()?;
        let Some((sent, done)) = done else { return Ok(None) };
        let done = self.delivery(sent).await?.map(|listed| (listed, done));
        Ok(self.record(&mut self.contents(), done))
    }

    async fn skip(
        &self,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<(ListedDelivery, bool)>, StoreError> {
        let done = steps::skip(&mut *self.contents(), id, now).now_or_never().unwrap()?;
        let Some(done) = done else { return Ok(None) };
        let done = self.delivery(id).await?.map(|listed| (listed, done));
        Ok(self.record(&mut self.contents(), done))
    }

    async fn start_replay(
        &self,
        replay: StartReplay,
        now: Timestamp,
    ) -> Result<Option<(Replay, bool)>, StoreError> {
        let mut contents = self.contents();
        let done = steps::start_replay(&mut *contents, &replay, now).now_or_never().unwrap()?;
        Ok(self.record(&mut contents, done))
    }

    async fn run_replay(&self, limit: u32, now: Timestamp) -> Result<Option<Replay>, StoreError> {
        steps::run_replay(&mut *self.contents(), limit, now).now_or_never().unwrap()
    }

    async fn cancel_replay(&self, id: ReplayId, now: Timestamp) -> Result<Option<Replay>, StoreError> {
        let mut contents = self.contents();
        let done = steps::cancel_replay(&mut *contents, id, now).now_or_never().unwrap()?;
        Ok(self.record(&mut contents, done))
    }

    async fn replay_job(&self, id: ReplayId) -> Result<Option<Replay>, StoreError> {
        let contents = self.contents();
        let found = contents.webhooks.replays.iter().find(|(_, replay)| replay.id == id);
        Ok(found.map(|(_, replay)| replay.clone()))
    }

    async fn list_replays(&self, query: &ReplayQuery) -> Result<ReplayPage, StoreError> {
        let contents = self.contents();
        let matching = contents.webhooks.replays.iter().rev().filter(|(sequence, replay)| {
            query.endpoint.is_none_or(|endpoint| endpoint == replay.endpoint)
                && query
                    .owner
                    .as_ref()
                    .is_none_or(|owner| contents.webhooks.owner(replay.endpoint).as_ref() == Some(owner))
                && query.before.is_none_or(|before| *sequence < before)
        });
        let mut replays: Vec<_> = matching.cloned().collect();
        let next = cut(&mut replays, query.limit, |(sequence, _)| *sequence);
        Ok(ReplayPage { replays: replays.into_iter().map(|(_, replay)| replay).collect(), next })
    }

    async fn delete_settled_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut contents = self.contents();
        let webhooks = &mut contents.webhooks;
        let had = webhooks.deliveries.len();
        let gone: Vec<_> = webhooks
            .endpoints
            .iter()
            .filter(|(_, deleted)| deleted.is_some_and(|at| at < before))
            .map(|(stored, _)| stored.endpoint.id)
            .collect();
        let old = |at: Option<Timestamp>| at.is_some_and(|at| at < before);
        for stored in &webhooks.deliveries {
            let is_dead = matches!(stored.delivery.state, DeliveryState::Dead { .. });
            if old(stored.delivery.state.settled_at()) {
                let of = |(endpoint, _): &&mut (StoredEndpoint, _)| {
                    endpoint.endpoint.id == stored.delivery.endpoint
                };
                let endpoint = &mut webhooks.endpoints.iter_mut().find(of).unwrap().0;
                endpoint.queue.dead -= u64::from(is_dead);
                if stored.delivery.about().is_none() {
                    endpoint.forgotten_to = endpoint.forgotten_to.max(stored.delivery.sequence);
                }
            }
        }
        webhooks.deliveries.retain(|stored| {
            !old(stored.delivery.state.settled_at()) && !gone.contains(&stored.delivery.endpoint)
        });
        let kept: Vec<_> = webhooks.deliveries.iter().map(|stored| stored.sequence).collect();
        webhooks.attempts.retain(|(sequence, _)| kept.contains(sequence));
        webhooks.replays.retain(|(_, replay)| !old(replay.finished_at) && !gone.contains(&replay.endpoint));
        webhooks.endpoints.retain(|(stored, _)| !gone.contains(&stored.endpoint.id));
        Ok(u64::try_from(had - webhooks.deliveries.len()).unwrap())
    }

    async fn delivery_figures(&self, now: Timestamp) -> Result<DeliveryFigures, StoreError> {
        let contents = self.contents();
        let webhooks = &contents.webhooks;
        let mut figures = DeliveryFigures {
            fanned_out: webhooks.cursor,
            head: Sequence(u64::try_from(contents.events.len()).unwrap()),
            ..DeliveryFigures::default()
        };
        for stored in webhooks.present() {
            match stored.endpoint.state {
                EndpointState::Active => {
                    figures.active_endpoints += 1;
                    figures.pending += stored.queue.pending;
                    figures.open_breakers += u64::from(stored.queue.breaker.is_open());
                }
                EndpointState::Paused { .. } => figures.paused_endpoints += 1,
                EndpointState::Held { .. } => figures.held_endpoints += 1,
            }
            if !stored.endpoint.state.is_active() {
                figures.held += stored.queue.pending;
            }
            figures.dead += stored.queue.dead;
            figures.delivered += stored.queue.delivered;
            if stored.queue.runnable_at.is_some_and(|at| at <= now) {
                let of_endpoint = webhooks.deliveries.iter();
                let of_endpoint = of_endpoint.filter(|one| one.delivery.endpoint == stored.endpoint.id);
                let due =
                    of_endpoint.filter_map(|one| one.delivery.state.claimable_at()).filter(|at| *at <= now);
                let first = due.min();
                figures.oldest_due = match (figures.oldest_due, first) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
        }
        let in_flight = webhooks.deliveries.iter().filter(|stored| stored.delivery.state.lease().is_some());
        figures.in_flight = u64::try_from(in_flight.count()).unwrap();
        let running = webhooks.replays.iter().filter(|(_, replay)| replay.state == ReplayState::Running);
        figures.running_replays = u64::try_from(running.count()).unwrap();
        Ok(figures)
    }
}

fn matches(query: &DeliveryQuery, listed: &ListedDelivery) -> bool {
    let DeliveryQuery {
        owner,
        endpoint,
        status,
        stream,
        kind,
        created_from,
        created_until,
        before,
        limit: _,
    } = query;
    let delivery = &listed.delivery;
    owner.as_ref().is_none_or(|owner| *owner == listed.owner)
        && endpoint.is_none_or(|endpoint| endpoint == delivery.endpoint)
        && status.is_none_or(|status: DeliveryStatus| status == listed.status)
        && stream.is_none_or(|stream| stream == delivery.stream)
        && kind.is_none_or(|kind| kind.name() == delivery.event_type)
        && created_from.is_none_or(|from| from <= delivery.created_at)
        && created_until.is_none_or(|until| delivery.created_at < until)
        && before.is_none_or(|before| listed.sequence < before)
}
