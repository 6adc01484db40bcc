//! The chain follower of a server: its sources, and what `GET /health` shows of it.

use std::sync::Arc;

use anyhow::Context;
use fluxora_api::{
    FollowedBackfill, FollowedDrift, FollowedRange, FollowedSource, FollowerHealth, FollowerReport,
};
use fluxora_follower::{FollowerPhase, FollowerStatus, GapProgress, Sources};
use fluxora_stellar::{
    EndpointState, HttpClient, HttpLimits, LakeSource, LedgerSource, RpcSource, WatchList,
};
use fluxora_store::chain::{ComparedEntry, Coverage, Drifts};
use fluxora_store::{Clock, Store};

use crate::config::LedgerSources;

/// Opens the sources: servers of Stellar RPC first.
///
/// # Errors
/// Which source cannot be used, without its URL.
pub(crate) fn sources(
    from: &LedgerSources,
    passphrase: &str,
    watched: &Arc<WatchList>,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<Sources>> {
    let client = HttpClient::new(HttpLimits::default())?;
    let mut opened: Vec<Arc<dyn LedgerSource>> = Vec::new();
    for url in &from.rpc {
        opened.push(Arc::new(RpcSource::new(url, client.clone()).context("STELLAR_RPC_URL")?));
    }
    for location in &from.lakes {
        opened.push(Arc::new(LakeSource::new(location, client.clone()).context("FOLLOW_LAKE")?));
    }
    let passphrase = passphrase.to_owned();
    Ok(Arc::new(Sources::new(opened, passphrase, watched, store.clone(), Arc::clone(clock))))
}

/// The follower in `GET /health`.
pub(crate) struct Report {
    pub(crate) status: Arc<FollowerStatus>,
    pub(crate) contracts: Vec<String>,
}

impl FollowerReport for Report {
    fn report(&self) -> FollowerHealth {
        let snapshot = self.status.snapshot();
        let is_away =
            !snapshot.sources.is_empty() && snapshot.sources.iter().all(|source| source.failures > 0);
        let phase = snapshot.phase;
        let sources = snapshot.sources.into_iter().map(|source| FollowedSource {
            name: source.name,
            state: state(source.state),
            latest_ledger: source.latest,
            failures: source.failures,
            last_error: source.last_error,
        });
        let contracts = &self.contracts;
        let is_followed =
            |coverage: &&Coverage| contracts.iter().any(|one| one == coverage.contract.as_str());
        let ranges = snapshot.coverage.iter().filter(is_followed).flat_map(|coverage| {
            coverage.ledgers.iter().map(|range| FollowedRange {
                contract: coverage.contract.to_string(),
                from: *range.start(),
                to: *range.end(),
            })
        });
        let backfill = snapshot.gap.map(|gap| {
            let GapProgress { contracts, from, to, next, last_error } = gap;
            FollowedBackfill { contracts, from, to, next, last_error }
        });
        let Drifts { count: drift_count, listed } = snapshot.drifts;
        let drifts = listed.into_iter().map(|ComparedEntry { stream, ledger, fields }| FollowedDrift {
            stream: stream.to_string(),
            ledger,
            fields: fields.into_iter().map(|field| field.name).collect(),
        });
        FollowerHealth {
            phase: phase.as_str(),
            is_degraded: is_away
                || drift_count > 0
                || !matches!(
                    phase,
                    FollowerPhase::AtTip | FollowerPhase::CatchingUp | FollowerPhase::Standby
                ),
            verification: "L3",
            contracts: self.contracts.clone(),
            ledger: snapshot.ledger.map(|ledger| (ledger.sequence, ledger.closed_at)),
            latest: snapshot.latest,
            answered_at: snapshot.answered_at,
            last_error: snapshot.last_error,
            sources: sources.collect(),
            coverage: ranges.collect(),
            backfill,
            drift_count,
            drifts: drifts.collect(),
        }
    }
}

const fn state(state: EndpointState) -> &'static str {
    match state {
        EndpointState::Healthy => "healthy",
        EndpointState::Lagging => "lagging",
        EndpointState::Resting => "resting",
        EndpointState::Demoted => "demoted",
    }
}
