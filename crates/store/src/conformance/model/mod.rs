//! A backend in plain collections: the oracle of the suite.

mod audit;
mod chain;
mod contents;
mod event_log;
mod idempotency;
mod keys;
mod leases;
mod runway;
pub(super) mod streams;
mod time_events;
mod treasury;
mod webhook_store;
mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use fluxora_audit::Entry;

pub(super) use contents::Contents;
use webhook_store::cut;

use crate::{Store, StoreError};

/// A backend in plain collections: the oracle of the suite. It stores nothing durably and is simple instead of fast.
#[derive(Debug, Default)]
pub struct Model {
    contents: Arc<Mutex<Contents>>,
    /// What a write of this handle leaves in the audit log.
    entry: Option<Arc<Entry>>,
}

impl Model {
    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap()
    }
}

#[async_trait]
impl Store for Model {
    fn describe(&self) -> String {
        "a model in memory".to_owned()
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) {}
}
