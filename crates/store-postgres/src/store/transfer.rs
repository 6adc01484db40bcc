use async_trait::async_trait;
use fluxora_store::StoreError;
use fluxora_store::transfer::{Place, Put, Record, Section, Transfer};

use super::PostgresStore;
use crate::transfer;

#[async_trait]
impl Transfer for PostgresStore {
    async fn count(&self, section: Section) -> Result<u64, StoreError> {
        self.units.run(&self.connections, |lease| async move { transfer::count(&lease, section).await }).await
    }

    async fn records(
        &self,
        section: Section,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        self.units
            .run(
                &self.connections,
                |lease| async move { transfer::records(&lease, section, after, limit).await },
            )
            .await
    }

    async fn put(&self, records: Vec<Record>) -> Result<Put, StoreError> {
        let records = &records;
        self.units.run(&self.connections, |lease| async move { transfer::put(lease, records).await }).await
    }
}
