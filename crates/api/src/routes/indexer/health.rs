use fluxora_indexer::{Freshness, FreshnessStatus, Sync};
use fluxora_store::chain::{ChainState, Reorg, ReorgCause};
use serde_json::{Value, json};

use crate::state::Api;
use crate::view::Instant;

/// How old the last sync is when it counts as stalled, where nobody has said otherwise.
const STALL_THRESHOLD_MS: u32 = 300_000;

/// How fresh what is known of the chain is, and where it stands.
pub(crate) struct IndexerHealth {
    freshness: Freshness,
    threshold_ms: u32,
    /// As storage says, or said last; `None` if it never has.
    chain: Option<ChainState>,
    /// Whether storage says so at this moment.
    is_current: bool,
}

impl IndexerHealth {
    pub(crate) fn judge(api: &Api, chain: Option<ChainState>) -> Self {
        let is_current = chain.is_some();
        let chain = api.last_known_chain(chain);
        let indexer = api.indexer();
        let threshold_ms = indexer.map_or(STALL_THRESHOLD_MS, |indexer| indexer.stall_threshold_ms);
        let sync = Sync {
            expected_since: indexer.map(|indexer| indexer.since),
            last_success: chain.as_ref().and_then(|chain| chain.synced_at),
            threshold_ms,
        };
        Self { freshness: Freshness::at(api.now(), sync), threshold_ms, chain, is_current }
    }

    pub(crate) fn is_degraded(&self) -> bool {
        let stale = matches!(self.freshness.status, FreshnessStatus::Starting | FreshnessStatus::Stalled);
        let at_odds = |chain: &ChainState| chain.reorg_detected() || chain.refused.is_some();
        let configured = self.freshness.status != FreshnessStatus::NotConfigured;
        stale || (configured && self.chain.as_ref().is_some_and(at_odds))
    }

    pub(crate) fn view(&self) -> Value {
        let Self { freshness, threshold_ms, chain, is_current: _ } = self;
        let status = freshness.status;
        let chain = chain.as_ref();
        json!({
            "status": status.as_str(),
            "stalled": status == FreshnessStatus::Stalled,
            "thresholdMs": threshold_ms,
            "lastSuccessfulSyncAt": chain.and_then(|chain| chain.synced_at).map(Instant),
            "lagMs": freshness.lag_ms,
            "summary": self.summary(),
            "clientImpact": status.client_impact().as_str(),
            "operatorAction": self.operator_action(),
            "tip": chain.and_then(|chain| chain.frontier.tip.as_ref()).map(|tip| tip.ledger),
            "lastSafeLedger": chain.and_then(|chain| chain.frontier.last_safe),
            "finalLedger": chain.and_then(|chain| chain.frontier.final_ledger),
            "pendingEvents": chain.map(|chain| chain.pending),
            "unknownEvents": chain.map(|chain| chain.unknown),
            "unreadableEvents": chain.map(|chain| chain.unreadable),
            "reorgDetected": chain.is_some_and(ChainState::reorg_detected),
            "lastReorg": chain.and_then(|chain| chain.last_reorg.as_ref()).map(reorg),
            "refusedReorg": chain.and_then(|chain| chain.refused.as_ref()).map(|refused| {
                json!({ "at": Instant(refused.at), "forkLedger": refused.fork_ledger })
            }),
        })
    }

    /// A refused reorg waits for an operator, however fresh the rest is.
    fn operator_action(&self) -> &'static str {
        let refused = self.chain.as_ref().is_some_and(|chain| chain.refused.is_some());
        if refused { "page" } else { self.freshness.status.operator_action().as_str() }
    }

    fn summary(&self) -> &'static str {
        let refused = self.chain.as_ref().is_some_and(|chain| chain.refused.is_some());
        match self.freshness.status {
            FreshnessStatus::NotConfigured => {
                "no indexer is configured: streams are those made through the API, and what was indexed before"
            }
            _ if !self.is_current => "storage does not say how the chain stands: this is what was known last",
            _ if refused => "a batch that contradicts final ledgers was refused: an operator has to decide",
            FreshnessStatus::Starting => "no batch of contract events has been taken yet",
            FreshnessStatus::Healthy => "batches of contract events arrive",
            FreshnessStatus::Stalled => {
                "no batch of contract events has been taken for longer than the threshold: streams of the chain may be stale"
            }
        }
    }
}

pub(super) fn reorg(reorg: &Reorg) -> Value {
    let Reorg { number, at, fork_ledger, depth, tip_before, events_removed, streams_rebuilt, cause } = reorg;
    let (existing, incoming, reason) = match cause {
        ReorgCause::Fork { existing_hash, incoming_hash } => {
            (Some(existing_hash.as_str()), Some(incoming_hash.as_str()), None)
        }
        ReorgCause::Rewind { reason } => (None, None, Some(reason)),
    };
    json!({
        "number": number,
        "at": Instant(*at),
        "cause": if reason.is_some() { "rewind" } else { "fork" },
        "forkLedger": fork_ledger,
        "depth": depth,
        "tipBefore": tip_before,
        "removedEventCount": events_removed,
        "rebuiltStreamCount": streams_rebuilt,
        "existingHash": existing,
        "incomingHash": incoming,
        "reason": reason,
    })
}
