//! What the server counts, and the page that shows it.

mod connections;
mod http;
mod ingest;
mod names;
mod page;
mod process;

use std::sync::{Arc, Mutex, PoisonError};

use fluxora_store::Sequence;
use fluxora_store::chain::ChainState;
use fluxora_store::delivery::DeliveryFigures;

pub(crate) use connections::ConnectionMetrics;
pub(crate) use http::HttpMetrics;
pub use ingest::IngestMetrics;
pub use names::Metric;
pub(crate) use page::page;
pub use process::ProcessUsage;

/// The counters of the process, and where it reads what it does not count itself.
pub struct Metrics {
    pub(crate) http: HttpMetrics,
    pub(crate) connections: Arc<ConnectionMetrics>,
    ingest: IngestMetrics,
    build: Build,
    last_known: Mutex<LastKnown>,
}

/// The build, and the readings that only the binary can take.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The version of the binary, without its commit.
    pub version: &'static str,
    /// The commit of its sources.
    pub commit: &'static str,
    /// Reads what the process uses.
    pub process: fn() -> ProcessUsage,
    /// The number of log lines that were dropped.
    pub dropped_log_lines: fn() -> u64,
}

/// What was read from the database last. It is shown while the database cannot be read.
#[derive(Clone, Debug, Default)]
struct LastKnown {
    chain: ChainState,
    head: Sequence,
    oldest: Sequence,
    deliveries: DeliveryFigures,
}

impl Metrics {
    /// Nothing counted. The ingest service reports to the same `ingest`.
    pub fn new(build: Build, ingest: IngestMetrics) -> Self {
        Self {
            http: HttpMetrics::default(),
            connections: Arc::default(),
            ingest,
            build,
            last_known: Mutex::default(),
        }
    }

    fn last_known(&self, read: Option<LastKnown>) -> LastKnown {
        let mut known = self.last_known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = read {
            *known = read;
        }
        known.clone()
    }
}
