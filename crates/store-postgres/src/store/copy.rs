use async_trait::async_trait;
use fluxora_store::StoreError;
use fluxora_store::copy::{CopyStore, Put, Record, RecordKey, Section};

use super::PostgresStore;
use crate::copy;

#[async_trait]
impl CopyStore for PostgresStore {
    async fn count(&self, section: Section) -> Result<u64, StoreError> {
        self.units.run(&self.connections, |lease| async move { copy::count(&lease, section).await }).await
    }

    async fn records(
        &self,
        section: Section,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        self.units
            .run(&self.connections, |lease| async move { copy::records(&lease, section, after, limit).await })
            .await
    }

    async fn put(&self, records: Vec<Record>) -> Result<Put, StoreError> {
        let records = &records;
        self.units.run(&self.connections, |lease| async move { copy::put(lease, records).await }).await
    }
}
