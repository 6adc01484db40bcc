//! A backend in plain collections: the oracle of the suite.

mod chain;
mod contents;
mod event_log;
mod idempotency;
mod leases;
mod streams;
mod webhook_store;
mod webhooks;

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;

pub(super) use contents::Contents;

use crate::{Store, StoreError};

/// A backend in plain collections: the oracle of the suite. It stores nothing durably and is simple instead of fast.
#[derive(Debug, Default)]
pub struct Model(Mutex<Contents>);

impl Model {
    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap()
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
