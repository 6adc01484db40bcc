use std::collections::BTreeMap;

use fluxora_decimal::Amount;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Address, Inferred, Kind, OnChain, StatusName, Stream, StreamBody, StreamNumber, UnixTime};

/// Declares what can change about a stream, once: the fields of [`Changes`], and where each is read from.
macro_rules! changes {
    ($(#[doc = $doc:literal] $field:ident $(alias $alias:literal)?: $type:ty = $get:expr;)*) => {
        /// The fields of a stream that changed, with their new values. A field that is absent did not change, or does not
        /// exist for the stream's origin.
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
    /// Who pays.
    sender: Address = |stream| Some(stream.sender);
    /// Who is paid.
    recipient: Address = |stream| Some(stream.recipient);
    /// What is locked.
    deposit_amount: Amount = |stream| Some(stream.schedule.deposit);
    /// What flows in one second.
    rate_per_second: Amount = |stream| Some(stream.schedule.rate);
    /// When the flow begins.
    start_time: UnixTime = |stream| Some(stream.schedule.start);
    /// Before this, nothing counts as streamed.
    cliff_time: UnixTime = |stream| Some(stream.schedule.cliff);
    /// When the flow ends.
    end_time: UnixTime = |stream| Some(stream.schedule.end);
    /// The shape of the flow.
    kind: Kind = |stream| of(stream, |_| stream.schedule.kind);
    /// What had accrued when the rate last changed.
    checkpointed_amount: Amount = |stream| of(stream, |_| stream.schedule.checkpoint.amount);
    /// When that was.
    checkpointed_at: UnixTime = |stream| of(stream, |_| stream.schedule.checkpoint.at);
    /// What has been taken out.
    withdrawn_amount: Amount = |stream| Some(stream.withdrawn);
    /// Where it stands in its life.
    status: StatusName = |stream| Some(stream.status.name());
    /// Since when it is paused or cancelled.
    status_since: Option<UnixTime> = |stream| Some(stream.status.since().map(UnixTime::of));
    /// Who may withdraw instead of the recipient.
    claim_owner: Option<Address> = |stream| of(stream, |chain| chain.claim_owner);
    /// Where keepers may send what can be withdrawn.
    auto_claim_destination: Option<Address> = |stream| of(stream, |chain| chain.auto_claim_destination);
    /// Whether it is to be renewed, where that is known.
    auto_renew: Option<bool> = |stream| of(stream, |chain| chain.auto_renew);
    /// The ledger in which it was made.
    created_ledger: u32 = |stream| of(stream, |chain| chain.created_ledger);
    /// The transaction that made it.
    tx_hash: String = |stream| of(stream, |chain| chain.tx_hash.clone());
    /// The ledger of its last event.
    last_ledger: u32 = |stream| of(stream, |chain| chain.last_ledger);
    /// The least that one withdrawal takes out.
    withdraw_dust_threshold: Amount = |stream| of(stream, |chain| chain.withdraw_dust_threshold);
    /// Whether it pays the members of a pool.
    pooled: bool = |stream| of(stream, |chain| chain.pooled);
    /// Seconds spent in pauses that have ended.
    paused_seconds: u64 = |stream| of(stream, |chain| chain.paused_seconds);
    /// The ledger of the last pause or resumption.
    last_pause_toggle_ledger: u32 = |stream| of(stream, |chain| chain.last_pause_toggle_ledger);
    /// The ledger of the last change of the rate.
    last_rate_change_ledger: u32 = |stream| of(stream, |chain| chain.last_rate_change_ledger);
    /// The ledger of the last withdrawal.
    last_withdraw_ledger: u32 = |stream| of(stream, |chain| chain.last_withdraw_ledger);
    /// How many splits lie between it and one that was created.
    delegation_depth: u32 = |stream| of(stream, |chain| chain.delegation_depth);
    /// The stream it was split off from.
    parent_stream_id: Option<StreamNumber> = |stream| of(stream, |chain| chain.parent_stream_id);
    /// The stream it is a clone or a renewal of.
    source_stream_id: Option<StreamNumber> = |stream| of(stream, |chain| chain.source_stream_id);
    /// The sender's memo.
    memo: Option<String> = |stream| of(stream, |chain| chain.memo.clone());
    /// The sender's metadata.
    metadata: Option<BTreeMap<String, String>> = |stream| of(stream, |chain| chain.metadata.clone());
    /// Whether it is marked as decommissioned.
    decommissioned: bool = |stream| of(stream, |chain| chain.decommissioned);
    /// Whether it was last reported as underfunded.
    underfunded: bool = |stream| of(stream, |chain| chain.underfunded);
    /// The ledger in which the contract removed it.
    closed_ledger: Option<u32> = |stream| of(stream, |chain| chain.closed_ledger);
    /// What a keeper's cancellation paid out.
    keeper_paid_amount: Option<Amount> = |stream| of(stream, |chain| chain.keeper_paid_amount);
    /// How many of its events could not be understood.
    unprojected_events: u32 = |stream| of(stream, |chain| chain.unprojected_events);
    /// What was inferred.
    inferred alias "assumed": Inferred = |stream| of(stream, |chain| chain.inferred);
}

fn changed<B, T: PartialEq>(
    before: Option<&Stream<B>>,
    after: &Stream<B>,
    get: impl Fn(&Stream<B>) -> Option<T>,
) -> Option<T> {
    let value = get(after);
    if before.is_some_and(|before| get(before) == value) { None } else { value }
}

fn of<B: StreamBody, T>(stream: &Stream<B>, get: impl FnOnce(&OnChain) -> T) -> Option<T> {
    stream.on_chain().map(get)
}

/// Tells `null`, a value, from a field that is absent: what is there is read as `Some`, whatever it is.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
