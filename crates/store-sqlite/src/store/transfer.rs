use async_trait::async_trait;
use fluxora_store::StoreError;
use fluxora_store::transfer::{Place, Put, Record, Section, Transfer};

use super::SqliteStore;
use crate::transfer;

#[async_trait]
impl Transfer for SqliteStore {
    async fn count(&self, section: Section) -> Result<u64, StoreError> {
        self.scan(move |connection| transfer::count(connection, section)).await
    }

    async fn records(
        &self,
        section: Section,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let after = after.cloned();
        self.scan(move |connection| transfer::records(connection, section, after.as_ref(), limit)).await
    }

    async fn put(&self, records: Vec<Record>) -> Result<Put, StoreError> {
        self.writer.run(move |connection| transfer::put(connection, &records)).await
    }
}
