use std::sync::Arc;

use async_trait::async_trait;
use fluxora_audit::{Entry, Row};
use fluxora_store::audit::{AUDIT_EXPIRED_AT_ONCE, Effect, entry_of};
use fluxora_store::{AuditPage, AuditQuery, AuditStore, Sequence, Store, StoreError};
use jiff::Timestamp;
use rusqlite::Connection;

use super::SqliteStore;
use crate::audit;
use crate::chain::in_one_snapshot;

impl SqliteStore {
    /// The unit of a caller's write: what it does, and its row in the audit log if it changed something.
    pub(super) fn with_entry<T, U>(
        &self,
        mut unit: U,
    ) -> impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static + use<T, U>
    where
        T: Effect,
        U: FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let entry = self.entry.clone();
        move |connection| {
            let done = unit(connection)?;
            audit::append(connection, entry_of(entry.as_ref(), &done))?;
            Ok(done)
        }
    }
}

#[async_trait]
impl AuditStore for SqliteStore {
    fn audited(&self, entry: Entry) -> Box<dyn Store> {
        Box::new(Self { entry: Some(Arc::new(entry)), ..self.clone() })
    }

    async fn append_audit(&self, entries: Vec<Entry>) -> Result<(), StoreError> {
        self.writer.run(move |connection| audit::append(connection, &entries)).await
    }

    async fn audit_page(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        let query = query.clone();
        let read = move |connection: &Connection| audit::page(connection, &query);
        self.scan(move |connection| in_one_snapshot(connection, &read)).await
    }

    async fn audit_rows(&self, after: Sequence, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.scan(move |connection| audit::after(connection, after, limit)).await
    }

    async fn expire_audit(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0_u64;
        loop {
            // In steps, so that other writes are committed in between.
            let step = self.writer.run(move |connection| audit::expire(connection, before, now)).await?;
            deleted = deleted.saturating_add(step);
            if step < AUDIT_EXPIRED_AT_ONCE {
                return Ok(deleted);
            }
        }
    }
}
