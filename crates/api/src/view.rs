//! Wire types that several handlers share.

use fluxora_decimal::Amount;
use fluxora_indexer::Tip;
use fluxora_stream::{Body, OnChain, Status, StatusName, Stream, UnixTime};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A stream as it stands at one instant.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamView {
    id: String,
    origin: &'static str,
    sender: String,
    recipient: String,
    deposit_amount: Amount,
    rate_per_second: Amount,
    start_time: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    cliff_time: Option<UnixTime>,
    end_time: UnixTime,
    status: &'static str,
    streamed_amount: Amount,
    withdrawn_amount: Amount,
    withdrawable_amount: Amount,
    remaining_amount: Amount,
    refunded_amount: Amount,
    as_of: UnixTime,
    created_at: Instant,
    updated_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ChainView>,
}

/// The member `chain` of a chain stream: the state of the contract that its events report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChainView {
    contract_id: String,
    stream_id: String,
    kind: &'static str,
    checkpointed_amount: Amount,
    checkpointed_at: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_at: Option<Instant>,
    uncertain: bool,
    #[serde(flatten)]
    known: OnChain,
}

impl ChainView {
    fn of(stream: &Stream) -> Option<Self> {
        let Body::Chain(chain) = &stream.body else { return None };
        let known = chain.state.v9().clone();
        let decimals = stream.schedule.decimals();
        Some(Self {
            contract_id: chain.contract.to_string(),
            stream_id: chain.number.to_string(),
            kind: stream.schedule.kind.as_str(),
            checkpointed_amount: stream.schedule.checkpoint.amount.with_decimals(decimals),
            checkpointed_at: stream.schedule.checkpoint.at,
            paused_at: match stream.status {
                Status::Paused { at } => Some(Instant(at)),
                _ => None,
            },
            uncertain: known.unprojected_events > 0,
            known: OnChain {
                withdraw_dust_threshold: known.withdraw_dust_threshold.with_decimals(decimals),
                ..known
            },
        })
    }
}

/// The newest ledger.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
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
    pub(crate) fn current(stream: &Stream, now: UnixTime) -> Self {
        Self::of(stream, now.max(UnixTime::of(stream.updated_at)))
    }

    /// Shows a stream at `at`, which must not lie before its last event.
    pub(crate) fn of(stream: &Stream, at: UnixTime) -> Self {
        let (schedule, balance) = (&stream.schedule, stream.balance_at(at));
        Self {
            id: stream.id().to_string(),
            origin: stream.origin().as_str(),
            sender: stream.sender.to_string(),
            recipient: stream.recipient.to_string(),
            deposit_amount: schedule.deposit,
            rate_per_second: schedule.rate,
            start_time: schedule.start,
            cliff_time: Some(schedule.cliff).filter(|cliff| *cliff > schedule.start),
            end_time: schedule.end,
            status: stream.status_at(at).as_str(),
            streamed_amount: balance.streamed,
            withdrawn_amount: balance.withdrawn,
            withdrawable_amount: balance.withdrawable,
            remaining_amount: balance.remaining,
            refunded_amount: balance.refunded,
            as_of: at,
            created_at: Instant(stream.created_at),
            updated_at: Instant(stream.updated_at),
            cancelled_at: match stream.status {
                Status::Cancelled { at } => Some(Instant(at)),
                _ => None,
            },
            chain: ChainView::of(stream),
        }
    }
}

/// An instant as RFC 3339 in UTC, to the millisecond.
pub(crate) struct Instant(pub(crate) Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

/// The words for statuses, for messages.
pub(crate) fn status_words() -> String {
    format!("one of {}", StatusName::ALL.map(StatusName::as_str).join(", "))
}
