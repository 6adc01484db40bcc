use async_trait::async_trait;
use fluxora_delivery::{Attempt, DeliveryId, Endpoint, EndpointId, Policy, Replay, ReplayId};
use fluxora_store::audit::entry_of;
use fluxora_store::delivery::{
    Claimed, DeliveryFigures, DeliveryPage, DeliveryQuery, EndpointCreated, EndpointPage, EndpointQuery,
    EndpointUpdate, EndpointUpdated, FannedOut, Fence, ListedDelivery, ReplayPage, ReplayQuery, ResumeFrom,
    SettleOutcome, Settlement, StartReplay, StateChange, StoredEndpoint, steps,
};
use fluxora_store::{DeliveryStore, EndpointStore, StoreError};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::PostgresStore;
use crate::audit;
use crate::faults::Fault;
use crate::webhooks::{self, Webhooks};

/// Runs steps on endpoints and deliveries as one transaction.
macro_rules! transaction {
    ($store:expr, |$transaction:ident| $steps:expr) => {
        $store
            .units
            .run(&$store.connections, |lease| async {
                let mut $transaction = Webhooks::begin(lease, $store.takes_callers_time);
                let done = $steps.await?;
                $transaction.commit().await?;
                Ok(done)
            })
            .await
    };
}

/// Runs the steps of a caller's write, with its row in the audit log if they changed something.
macro_rules! write {
    ($store:expr, |$transaction:ident| $steps:expr) => {
        transaction!($store, |$transaction| async {
            let done = $steps.await?;
            let entry = entry_of($store.entry.as_ref(), &done);
            audit::enqueue($transaction.pipeline(), entry).await?;
            Ok::<_, Fault>(done)
        })
    };
}

/// Reads on a connection.
macro_rules! read {
    ($store:expr, |$lease:ident| $read:expr) => {
        $store.units.run(&$store.connections, |$lease| async move { $read.await }).await
    };
}

#[async_trait]
impl EndpointStore for PostgresStore {
    async fn create_endpoint(
        &self,
        endpoint: Endpoint,
        from_head: bool,
        most: u32,
    ) -> Result<EndpointCreated, StoreError> {
        write!(self, |transaction| steps::create_endpoint(&mut transaction, &endpoint, from_head, most))
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<StoredEndpoint>, StoreError> {
        read!(self, |lease| webhooks::endpoint(&lease, id))
    }

    async fn endpoint_owner(&self, id: EndpointId) -> Result<Option<Option<String>>, StoreError> {
        read!(self, |lease| webhooks::endpoint_owner(&lease, id))
    }

    async fn list_endpoints(&self, query: &EndpointQuery) -> Result<EndpointPage, StoreError> {
        read!(self, |lease| webhooks::list_endpoints(&lease, query))
    }

    async fn update_endpoint(
        &self,
        update: EndpointUpdate,
        now: Timestamp,
    ) -> Result<EndpointUpdated, StoreError> {
        write!(self, |transaction| steps::update_endpoint(&mut transaction, &update, now))
    }

    async fn change_endpoint_state(
        &self,
        id: EndpointId,
        change: StateChange,
        now: Timestamp,
    ) -> Result<EndpointUpdated, StoreError> {
        if change == StateChange::Resume(ResumeFrom::Now) {
            while transaction!(self, |transaction| steps::cancel_waiting(&mut transaction, id, now))? {}
        }
        write!(self, |transaction| steps::change_endpoint_state(&mut transaction, id, &change, now))
    }

    async fn delete_endpoint(&self, id: EndpointId, now: Timestamp) -> Result<bool, StoreError> {
        write!(self, |transaction| steps::delete_endpoint(&mut transaction, id, now))
    }
}

#[async_trait]
impl DeliveryStore for PostgresStore {
    async fn fan_out(&self, limit: u32, now: Timestamp) -> Result<FannedOut, StoreError> {
        transaction!(self, |transaction| steps::fan_out(&mut transaction, &self.followers, limit, now))
    }

    async fn claim(
        &self,
        worker: &str,
        limit: u32,
        lease: SignedDuration,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let until = lease;
        transaction!(self, |transaction| steps::claim(&mut transaction, worker, limit, until, policy, now))
    }

    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Vec<SettleOutcome>, StoreError> {
        transaction!(self, |transaction| steps::settle(&mut transaction, &settlements, policy, now))
    }

    async fn release(&self, fences: Vec<Fence>, now: Timestamp) -> Result<u64, StoreError> {
        transaction!(self, |transaction| steps::release(&mut transaction, &fences, now))
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<ListedDelivery>, StoreError> {
        read!(self, |lease| webhooks::delivery(&lease, id))
    }

    async fn attempts(&self, id: DeliveryId, after: u32, limit: u32) -> Result<Vec<Attempt>, StoreError> {
        read!(self, |lease| webhooks::attempts(&lease, id, after, limit))
    }

    async fn list_deliveries(&self, query: &DeliveryQuery) -> Result<DeliveryPage, StoreError> {
        read!(self, |lease| webhooks::list_deliveries(&lease, query))
    }

    async fn replay(
        &self,
        id: DeliveryId,
        fresh: Option<Uuid>,
        now: Timestamp,
    ) -> Result<Option<(ListedDelivery, bool)>, StoreError> {
        let done = write!(self, |transaction| steps::replay(&mut transaction, id, fresh, now))?;
        let Some((sent, done)) = done else { return Ok(None) };
        Ok(self.delivery(sent).await?.map(|listed| (listed, done)))
    }

    async fn skip(
        &self,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<(ListedDelivery, bool)>, StoreError> {
        let done = write!(self, |transaction| steps::skip(&mut transaction, id, now))?;
        let Some(done) = done else { return Ok(None) };
        Ok(self.delivery(id).await?.map(|listed| (listed, done)))
    }

    async fn start_replay(
        &self,
        replay: StartReplay,
        now: Timestamp,
    ) -> Result<Option<(Replay, bool)>, StoreError> {
        write!(self, |transaction| steps::start_replay(&mut transaction, &replay, now))
    }

    async fn run_replay(&self, limit: u32, now: Timestamp) -> Result<Option<Replay>, StoreError> {
        transaction!(self, |transaction| steps::run_replay(&mut transaction, limit, now))
    }

    async fn cancel_replay(&self, id: ReplayId, now: Timestamp) -> Result<Option<Replay>, StoreError> {
        write!(self, |transaction| steps::cancel_replay(&mut transaction, id, now))
    }

    async fn replay_job(&self, id: ReplayId) -> Result<Option<Replay>, StoreError> {
        read!(self, |lease| webhooks::find_replay(&lease, id))
    }

    async fn list_replays(&self, query: &ReplayQuery) -> Result<ReplayPage, StoreError> {
        read!(self, |lease| webhooks::list_replays(&lease, query))
    }

    async fn delete_settled_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0_u64;
        loop {
            // In steps, so that no transaction is long.
            let (step, more) = read!(self, |lease| webhooks::delete_settled(lease, before))?;
            deleted = deleted.saturating_add(step);
            if !more {
                return Ok(deleted);
            }
        }
    }

    async fn delivery_figures(&self, now: Timestamp) -> Result<DeliveryFigures, StoreError> {
        let takes_callers_time = self.takes_callers_time;
        self.units
            .run(&self.connections, |lease| async move {
                let now = if takes_callers_time { now } else { webhooks::database_now(&lease).await? };
                webhooks::figures(&lease, now).await
            })
            .await
    }
}
