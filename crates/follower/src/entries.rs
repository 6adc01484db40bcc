//! The contract's entries beside the projection. An entry is proven by nothing, so it changes nothing: a difference is shown.

use fluxora_indexer::StreamEntry;
use fluxora_stellar::VerifiedLedger;
use fluxora_store::StreamStore;

use crate::{Drift, FollowerStatus};

/// Entries whose ledger is not safe yet.
#[derive(Debug, Default)]
pub(crate) struct PendingEntries(Vec<StreamEntry>);

impl PendingEntries {
    /// Takes the entries of ledgers. The last one of a stream replaces those before.
    pub(crate) fn take(&mut self, ledgers: &[VerifiedLedger]) {
        for entry in ledgers.iter().flat_map(|verified| &verified.unproven_entries) {
            self.0.retain(|known| known.id() != entry.id());
            self.0.push(entry.clone());
        }
    }

    /// Forgets everything, as the ledgers may be replaced.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Compares the entries of safe ledgers with the streams, which have every event of these ledgers.
    pub(crate) async fn compare(
        &mut self,
        store: &dyn StreamStore,
        safe: Option<u32>,
        status: &FollowerStatus,
    ) {
        let is_safe = |entry: &StreamEntry| safe.is_some_and(|safe| entry.ledger <= safe);
        let (ready, waiting) = std::mem::take(&mut self.0).into_iter().partition(is_safe);
        self.0 = waiting;
        for entry in ready {
            let id = entry.id();
            let stream = match store.stream(&id).await {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, stream = %id, "the entry of a stream is not compared: storage failed");
                    continue;
                }
            };
            // A stream that was created before the first ledger that was read is not stored.
            let Some(differences) = stream.and_then(|stream| entry.differences(&stream)) else { continue };
            if differences.is_empty() {
                status.agrees(&id.to_string());
                continue;
            }
            let (ledger, fields) = (entry.ledger, differences.join(", "));
            tracing::error!(
                stream = %id,
                ledger,
                fields,
                "projection drift: the contract's entry differs from the stream, or the source shows a false entry"
            );
            let fields = differences.into_iter().map(str::to_owned).collect();
            status.drifts(Drift { stream: id.to_string(), ledger, fields });
        }
    }
}
