use std::sync::Arc;

use fluxora_indexer::{Freshness, FreshnessStatus, Hole, OperatorAction, Sync};
use fluxora_store::chain::{ChainState, ContractReport, RefusedReorg, RefusedTip, Reorg, ReorgCause};
use serde::Serialize;

use super::contracts::ContractsView;
use crate::dependencies::{Dependencies, KnownChain};
use crate::push_failures::FailedPushes;
use crate::state::Api;
use crate::view::Instant;

/// How fresh the indexed chain is, and its newest ledgers.
pub(crate) struct IndexerHealth {
    freshness: Freshness,
    threshold_ms: u32,
    /// What was last read from storage; `None` if it has never been read.
    known: Option<Arc<KnownChain>>,
    /// Whether it is what storage has.
    is_current: bool,
    failed_pushes: Option<FailedPushes>,
}

/// The member `indexer` of `GET /health`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Indexer"))]
pub(crate) struct IndexerView<'a> {
    status: &'static str,
    stalled: bool,
    threshold_ms: u32,
    last_successful_sync_at: Option<Instant>,
    lag_ms: Option<u64>,
    summary: &'static str,
    client_impact: &'static str,
    operator_action: &'static str,
    tip: Option<u32>,
    last_safe_ledger: Option<u32>,
    final_ledger: Option<u32>,
    pending_events: Option<u64>,
    unknown_events: Option<u64>,
    unreadable_events: Option<u64>,
    reorg_detected: bool,
    last_reorg: Option<ReorgView<'a>>,
    refused_reorg: Option<RefusedReorgView>,
    refused_tip: Option<RefusedTipView>,
    hole: Option<HoleView>,
    resync_from_ledger: Option<u32>,
    orphan_events: Option<u64>,
    contracts: ContractsView<'a>,
    failed_pushes: Option<FailedPushesView<'a>>,
}

/// A recorded reorg.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "RecordedReorg"))]
pub(crate) struct ReorgView<'a> {
    number: u64,
    at: Instant,
    cause: &'static str,
    fork_ledger: u32,
    depth: u32,
    tip_before: Option<u32>,
    removed_event_count: u64,
    rebuilt_stream_count: u64,
    existing_hash: Option<&'a str>,
    incoming_hash: Option<&'a str>,
    reason: Option<&'a str>,
}

/// Missing ledgers that previous hashes prove, both included.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Hole"))]
pub(crate) struct HoleView {
    from_ledger: u32,
    to_ledger: u32,
}

/// An implausible tip that was refused.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "RefusedTip"))]
struct RefusedTipView {
    at: Instant,
    ledger: u32,
}

/// Consecutive pushes that were refused or failed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "FailedPushes"))]
struct FailedPushesView<'a> {
    count: u64,
    since: Instant,
    last_at: Instant,
    code: &'static str,
    message: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "RefusedReorg"))]
struct RefusedReorgView {
    at: Instant,
    fork_ledger: u32,
}

impl IndexerHealth {
    pub(crate) fn judge(api: &Api, read: &Dependencies) -> Self {
        let known = read.chain.clone();
        let threshold_ms = api.stall_threshold_ms();
        let sync = Sync {
            expected_since: api.indexer().map(|indexer| indexer.since),
            last_success: known.as_ref().and_then(|known| known.state.synced_at),
            threshold_ms,
        };
        let failed_pushes = api.push_failures().current(sync.last_success);
        Self {
            freshness: Freshness::at(api.now(), sync),
            threshold_ms,
            known,
            is_current: read.chain_is_current,
            failed_pushes,
        }
    }

    pub(crate) fn is_degraded(&self) -> bool {
        let stale = matches!(self.freshness.status, FreshnessStatus::Starting | FreshnessStatus::Stalled);
        let incomplete = |chain: &ChainState| chain.frontier.hole.is_some() || !chain.resync.0.is_empty();
        let contradicted = |chain: &ChainState| chain.reorg_detected() || Self::is_refused(chain);
        let configured = self.freshness.status != FreshnessStatus::NotConfigured;
        let unusable = self.contracts().iter().any(ContractReport::is_unusable);
        let is_faulty = unusable || self.has(|chain| contradicted(chain) || incomplete(chain));
        stale || self.failed_pushes.is_some() || (configured && is_faulty)
    }

    pub(crate) fn view(&self, details: bool) -> IndexerView<'_> {
        let status = self.freshness.status;
        let chain = self.chain();
        IndexerView {
            status: status.as_str(),
            stalled: status == FreshnessStatus::Stalled,
            threshold_ms: self.threshold_ms,
            last_successful_sync_at: chain.and_then(|chain| chain.synced_at).map(Instant),
            lag_ms: self.freshness.lag_ms,
            summary: self.summary(),
            client_impact: status.client_impact().as_str(),
            operator_action: self.operator_action(),
            tip: chain.and_then(|chain| chain.frontier.tip.as_ref()).map(|tip| tip.ledger),
            last_safe_ledger: chain.and_then(|chain| chain.frontier.last_safe),
            final_ledger: chain.and_then(|chain| chain.frontier.final_ledger),
            pending_events: chain.map(|chain| chain.pending),
            unknown_events: chain.map(|chain| chain.unknown),
            unreadable_events: chain.map(|chain| chain.unreadable),
            reorg_detected: chain.is_some_and(ChainState::reorg_detected),
            last_reorg: chain.and_then(|chain| chain.last_reorg.as_ref()).map(|reorg| {
                let view = ReorgView::of(reorg);
                ReorgView { reason: view.reason.filter(|_| details), ..view }
            }),
            refused_reorg: chain.and_then(|chain| chain.refused.as_ref()).map(RefusedReorgView::of),
            refused_tip: chain.and_then(|chain| chain.refused_tip.as_ref()).map(RefusedTipView::of),
            hole: chain.and_then(|chain| chain.frontier.hole).map(HoleView::of),
            resync_from_ledger: chain.and_then(|chain| chain.resync.0.first().copied()),
            orphan_events: chain.map(|chain| chain.orphans),
            contracts: ContractsView::of(self.contracts(), details),
            failed_pushes: self.failed_pushes.as_ref().map(|failed| {
                let view = FailedPushesView::of(failed);
                FailedPushesView { message: view.message.filter(|_| details), ..view }
            }),
        }
    }

    const fn is_refused(chain: &ChainState) -> bool {
        chain.refused.is_some() || chain.refused_tip.is_some()
    }

    fn has(&self, fault: impl Fn(&ChainState) -> bool) -> bool {
        self.chain().is_some_and(fault)
    }

    fn chain(&self) -> Option<&ChainState> {
        self.known.as_ref().map(|known| &known.state)
    }

    fn contracts(&self) -> &[ContractReport] {
        self.known.as_ref().map_or(&[], |known| &known.contracts)
    }

    /// A refused reorg or tip and failing pushes wait for an operator, however recent the last batch is. Missing
    /// ledgers wait for the pusher.
    fn operator_action(&self) -> &'static str {
        let action = self.freshness.status.operator_action();
        let is_missing = |chain: &ChainState| chain.frontier.hole.is_some() || !chain.resync.0.is_empty();
        if self.has(Self::is_refused) || self.failed_pushes.is_some() {
            OperatorAction::Page.as_str()
        } else if action == OperatorAction::None && self.has(is_missing) {
            OperatorAction::Observe.as_str()
        } else {
            action.as_str()
        }
    }

    fn summary(&self) -> &'static str {
        match self.freshness.status {
            FreshnessStatus::NotConfigured => {
                "no indexer is configured: streams are API streams and chain streams indexed earlier"
            }
            _ if !self.is_current => "storage is unavailable; showing the last known indexer state",
            _ if self.has(|chain| chain.refused.is_some()) => {
                "a batch that contradicts final ledgers was refused: an operator has to decide"
            }
            _ if self.has(|chain| chain.refused_tip.is_some()) => {
                "a ledger that the chain cannot have reached was refused: check the pusher and INDEXER_MAX_TIP_JUMP"
            }
            _ if self.failed_pushes.is_some() => {
                "the last pushes were refused or failed: failedPushes has the reason"
            }
            _ if self.has(|chain| chain.frontier.hole.is_some()) => {
                "ledgers are missing below the tip: later ledgers are not projected until they are pushed"
            }
            _ if self.has(|chain| !chain.resync.0.is_empty()) => {
                "a reorg removed ledgers that have to be pushed again from resyncFromLedger on"
            }
            _ if self.contracts().iter().any(ContractReport::is_unusable) => {
                "events of a contract arrive and make no stream: see contracts"
            }
            FreshnessStatus::Starting => "no batch of contract events has arrived yet",
            FreshnessStatus::Healthy => "batches of contract events arrive",
            FreshnessStatus::Stalled => {
                "no batch of contract events has arrived within the threshold: chain streams may be stale"
            }
        }
    }
}

impl<'a> ReorgView<'a> {
    pub(crate) fn of(reorg: &'a Reorg) -> Self {
        let (cause, existing_hash, incoming_hash, reason) = match &reorg.cause {
            ReorgCause::Fork { existing_hash, incoming_hash } => {
                ("fork", Some(existing_hash.as_str()), Some(incoming_hash.as_str()), None)
            }
            ReorgCause::Rewind { reason } => ("rewind", None, None, Some(reason.as_str())),
        };
        Self {
            number: reorg.number,
            at: Instant(reorg.at),
            cause,
            fork_ledger: reorg.fork_ledger,
            depth: reorg.depth,
            tip_before: reorg.tip_before,
            removed_event_count: reorg.events_removed,
            rebuilt_stream_count: reorg.streams_rebuilt,
            existing_hash,
            incoming_hash,
            reason,
        }
    }
}

impl HoleView {
    pub(crate) const fn of(hole: Hole) -> Self {
        Self { from_ledger: hole.from, to_ledger: hole.to }
    }
}

impl RefusedTipView {
    const fn of(refused: &RefusedTip) -> Self {
        Self { at: Instant(refused.at), ledger: refused.ledger }
    }
}

impl<'a> FailedPushesView<'a> {
    fn of(failed: &'a FailedPushes) -> Self {
        Self {
            count: failed.count,
            since: Instant(failed.since),
            last_at: Instant(failed.last_at),
            code: failed.code,
            message: Some(&failed.message),
        }
    }
}

impl RefusedReorgView {
    fn of(refused: &RefusedReorg) -> Self {
        Self { at: Instant(refused.at), fork_ledger: refused.fork_ledger }
    }
}
