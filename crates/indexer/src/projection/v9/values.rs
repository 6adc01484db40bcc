//! The values of contract events, field by field.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::payload::{Hex, Number, Party, Second, Stroops, Text};

/// A token's `transfer` (SEP-41).
#[derive(Debug)]
pub(super) struct Transfer<'a> {
    pub(super) from: Text<'a>,
    pub(super) to: Text<'a>,
    pub(super) amount: i128,
}

/// Declares the values of contract events. Fields that are not listed are not read, so a contract can add fields. A field
/// that only checks the state before the event is optional.
macro_rules! values {
    ($($(#[$meta:meta])* $name:ident$(<$life:lifetime>)? { $($(#[$attr:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Deserialize)]
            pub(super) struct $name$(<$life>)? {
                $($(#[$attr])* pub(super) $field: $type,)*
            }

            impl$(<$life>)? OfStream for $name$(<$life>)? {
                fn stream(&self) -> u64 {
                    self.stream_id.0
                }
            }
        )*
    };
}

/// A value that names its stream.
pub(super) trait OfStream {
    fn stream(&self) -> u64;
}

values! {
    Created {
        stream_id: Number,
        sender: Party,
        recipient: Party,
        deposit_amount: Stroops,
        rate_per_second: Stroops,
        start_time: Second,
        cliff_time: Second,
        end_time: Second,
        withdraw_dust_threshold: Stroops,
        #[serde(deserialize_with = "Option::deserialize")]
        memo: Option<Hex>,
        #[serde(deserialize_with = "Option::deserialize")]
        metadata: Option<BTreeMap<Hex, Hex>>,
    }
    Withdrew<'a> {
        stream_id: Number,
        #[serde(borrow)]
        recipient: Text<'a>,
        amount: Stroops,
    }
    WithdrawnTo { stream_id: Number, amount: Stroops, }
    KeeperCancelled {
        stream_id: Number,
        keeper_fee: Stroops,
        recipient_amount: Stroops,
        sender_refund: Stroops,
    }
    RateUpdated {
        stream_id: Number,
        #[serde(default)]
        old_rate_per_second: Option<Stroops>,
        new_rate_per_second: Stroops,
        effective_time: Second,
    }
    RateDecreased {
        stream_id: Number,
        #[serde(default)]
        old_rate_per_second: Option<Stroops>,
        new_rate_per_second: Stroops,
        refund_amount: Stroops,
        checkpointed_amount: Stroops,
        effective_time: Second,
    }
    EndShortened {
        stream_id: Number,
        #[serde(default)]
        old_end_time: Option<Second>,
        new_end_time: Second,
        refund_amount: Stroops,
    }
    EndExtended {
        stream_id: Number,
        #[serde(default)]
        old_end_time: Option<Second>,
        new_end_time: Second,
    }
    ToppedUp {
        stream_id: Number,
        #[serde(default)]
        top_up_amount: Option<Stroops>,
        new_deposit_amount: Stroops,
        new_end_time: Second,
    }
    RecipientUpdated {
        stream_id: Number,
        #[serde(default)]
        old_recipient: Option<Party>,
        new_recipient: Party,
    }
    ClaimOwnerChanged {
        stream_id: Number,
        /// `None` if the event does not say; `Some(None)` if it says that there was none.
        #[serde(default, deserialize_with = "stated")]
        old_owner: Option<Option<Party>>,
        new_owner: Party,
    }
    SenderTransferred { stream_id: Number, new_sender: Party, }
    ShareDelegated {
        #[serde(rename = "parent_stream_id")]
        stream_id: Number,
        child_stream_id: Number,
        #[serde(default)]
        delegator: Option<Party>,
        delegatee: Party,
        new_parent_rate: Stroops,
        child_rate: Stroops,
    }
    Cloned {
        #[serde(rename = "new_stream_id")]
        stream_id: Number,
        source_stream_id: Number,
        #[serde(default)]
        sender: Option<Party>,
        #[serde(default)]
        recipient: Option<Party>,
        #[serde(default)]
        deposit_amount: Option<Stroops>,
        #[serde(default)]
        rate_per_second: Option<Stroops>,
        #[serde(default)]
        start_time: Option<Second>,
        #[serde(default)]
        cliff_time: Option<Second>,
        #[serde(default)]
        end_time: Option<Second>,
    }
    Renewed {
        #[serde(rename = "old_stream_id")]
        stream_id: Number,
        new_stream_id: Number,
    }
    Decommissioned { stream_id: Number, decommissioned: bool, }
    AutoClaimSet { stream_id: Number, destination: Party, }
    HealthChanged { stream_id: Number, is_underfunded: bool, }
    /// A value that is read for its stream only.
    Bare { stream_id: Number, }
}

/// A value that is present, also if it is null.
fn stated<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The value of an event without fields: `["StreamClosed","7"]`.
#[derive(Debug, Deserialize)]
pub(super) struct Named<'a>(#[serde(borrow)] pub(super) Text<'a>, pub(super) Number);

impl OfStream for Named<'_> {
    fn stream(&self) -> u64 {
        self.1.0
    }
}

/// The value of a token's transfer: the amount, alone or in a map with other fields (CAP-67).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Moved<'a> {
    Amount(#[serde(borrow)] Text<'a>),
    Map {
        #[serde(borrow)]
        amount: Text<'a>,
    },
}
