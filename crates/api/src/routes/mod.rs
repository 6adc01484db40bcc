//! The handlers: one operation, one file. A handler reads the request, calls the store and writes the answer; the route
//! table has checked the access before.

pub(crate) mod audit;
pub(crate) mod compat;
pub(crate) mod docs;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod indexer;
pub(crate) mod keys;
pub(crate) mod log_level;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod root;
pub(crate) mod streams;
pub(crate) mod treasury;
mod webhook_health;
pub(crate) mod webhooks;

use std::sync::Arc;

use actix_web::web::Data;

use crate::Api;

/// The state that every handler takes.
type State = Data<Arc<Api>>;
