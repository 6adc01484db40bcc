#![doc = include_str!("../README.md")]

mod as_of;
pub mod audit;
pub mod chain;
mod clock;
pub mod copy;
pub mod delivery;
mod error;
mod event_log;
mod idempotency;
mod keys;
mod leases;
mod metrics;
mod outage;
mod page;
mod repeated_failures;
pub mod rows;
pub mod runway;
mod streams;
pub mod time_events;
pub mod treasury;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use as_of::{StateAt, replay};
pub use audit::{AUDIT_WINDOW, AuditPage, AuditQuery, AuditStore};
pub use chain::ChainStore;
pub use clock::{Clock, still};
pub use delivery::{DeliveryStore, EndpointStore};
pub use error::{CorruptRow, StoreError, error_chain, sources};
pub use event_log::{EVENT_LOG_WINDOW, EventLog, EventLogPage, EventLogRange};
pub use fluxora_stream::{EventFilter, Sequence};
pub use idempotency::{
    IDEMPOTENCY_RETENTION, IdempotencyKey, IdempotencyRecord, IdempotencyStore, InvalidKey, KeyedResponse,
    expired_before,
};
pub use keys::{KeyPage, KeyQuery, KeyRotated, KeyStore, StoredKey};
pub use leases::LeaseStore;
pub use metrics::{PoolUsage, StoreMetrics, Work};
pub use outage::{Doubt, OutageTracker};
pub use page::{
    COUNTED_BY_INDEX, COUNTED_BY_ROW, EventPage, StreamCount, StreamFilter, StreamList, StreamPage,
    StreamQuery,
};
pub use repeated_failures::RepeatedFailures;
pub use runway::RunwayStore;
pub use streams::{CreateStream, Created, Outcome, Recorded, Store, StreamStore};
pub use time_events::TimeEventStore;
pub use treasury::TreasuryStore;
