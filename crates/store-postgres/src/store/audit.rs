use std::sync::Arc;

use async_trait::async_trait;
use fluxora_audit::{Entry, Row};
use fluxora_store::audit::AUDIT_EXPIRED_AT_ONCE;
use fluxora_store::{AuditPage, AuditQuery, AuditStore, Sequence, Store, StoreError};
use jiff::Timestamp;

use super::PostgresStore;
use crate::audit;
use crate::pipeline::PipelinedTransaction;

#[async_trait]
impl AuditStore for PostgresStore {
    fn audited(&self, entry: Entry) -> Box<dyn Store> {
        Box::new(Self { entry: Some(Arc::new(entry)), ..self.clone() })
    }

    async fn append_audit(&self, entries: Vec<Entry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let entries = &entries;
        self.units.run(&self.connections, |lease| async move { audit::append(&lease, entries).await }).await
    }

    async fn audit_page(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        self.units.run(&self.connections, |lease| async move { audit::page(&lease, query).await }).await
    }

    async fn audit_rows(&self, after: Sequence, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.units
            .run(&self.connections, |lease| async move { audit::after(&lease, after, limit).await })
            .await
    }

    async fn expire_audit(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0_u64;
        loop {
            // In steps, so that no transaction is long.
            let step = self
                .units
                .run(&self.connections, |lease| async move {
                    audit::expire(PipelinedTransaction::begin(lease), before, now).await
                })
                .await?;
            deleted = deleted.saturating_add(step);
            if step < AUDIT_EXPIRED_AT_ONCE {
                return Ok(deleted);
            }
        }
    }
}
