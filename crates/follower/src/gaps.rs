//! Contracts that were added later are read from the start on, beside the tip.

use std::sync::Arc;
use std::time::Duration;

use fluxora_indexer::Fence;
use fluxora_supervise::ShutdownToken;

use crate::coverage::{Gap, next_gap};
use crate::{Backfill, FollowError, Follower, GapProgress};

/// The wait before coverage or the sources are looked at again.
const LOOK: Duration = Duration::from_secs(3);
/// The wait after an error.
const RETRY: Duration = Duration::from_secs(10);

impl Follower {
    /// Reads gaps for as long as this server leads. The sources of the tip are not kept waiting by a gap that no source has.
    pub(crate) async fn read_gaps(self, fence: Fence, mut shutdown: ShutdownToken) {
        while !shutdown.is_requested() {
            let wait = match self.read_gap(fence, &mut shutdown).await {
                Ok(true) => continue,
                Ok(false) => LOOK,
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(tracing::field::display);
                    tracing::warn!(%error, cause, "ledgers of an added contract cannot be read");
                    self.status.gap_failed(error.to_string());
                    RETRY
                }
            };
            tokio::select! {
                () = shutdown.requested() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Reads the lowest gap; `false` if there is none.
    async fn read_gap(&self, fence: Fence, shutdown: &mut ShutdownToken) -> Result<bool, FollowError> {
        let coverage = self.store.coverage().await?;
        let gap = next_gap(&coverage, &self.sources.contracts()?, self.settings.start);
        self.status.covered(coverage);
        let Some(Gap { from, to, contracts }) = gap else {
            self.status.gap(None);
            return Ok(false);
        };
        tracing::info!(
            from_ledger = from,
            to_ledger = to,
            contracts = contracts.len(),
            "reading the past of contracts"
        );
        let names: Vec<_> = contracts.iter().map(ToString::to_string).collect();
        let progress = GapProgress { contracts: names.clone(), from, to, next: from, last_error: None };
        self.status.gap(Some(progress.clone()));
        let sources = Arc::new(self.sources.watching(names.iter().map(String::as_str))?);
        let backfill = Backfill::new(
            Arc::clone(&sources),
            Arc::clone(&self.store),
            Arc::clone(&self.streams),
            self.ingest.clone(),
        )
        .under(fence);
        let report = |at: crate::BackfillProgress| {
            if let Some(drifts) = at.drifts.clone() {
                self.status.drifts(drifts);
            }
            self.status.gap(Some(GapProgress { next: at.ledger.saturating_add(1), ..progress.clone() }));
        };
        let mut running = std::pin::pin!(backfill.run(from, to, shutdown, report));
        loop {
            tokio::select! {
                ended = &mut running => return ended.map(|_| true),
                // Sources that have no such ledgers are waited for: the operator sees why.
                () = tokio::time::sleep(LOOK) => {
                    let error = sources.status().into_iter().find_map(|source| source.last_error);
                    if let Some(error) = error {
                        self.status.gap_failed(error);
                    }
                }
            }
        }
    }
}
