//! Wire types that several handlers share.

mod chain;
#[cfg(test)]
mod folded;
mod instant;
pub(crate) mod treasury;

use fluxora_indexer::Tip;
use fluxora_stream::{Status, StatusName, Stream, UnixTime};
use serde::Serialize;

use self::chain::ChainView;
pub(crate) use self::instant::Instant;
use self::treasury::PhaseView;
use crate::Tokens;

/// A stream as it stands at one instant.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Stream"))]
pub(crate) struct StreamView {
    id: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Origin"))]
    origin: &'static str,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Address"))]
    sender: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Address"))]
    recipient: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    deposit_amount: String,
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    rate_per_second: Option<String>,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Seconds"))]
    start_time: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    cliff_time: Option<UnixTime>,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Seconds"))]
    end_time: UnixTime,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Status"))]
    status: &'static str,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    streamed_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    withdrawn_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    withdrawable_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    remaining_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    refunded_amount: String,
    #[serde(flatten)]
    vesting: Option<VestingView>,
    #[serde(flatten)]
    phase: PhaseView,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Seconds"))]
    as_of: UnixTime,
    created_at: Instant,
    updated_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ChainView>,
}

/// Amounts as decimal strings: with the decimals of the request, of contract version 9 (seven), or of the token.
#[derive(Default)]
struct Amounts {
    deposit: String,
    rate: Option<String>,
    streamed: String,
    withdrawn: String,
    withdrawable: String,
    remaining: String,
    refunded: String,
}

/// What only a vesting stream has beside its contract state.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "VestingRate"))]
struct VestingView {
    /// The amount of a second on average, rounded down.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    average_rate_per_second: Option<String>,
    /// Whether the schedule has reached its end.
    ended: bool,
    /// The next second at which the streamed amount takes another course.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    linear_until: Option<UnixTime>,
}

impl Amounts {
    fn of(stream: &Stream, at: UnixTime, tokens: &Tokens) -> Self {
        let details = stream.details();
        if let (Some(flow), Some(balance)) = (details.flow(), stream.balance_at(at)) {
            return Self {
                deposit: flow.schedule.deposit.to_string(),
                rate: Some(flow.schedule.rate.to_string()),
                streamed: balance.streamed.to_string(),
                withdrawn: balance.withdrawn.to_string(),
                withdrawable: balance.withdrawable.to_string(),
                remaining: balance.remaining.to_string(),
                refunded: balance.refunded.to_string(),
            };
        }
        let Some(state) = details.vesting() else { return Self::default() };
        let balance = state.balance_at(at);
        let show = |amount| tokens.show(state.token, amount);
        Self {
            deposit: show(state.total_deposit()),
            rate: state.exact_rate(stream.status.name()).map(show),
            streamed: show(balance.streamed),
            withdrawn: show(balance.withdrawn),
            withdrawable: show(balance.withdrawable),
            remaining: show(balance.remaining),
            refunded: show(balance.refunded),
        }
    }
}

impl VestingView {
    fn of(stream: &Stream, at: UnixTime, tokens: &Tokens) -> Option<Self> {
        let state = stream.details().vesting()?;
        Some(Self {
            average_rate_per_second: state
                .average_rate(stream.status.name())
                .map(|rate| tokens.show(state.token, rate)),
            ended: state.has_ended(at),
            linear_until: state.schedule.linear_until(at),
        })
    }
}

/// The newest ledger.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Tip"))]
pub(crate) struct TipView<'a> {
    ledger: u32,
    ledger_hash: &'a str,
}

impl<'a> TipView<'a> {
    pub(crate) fn of(tip: &'a Tip) -> Self {
        Self { ledger: tip.ledger, ledger_hash: tip.hash.as_str() }
    }
}

impl StreamView {
    /// Shows a stream as it stands: at `now`, or at its last event where the clock is behind that.
    pub(crate) fn current(stream: &Stream, now: UnixTime, tokens: &Tokens) -> Self {
        Self::of(stream, now.max(UnixTime::of(stream.updated_at)), tokens)
    }

    /// Shows a stream at `at`, which must not lie before its last event.
    pub(crate) fn of(stream: &Stream, at: UnixTime, tokens: &Tokens) -> Self {
        let (times, amounts) = (stream.times(), Amounts::of(stream, at, tokens));
        Self {
            id: stream.id().to_string(),
            origin: stream.origin().as_str(),
            sender: stream.sender.to_string(),
            recipient: stream.recipient.to_string(),
            deposit_amount: amounts.deposit,
            rate_per_second: amounts.rate,
            start_time: times.start,
            cliff_time: Some(times.cliff).filter(|cliff| *cliff > times.start),
            end_time: times.end,
            status: stream.status_at(at).as_str(),
            streamed_amount: amounts.streamed,
            withdrawn_amount: amounts.withdrawn,
            withdrawable_amount: amounts.withdrawable,
            remaining_amount: amounts.remaining,
            refunded_amount: amounts.refunded,
            vesting: VestingView::of(stream, at, tokens),
            phase: PhaseView::of(stream, at),
            as_of: at,
            created_at: Instant(stream.created_at),
            updated_at: Instant(stream.updated_at),
            cancelled_at: match stream.status {
                Status::Cancelled { at } => Some(Instant(at)),
                _ => None,
            },
            chain: ChainView::of(stream, tokens),
        }
    }
}

/// The words for statuses, for messages.
pub(crate) fn status_words() -> String {
    format!("one of {}", StatusName::ALL.map(StatusName::as_str).join(", "))
}
