//! The member `contracts` of the indexer's health: what is recognised, and what is not.

use fluxora_indexer::projection::ContractVersion;
use fluxora_store::chain::{ContractReport, ContractSummary};
use serde::Serialize;

use crate::view::Instant;

/// The most contracts that are listed in each part.
const MOST: usize = 20;

/// Contracts with stored events.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Contracts"))]
pub(crate) struct ContractsView<'a> {
    /// Number of contracts of which a version is recognised.
    recognized_count: usize,
    /// Number of contracts whose events come to nothing.
    unusable_count: usize,
    /// Number of contracts that are halted.
    halted_count: usize,
    /// Number of events that break a contract's rules.
    anomaly_count: u64,
    recognized: Vec<RecognizedView<'a>>,
    unusable: Vec<UnusableView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "RecognizedContract"))]
struct RecognizedView<'a> {
    contract_id: &'a str,
    family: &'static str,
    abi: Option<u8>,
    event_count: u64,
    unknown_count: u64,
    unreadable_count: u64,
    anomaly_count: u64,
    halt: Option<HaltView>,
}

/// The emergency stop of a contract that has an operator for it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Halt"))]
struct HaltView {
    operator: Option<String>,
    halted_at: Option<Instant>,
    anomaly_count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "UnusableContract"))]
struct UnusableView<'a> {
    contract_id: &'a str,
    event_count: u64,
    unknown_count: u64,
    unreadable_count: u64,
    first_ledger: Option<u32>,
    first_topic: Option<&'a str>,
}

impl<'a> ContractsView<'a> {
    /// `details`: with the text of a pusher.
    pub(crate) fn of(contracts: &'a [ContractReport], details: bool) -> Self {
        let anomalies = contracts.iter().map(|report| report.summary.anomalies);
        let recognized = || contracts.iter().filter_map(|report| Some((report, report.summary.version?)));
        let unusable = || contracts.iter().filter(|report| report.is_unusable());
        // Halted ones first.
        let mut listed: Vec<_> = recognized().collect();
        listed.sort_by_key(|(report, _)| report.halt.halted_at.is_none());
        Self {
            recognized_count: recognized().count(),
            unusable_count: unusable().count(),
            halted_count: contracts.iter().filter(|report| report.halt.halted_at.is_some()).count(),
            anomaly_count: anomalies.fold(0, u64::saturating_add),
            recognized: listed.into_iter().take(MOST).map(RecognizedView::of).collect(),
            unusable: unusable().take(MOST).map(|report| UnusableView::of(report, details)).collect(),
        }
    }
}

impl<'a> RecognizedView<'a> {
    fn of((report, version): (&'a ContractReport, ContractVersion)) -> Self {
        let ContractReport { summary, halt, halt_anomalies, has_stream: _ } = report;
        let has_stop = halt.operator.is_some() || halt.halted_at.is_some();
        Self {
            contract_id: summary.contract.as_str(),
            family: version.family(),
            abi: version.abi(),
            event_count: summary.events,
            unknown_count: summary.unknown,
            unreadable_count: summary.unreadable,
            anomaly_count: summary.anomalies,
            halt: has_stop.then(|| HaltView {
                operator: halt.operator.map(|operator| operator.to_string()),
                halted_at: halt.halted_at.map(|at| Instant(at.instant())),
                anomaly_count: *halt_anomalies,
            }),
        }
    }
}

impl<'a> UnusableView<'a> {
    fn of(report: &'a ContractReport, details: bool) -> Self {
        let ContractSummary { contract, events, unknown, unreadable, first_unusable, .. } = &report.summary;
        Self {
            contract_id: contract.as_str(),
            event_count: *events,
            unknown_count: *unknown,
            unreadable_count: *unreadable,
            first_ledger: first_unusable.as_ref().map(|(ledger, _)| *ledger),
            first_topic: first_unusable.as_ref().filter(|_| details).map(|(_, topic)| topic.as_str()),
        }
    }
}
