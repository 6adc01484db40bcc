//! Wire types of the figures of streams and parties.

use std::collections::BTreeMap;

use fluxora_stream::vesting::Units;
use fluxora_stream::{Stream, StreamId, UnixTime};
use fluxora_treasury::{Asset, AssetSummary, Escrow, Figures, Milestone, Outflow, Phase, Rate};
use serde::Serialize;

use crate::Tokens;

/// Decimals of stroops.
const STROOP_DECIMALS: u8 = 7;
const DAY: u64 = 86_400;

/// What amounts are amounts of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Asset"))]
pub(crate) struct AssetView {
    /// `token`, `contract` (the one token of a version 9 contract) or `api`.
    kind: &'static str,
    /// The token contract, or the version 9 contract.
    contract: Option<String>,
    code: Option<String>,
    /// The decimals of amounts; `null` where they are integers of the smallest unit.
    decimals: Option<u8>,
}

/// Shows amounts of one asset.
pub(crate) struct Shown<'t> {
    tokens: &'t Tokens,
    asset: Asset,
}

impl<'t> Shown<'t> {
    pub(crate) const fn of(asset: Asset, tokens: &'t Tokens) -> Self {
        Self { tokens, asset }
    }

    pub(crate) fn amount(&self, amount: i128) -> String {
        match self.asset {
            Asset::Token(token) => self.tokens.show(token, amount),
            Asset::OfContract(_) | Asset::Api => Units(amount).with_decimals(STROOP_DECIMALS),
        }
    }

    /// What a rate brings in so many seconds, rounded down; `None` beyond 128 bits.
    pub(crate) fn rate(&self, rate: Rate, seconds: u64) -> Option<String> {
        rate.over(seconds).map(|amount| self.amount(amount))
    }

    pub(crate) fn asset(&self) -> AssetView {
        let kind = self.asset.kind();
        match self.asset {
            Asset::Token(token) => {
                let (code, decimals) = self.tokens.named(token).unzip();
                AssetView { kind, contract: Some(token.to_string()), code, decimals }
            }
            Asset::OfContract(contract) => AssetView {
                kind,
                contract: Some(contract.to_string()),
                code: None,
                decimals: Some(STROOP_DECIMALS),
            },
            Asset::Api => AssetView { kind, contract: None, code: None, decimals: Some(STROOP_DECIMALS) },
        }
    }
}

/// The money of a stream, or of several.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Figures"))]
pub(crate) struct FiguresView {
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    deposited: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    accrued: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    withdrawn: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    withdrawable: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    owed: String,
    /// Paid and not earned. Not zero only where a contract broke its rules.
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    overdrawn: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    unstreamed: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    refunded: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    held: String,
}

impl FiguresView {
    pub(crate) fn of(figures: &Figures, shown: &Shown<'_>) -> Self {
        Self {
            deposited: shown.amount(figures.deposited),
            accrued: shown.amount(figures.accrued),
            withdrawn: shown.amount(figures.withdrawn),
            withdrawable: shown.amount(figures.withdrawable),
            owed: shown.amount(figures.owed),
            overdrawn: shown.amount(figures.overdrawn),
            unstreamed: shown.amount(figures.unstreamed),
            refunded: shown.amount(figures.refunded),
            held: shown.amount(figures.held),
        }
    }
}

/// What a stream is doing, and what time alone makes of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "PhaseFields"))]
pub(crate) struct PhaseView {
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Phase"))]
    phase: &'static str,
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Phase>"))]
    next_phase: Option<&'static str>,
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    next_phase_at: Option<UnixTime>,
}

impl PhaseView {
    pub(crate) fn of(stream: &Stream, at: UnixTime) -> Self {
        let (phase, next) = Phase::with_next(stream, at);
        Self {
            phase: phase.as_str(),
            next_phase: next.map(|next| next.phase.as_str()),
            next_phase_at: next.map(|next| next.at),
        }
    }
}

/// The sums of one asset.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AssetSummary"))]
pub(crate) struct AssetSummaryView {
    asset: AssetView,
    streams: CountsView,
    #[serde(flatten)]
    figures: FiguresView,
    outflow: OutflowView,
    runway: RunwayView,
    next: Vec<MilestoneView>,
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    linear_until: Option<UnixTime>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "StreamCounts"))]
struct CountsView {
    total: u64,
    by_phase: BTreeMap<&'static str, u64>,
    /// Streams that are in no sum: their amounts are beyond 2^100 units.
    out_of_range: u64,
    /// Streams whose rate is not whole. Their sum is rounded down once, each of them as well: `accrued` is above the sum
    /// of the streams by less than this many units.
    rounded: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Outflow"))]
struct OutflowView {
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    per_second: Option<String>,
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    per_day: Option<String>,
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    per_30d: Option<String>,
    /// The part that accrues while withdrawals are held.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    paused_per_second: Option<String>,
    /// `null` if more streams change within 24 hours than are read.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    starts_within24h_per_second: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Runway"))]
struct RunwayView {
    escrow: EscrowView,
    renewal: RenewalView,
    solvency: SolvencyView,
}

/// Until when the deposits last.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "EscrowRunway"))]
struct EscrowView {
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    first_exhaustion_at: Option<UnixTime>,
    first_stream_id: Option<String>,
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    last_exhaustion_at: Option<UnixTime>,
    all_exhausted_in_seconds: Option<u64>,
}

/// Until when the wallet lasts, if streams are renewed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "RenewalRunway"))]
struct RenewalView {
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    wallet_balance: Option<String>,
    seconds: Option<u64>,
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    until: Option<UnixTime>,
    reason: &'static str,
}

/// Whether what the contract has covers what it owes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Solvency"))]
struct SolvencyView {
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    contract_balance: Option<String>,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    claims: String,
    covered: Option<bool>,
    reason: &'static str,
}

/// Why a balance is not known.
const NO_SOURCE: &str = "no_balance_source";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Milestone"))]
struct MilestoneView {
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Seconds"))]
    at: UnixTime,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Milestone"))]
    kind: &'static str,
    stream_id: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    amount: String,
}

impl AssetSummaryView {
    /// The first second at which time changes the course of a sum of one of them.
    pub(crate) fn linear_until(summaries: &[Self]) -> Option<UnixTime> {
        summaries.iter().filter_map(|summary| summary.linear_until).min()
    }

    pub(crate) fn of(summary: &AssetSummary, at: UnixTime, shown: &Shown<'_>) -> Self {
        let AssetSummary { figures, next, linear_until, .. } = summary;
        let claims = figures.owed.saturating_add(figures.unstreamed);
        Self {
            asset: shown.asset(),
            streams: CountsView::of(summary),
            figures: FiguresView::of(figures, shown),
            outflow: OutflowView::of(&summary.outflow, shown),
            runway: RunwayView {
                escrow: EscrowView::of(summary.escrow.as_ref(), at),
                renewal: RenewalView { wallet_balance: None, seconds: None, until: None, reason: NO_SOURCE },
                solvency: SolvencyView {
                    contract_balance: None,
                    claims: shown.amount(claims),
                    covered: None,
                    reason: NO_SOURCE,
                },
            },
            next: next.iter().map(|(id, milestone)| MilestoneView::of(id, milestone, shown)).collect(),
            linear_until: *linear_until,
        }
    }
}

impl CountsView {
    fn of(summary: &AssetSummary) -> Self {
        let count = |count: i128| u64::try_from(count).unwrap_or_default();
        let by_phase: BTreeMap<_, _> =
            Phase::ALL.into_iter().zip(summary.phases).map(|(phase, n)| (phase.as_str(), count(n))).collect();
        Self {
            total: by_phase.values().fold(0, |total, count| total.saturating_add(*count)),
            by_phase,
            out_of_range: count(summary.outside),
            rounded: count(summary.fractional),
        }
    }
}

impl OutflowView {
    fn of(outflow: &Outflow, shown: &Shown<'_>) -> Self {
        Self {
            per_second: shown.rate(outflow.rate, 1),
            per_day: shown.rate(outflow.rate, DAY),
            per_30d: shown.rate(outflow.rate, DAY.saturating_mul(30)),
            paused_per_second: shown.rate(outflow.paused, 1),
            starts_within24h_per_second: outflow.starting.and_then(|rate| shown.rate(rate, 1)),
        }
    }
}

impl EscrowView {
    fn of(escrow: Option<&Escrow>, at: UnixTime) -> Self {
        Self {
            first_exhaustion_at: escrow.map(|escrow| escrow.first),
            first_stream_id: escrow.map(|escrow| escrow.stream.to_string()),
            last_exhaustion_at: escrow.map(|escrow| escrow.last),
            all_exhausted_in_seconds: escrow.map(|escrow| escrow.last.seconds_since(at)),
        }
    }
}

impl MilestoneView {
    fn of(id: &StreamId, milestone: &Milestone, shown: &Shown<'_>) -> Self {
        Self {
            at: milestone.at,
            kind: milestone.kind.as_str(),
            stream_id: id.to_string(),
            amount: shown.amount(milestone.amount),
        }
    }
}
