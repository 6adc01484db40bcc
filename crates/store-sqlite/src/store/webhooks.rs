use std::sync::Arc;

use async_trait::async_trait;
use fluxora_delivery::{Attempt, DeliveryId, Endpoint, EndpointId, Policy, Replay, ReplayId};
use fluxora_store::delivery::{
    Claimed, DeliveryFigures, DeliveryPage, DeliveryQuery, EndpointCreated, EndpointPage, EndpointQuery,
    EndpointUpdate, EndpointUpdated, FannedOut, Fence, ListedDelivery, ReplayPage, ReplayQuery, ResumeFrom,
    SettleOutcome, Settlement, StartReplay, StateChange, StoredEndpoint, steps,
};
use fluxora_store::{DeliveryStore, EndpointStore, StoreError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use uuid::Uuid;

use super::SqliteStore;
use crate::chain::{in_one_snapshot, run};
use crate::webhooks::{self, DELETED_AT_ONCE, Webhooks};

#[async_trait]
impl EndpointStore for SqliteStore {
    async fn create_endpoint(
        &self,
        endpoint: Endpoint,
        from_head: bool,
        most: u32,
    ) -> Result<EndpointCreated, StoreError> {
        let unit = move |connection: &Connection| {
            run(steps::create_endpoint(&mut Webhooks(connection), &endpoint, from_head, most))
        };
        self.writer.run(self.with_entry(unit)).await
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<StoredEndpoint>, StoreError> {
        self.read(move |connection| webhooks::endpoint(connection, id)).await
    }

    async fn endpoint_owner(&self, id: EndpointId) -> Result<Option<Option<String>>, StoreError> {
        self.read(move |connection| webhooks::endpoint_owner(connection, id)).await
    }

    async fn list_endpoints(&self, query: &EndpointQuery) -> Result<EndpointPage, StoreError> {
        let query = query.clone();
        self.read(move |connection| webhooks::list_endpoints(connection, &query)).await
    }

    async fn update_endpoint(
        &self,
        update: EndpointUpdate,
        now: Timestamp,
    ) -> Result<EndpointUpdated, StoreError> {
        let unit = move |connection: &Connection| {
            run(steps::update_endpoint(&mut Webhooks(connection), &update, now))
        };
        self.writer.run(self.with_entry(unit)).await
    }

    async fn change_endpoint_state(
        &self,
        id: EndpointId,
        change: StateChange,
        now: Timestamp,
    ) -> Result<EndpointUpdated, StoreError> {
        if change == StateChange::Resume(ResumeFrom::Now) {
            let unit =
                move |connection: &Connection| run(steps::cancel_waiting(&mut Webhooks(connection), id, now));
            while self.writer.run(unit).await? {}
        }
        let unit = move |connection: &Connection| {
            run(steps::change_endpoint_state(&mut Webhooks(connection), id, &change, now))
        };
        self.writer.run(self.with_entry(unit)).await
    }

    async fn delete_endpoint(&self, id: EndpointId, now: Timestamp) -> Result<bool, StoreError> {
        let unit =
            move |connection: &Connection| run(steps::delete_endpoint(&mut Webhooks(connection), id, now));
        self.writer.run(self.with_entry(unit)).await
    }
}

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn fan_out(&self, limit: u32, now: Timestamp) -> Result<FannedOut, StoreError> {
        let cache = Arc::clone(&self.followers);
        let unit =
            move |connection: &Connection| run(steps::fan_out(&mut Webhooks(connection), &cache, limit, now));
        self.writer.run(unit).await
    }

    async fn claim(
        &self,
        worker: &str,
        limit: u32,
        lease: SignedDuration,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let (worker, policy) = (worker.to_owned(), policy.clone());
        let unit = move |connection: &Connection| {
            run(steps::claim(&mut Webhooks(connection), &worker, limit, lease, &policy, now))
        };
        self.writer.run(unit).await
    }

    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Vec<SettleOutcome>, StoreError> {
        let policy = policy.clone();
        let unit = move |connection: &Connection| {
            run(steps::settle(&mut Webhooks(connection), &settlements, &policy, now))
        };
        self.writer.run(unit).await
    }

    async fn release(&self, fences: Vec<Fence>, now: Timestamp) -> Result<u64, StoreError> {
        let unit =
            move |connection: &Connection| run(steps::release(&mut Webhooks(connection), &fences, now));
        self.writer.run(unit).await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<ListedDelivery>, StoreError> {
        self.read(move |connection| webhooks::delivery(connection, id)).await
    }

    async fn attempts(&self, id: DeliveryId, after: u32, limit: u32) -> Result<Vec<Attempt>, StoreError> {
        self.read(move |connection| webhooks::attempts(connection, id, after, limit)).await
    }

    async fn list_deliveries(&self, query: &DeliveryQuery) -> Result<DeliveryPage, StoreError> {
        let query = query.clone();
        self.scan(move |connection| webhooks::list_deliveries(connection, &query)).await
    }

    async fn replay(
        &self,
        id: DeliveryId,
        fresh: Option<Uuid>,
        now: Timestamp,
    ) -> Result<Option<(ListedDelivery, bool)>, StoreError> {
        let unit = move |connection: &Connection| {
            let done = run(steps::replay(&mut Webhooks(connection), id, fresh, now))?;
            let Some((sent, done)) = done else { return Ok(None) };
            Ok(webhooks::delivery(connection, sent)?.map(|listed| (listed, done)))
        };
        self.writer.run(self.with_entry(unit)).await
    }

    async fn skip(
        &self,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<(ListedDelivery, bool)>, StoreError> {
        let unit = move |connection: &Connection| {
            let done = run(steps::skip(&mut Webhooks(connection), id, now))?;
            let Some(done) = done else { return Ok(None) };
            Ok(webhooks::delivery(connection, id)?.map(|listed| (listed, done)))
        };
        self.writer.run(self.with_entry(unit)).await
    }

    async fn start_replay(
        &self,
        replay: StartReplay,
        now: Timestamp,
    ) -> Result<Option<(Replay, bool)>, StoreError> {
        let unit =
            move |connection: &Connection| run(steps::start_replay(&mut Webhooks(connection), &replay, now));
        self.writer.run(self.with_entry(unit)).await
    }

    async fn run_replay(&self, limit: u32, now: Timestamp) -> Result<Option<Replay>, StoreError> {
        let unit =
            move |connection: &Connection| run(steps::run_replay(&mut Webhooks(connection), limit, now));
        self.writer.run(unit).await
    }

    async fn cancel_replay(&self, id: ReplayId, now: Timestamp) -> Result<Option<Replay>, StoreError> {
        let unit =
            move |connection: &Connection| run(steps::cancel_replay(&mut Webhooks(connection), id, now));
        self.writer.run(self.with_entry(unit)).await
    }

    async fn replay_job(&self, id: ReplayId) -> Result<Option<Replay>, StoreError> {
        self.read(move |connection| webhooks::find_replay(connection, id)).await
    }

    async fn list_replays(&self, query: &ReplayQuery) -> Result<ReplayPage, StoreError> {
        let query = query.clone();
        self.read(move |connection| webhooks::list_replays(connection, &query)).await
    }

    async fn delete_settled_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0_u64;
        loop {
            // In steps, so that other writes are committed in between.
            let step =
                self.writer.run(move |connection| webhooks::delete_settled(connection, before)).await?;
            deleted = deleted.saturating_add(step.into());
            if step < DELETED_AT_ONCE {
                return Ok(deleted);
            }
        }
    }

    async fn delivery_figures(&self, now: Timestamp) -> Result<DeliveryFigures, StoreError> {
        let read = move |connection: &Connection| webhooks::figures(connection, now);
        self.read(move |connection| in_one_snapshot(connection, read)).await
    }
}
