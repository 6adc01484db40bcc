use std::collections::BTreeMap;

use fluxora_decimal::Amount;
use serde::{Deserialize, Deserializer, Serialize};

use crate::vesting::{CliffMode, Curve, Grant, Units, VestingState};
use crate::{
    Address, Details, Inferred, Kind, OnChain, RateFlow, StatusName, Stream, StreamBody, StreamNumber,
    UnixTime, V9State,
};

/// Declares the fields of [`Changes`] and where each is read from, in one list.
macro_rules! changes {
    ($(#[doc = $doc:literal] $field:ident $(alias $alias:literal)?: $type:ty = $get:expr;)*) => {
        /// The fields of a stream that changed, with their new values. A field that is absent did not change, or does
        /// not exist for the stream's origin.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct Changes {
            $(
                #[doc = $doc]
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present" $(, alias = $alias)?)]
                pub $field: Option<$type>,
            )*
        }

        impl Changes {
            /// The fields in which `after` differs from `before`; every field if there was no stream before.
            pub fn between<B: StreamBody>(before: Option<&Stream<B>>, after: &Stream<B>) -> Self {
                Self {
                    $($field: changed(before, after, $get),)*
                }
            }

            /// Whether nothing changed.
            pub const fn is_empty(&self) -> bool {
                $(self.$field.is_none())&&*
            }
        }
    };
}

changes! {
    /// Paying address.
    sender: Address = |stream| Some(stream.sender);
    /// Paid address.
    recipient: Address = |stream| Some(stream.recipient);
    /// Locked amount.
    deposit_amount: Amount = |stream| flow(stream, |flow| flow.schedule.deposit);
    /// Amount per second.
    rate_per_second: Amount = |stream| flow(stream, |flow| flow.schedule.rate);
    /// Start of the flow.
    start_time: UnixTime = |stream| Some(stream.times().start);
    /// Time before which nothing counts as streamed.
    cliff_time: UnixTime = |stream| Some(stream.times().cliff);
    /// End of the flow.
    end_time: UnixTime = |stream| Some(stream.times().end);
    /// Shape of the flow.
    kind: Kind = |stream| v9(stream, |state| state.flow.schedule.kind);
    /// Amount accrued when the rate last changed.
    checkpointed_amount: Amount = |stream| v9(stream, |state| state.flow.schedule.checkpoint.amount);
    /// Time of the checkpoint.
    checkpointed_at: UnixTime = |stream| v9(stream, |state| state.flow.schedule.checkpoint.at);
    /// Amount taken out.
    withdrawn_amount: Amount = |stream| flow(stream, |flow| flow.withdrawn);
    /// Status.
    status: StatusName = |stream| Some(stream.status.name());
    /// Time of the pause or the cancellation; `null` for another status.
    status_since: Option<UnixTime> = |stream| Some(stream.status.since().map(UnixTime::of));
    /// Address that may withdraw instead of the recipient.
    claim_owner: Option<Address> = |stream| of(stream, |chain| chain.claim_owner);
    /// Address to which keepers may send the withdrawable amount.
    auto_claim_destination: Option<Address> = |stream| of(stream, |chain| chain.auto_claim_destination);
    /// Auto-renew setting; `null` if unknown.
    auto_renew: Option<bool> = |stream| of(stream, |chain| chain.auto_renew);
    /// Ledger of creation.
    created_ledger: u32 = |stream| either(stream, |chain| chain.created_ledger, |state| state.created_ledger);
    /// Hash of the creating transaction.
    tx_hash: String = |stream| either(stream, |chain| chain.tx_hash.clone(), |state| state.tx_hash.clone());
    /// Ledger of the last contract event.
    last_ledger: u32 = |stream| either(stream, |chain| chain.last_ledger, |state| state.last_ledger);
    /// Least amount of one withdrawal.
    withdraw_dust_threshold: Amount = |stream| of(stream, |chain| chain.withdraw_dust_threshold);
    /// Whether sender and recipient are the same.
    pooled: bool = |stream| of(stream, |chain| chain.pooled);
    /// Seconds of pauses that have ended.
    paused_seconds: u64 = |stream| of(stream, |chain| chain.paused_seconds);
    /// Ledger of the last pause or resumption.
    last_pause_toggle_ledger: u32 = |stream| of(stream, |chain| chain.last_pause_toggle_ledger);
    /// Ledger of the last change of the rate.
    last_rate_change_ledger: u32 = |stream| of(stream, |chain| chain.last_rate_change_ledger);
    /// Ledger of the last withdrawal.
    last_withdraw_ledger: u32 = |stream| of(stream, |chain| chain.last_withdraw_ledger);
    /// Number of shares between it and a stream that was created.
    delegation_depth: u32 = |stream| of(stream, |chain| chain.delegation_depth);
    /// Number of the stream that it is a share of.
    parent_stream_id: Option<StreamNumber> = |stream| of(stream, |chain| chain.parent_stream_id);
    /// Number of the stream that it is a clone or a renewal of.
    source_stream_id: Option<StreamNumber> = |stream| of(stream, |chain| chain.source_stream_id);
    /// Sender's memo.
    memo: Option<String> = |stream| of(stream, |chain| chain.memo.clone());
    /// Sender's metadata.
    metadata: Option<BTreeMap<String, String>> = |stream| of(stream, |chain| chain.metadata.clone());
    /// Whether the contract's operator marked it as decommissioned.
    decommissioned: bool = |stream| of(stream, |chain| chain.decommissioned);
    /// Whether it was last reported as underfunded.
    underfunded: bool = |stream| of(stream, |chain| chain.underfunded);
    /// Ledger in which the contract removed it.
    closed_ledger: Option<u32> = |stream| of(stream, |chain| chain.closed_ledger);
    /// Amount that a keeper's cancellation paid out.
    keeper_paid_amount: Option<Amount> = |stream| of(stream, |chain| chain.keeper_paid_amount);
    /// Number of unreadable contract events.
    unprojected_events: u32 =
        |stream| either(stream, |chain| chain.unprojected_events, |state| state.unprojected_events);
    /// Number of contract events that showed an anomaly.
    anomalies: u32 = |stream| either(stream, |chain| chain.anomalies, |state| state.anomalies);
    /// Inferred values.
    inferred alias "assumed": Inferred = |stream| of(stream, |chain| chain.inferred);
    /// Token contract of a vesting stream.
    token: Address = |stream| vesting(stream, |state| state.token);
    /// Deposit of a vesting stream, in the token's smallest unit.
    deposited: Units = |stream| vesting(stream, |state| Units(state.schedule.deposited));
    /// Amount of all withdrawals of a vesting stream, in the token's smallest unit.
    withdrawn: Units = |stream| vesting(stream, |state| Units(state.withdrawn));
    /// Amount paid back to the sender of a vesting stream, in the token's smallest unit.
    refunded: Units = |stream| vesting(stream, |state| Units(state.refunded));
    /// Deposit of a vesting stream before its cancellation; `null` if it was not cancelled.
    cancelled_deposit: Option<Units> =
        |stream| vesting(stream, |state| state.cancellation.map(|replaced| Units(replaced.deposited)));
    /// End of a vesting stream before its cancellation; `null` if it was not cancelled.
    cancelled_end_time: Option<UnixTime> =
        |stream| vesting(stream, |state| state.cancellation.map(|replaced| replaced.end));
    /// Release curve.
    curve: Curve = |stream| vesting(stream, |state| state.schedule.curve);
    /// Clock of the cliff.
    cliff_mode: CliffMode = |stream| vesting(stream, |state| state.schedule.cliff_mode);
    /// Whether the sender may cancel.
    cancellable: bool = |stream| vesting(stream, |state| state.cancellable);
    /// Whether the sender may pause.
    pausable: bool = |stream| vesting(stream, |state| state.pausable);
    /// Whether the recipient may change.
    transferable: bool = |stream| vesting(stream, |state| state.transferable);
    /// Start of the pause that stops the clock of the schedule.
    paused_at: Option<UnixTime> = |stream| vesting(stream, |state| state.schedule.pauses.paused_at);
    /// Seconds of pauses that have ended.
    paused_total: u64 = |stream| vesting(stream, |state| state.schedule.pauses.paused_total);
    /// Grants by delegate.
    delegates: BTreeMap<Address, Grant> = |stream| vesting(stream, |state| state.delegates.clone());
    /// Sender's text.
    reference: Option<String> = |stream| vesting(stream, |state| state.reference.clone());
    /// Newest ABI that an event of the stream has shown.
    abi: u8 = |stream| vesting(stream, |state| state.abi.number());
}

fn changed<B, T: PartialEq>(
    before: Option<&Stream<B>>,
    after: &Stream<B>,
    get: impl Fn(&Stream<B>) -> Option<T>,
) -> Option<T> {
    let value = get(after);
    if before.is_some_and(|before| get(before) == value) { None } else { value }
}

fn flow<B: StreamBody, T>(stream: &Stream<B>, get: impl FnOnce(&RateFlow) -> T) -> Option<T> {
    stream.details().flow().map(get)
}

fn v9<B: StreamBody, T>(stream: &Stream<B>, get: impl FnOnce(&V9State) -> T) -> Option<T> {
    stream.details().v9().map(get)
}

fn of<B: StreamBody, T>(stream: &Stream<B>, get: impl FnOnce(&OnChain) -> T) -> Option<T> {
    v9(stream, |state| get(&state.on_chain))
}

fn vesting<B: StreamBody, T>(stream: &Stream<B>, get: impl FnOnce(&VestingState) -> T) -> Option<T> {
    stream.details().vesting().map(get)
}

/// A field that streams of both families have.
fn either<B: StreamBody, T>(
    stream: &Stream<B>,
    of_v9: impl FnOnce(&OnChain) -> T,
    of_vesting: impl FnOnce(&VestingState) -> T,
) -> Option<T> {
    match stream.details() {
        Details::Api(_) => None,
        Details::V9(state) => Some(of_v9(&state.on_chain)),
        Details::Vesting(state) => Some(of_vesting(state)),
    }
}

/// Reads a present field as `Some`, `null` included, so that `null` differs from an absent field.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
