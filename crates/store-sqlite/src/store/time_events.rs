use async_trait::async_trait;
use fluxora_store::StoreError;
use fluxora_store::time_events::{self as steps, Emitted, Scheduled, StoredInstant, TimeEventStore};
use jiff::Timestamp;
use rusqlite::Connection;

use super::SqliteStore;
use crate::chain::{Chain, run};
use crate::time_events;

#[async_trait]
impl TimeEventStore for SqliteStore {
    async fn begin_time_events(&self) -> Result<bool, StoreError> {
        self.writer.run(move |connection: &Connection| run(steps::begin(&mut Chain(connection)))).await
    }

    async fn schedule_time_events(&self, now: Timestamp, limit: u32) -> Result<Scheduled, StoreError> {
        let unit = move |connection: &Connection| run(steps::schedule(&mut Chain(connection), limit, now));
        self.writer.run(unit).await
    }

    async fn emit_time_events(&self, now: Timestamp, limit: u32) -> Result<Emitted, StoreError> {
        self.emit(move |connection| run(steps::record(&mut Chain(connection), limit, now))).await
    }

    async fn open_instants(
        &self,
        after: Option<&StoredInstant>,
        limit: u32,
    ) -> Result<Vec<StoredInstant>, StoreError> {
        let after = after.cloned();
        self.read(move |connection| time_events::open(connection, after.as_ref(), limit)).await
    }

    async fn settle_instant(
        &self,
        instant: &StoredInstant,
        holds: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let instant = instant.clone();
        let unit =
            move |connection: &Connection| run(steps::settle(&mut Chain(connection), &instant, holds, now));
        self.append(unit).await
    }
}
