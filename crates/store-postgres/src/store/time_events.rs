use async_trait::async_trait;
use fluxora_store::StoreError;
use fluxora_store::time_events::{self as steps, Emitted, Scheduled, StoredInstant, TimeEventStore};
use jiff::Timestamp;

use super::PostgresStore;
use crate::pipeline::PipelinedTransaction;
use crate::time_events;

/// Runs steps as one transaction, on a connection of those that change the chain.
macro_rules! transaction {
    ($store:expr, |$transaction:ident| $steps:expr) => {
        $store
            .units
            .run(&$store.chain, |lease| async {
                let mut $transaction = PipelinedTransaction::begin(lease);
                let done = $steps.await?;
                $transaction.commit().await?;
                Ok(done)
            })
            .await
    };
}

#[async_trait]
impl TimeEventStore for PostgresStore {
    async fn begin_time_events(&self) -> Result<bool, StoreError> {
        transaction!(self, |transaction| steps::begin(&mut transaction))
    }

    async fn schedule_time_events(&self, now: Timestamp, limit: u32) -> Result<Scheduled, StoreError> {
        transaction!(self, |transaction| steps::schedule(&mut transaction, limit, now))
    }

    async fn emit_time_events(&self, now: Timestamp, limit: u32) -> Result<Emitted, StoreError> {
        let emitted = transaction!(self, |transaction| steps::record(&mut transaction, limit, now))?;
        if emitted.events == 0 { Ok(emitted) } else { self.announcer.announce(Ok(emitted)) }
    }

    async fn open_instants(
        &self,
        after: Option<&StoredInstant>,
        limit: u32,
    ) -> Result<Vec<StoredInstant>, StoreError> {
        self.units
            .run(&self.connections, |lease| async move { time_events::open(&lease, after, limit).await })
            .await
    }

    async fn settle_instant(
        &self,
        instant: &StoredInstant,
        holds: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let settled = transaction!(self, |transaction| steps::settle(&mut transaction, instant, holds, now));
        self.announcer.announce(settled)
    }
}
