use async_trait::async_trait;
use fluxora_store::StoreError;
use fluxora_store::copy::{CopyStore, Put, Record, RecordKey, Section};

use super::SqliteStore;
use crate::copy;

#[async_trait]
impl CopyStore for SqliteStore {
    async fn count(&self, section: Section) -> Result<u64, StoreError> {
        self.scan(move |connection| copy::count(connection, section)).await
    }

    async fn records(
        &self,
        section: Section,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let after = after.cloned();
        self.scan(move |connection| copy::records(connection, section, after.as_ref(), limit)).await
    }

    async fn put(&self, records: Vec<Record>) -> Result<Put, StoreError> {
        self.writer.run(move |connection| copy::put(connection, &records)).await
    }
}
