use std::collections::BTreeMap;

use fluxora_decimal::Amount;
use serde::{Deserialize, Serialize};

use crate::{Address, StreamNumber};

/// Lists what is known of a stream of the chain, once: the fields of [`OnChain`], and of [`NonDefault`].
macro_rules! on_chain {
    (
        always { $($(#[doc = $need_doc:literal])+ $need:ident: $need_type:ty;)* }
        unless_default { $($(#[doc = $doc:literal])+ $field:ident $(alias $alias:literal)?: $type:ty;)* }
    ) => {
        /// What the contract knows of a stream beyond its terms and its status, as far as its events tell.
        ///
        /// It is read as it is written, whole or [non_default](OnChain::non_default).
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct OnChain {
            $($(#[doc = $need_doc])+ pub $need: $need_type,)*
            $($(#[doc = $doc])+ #[serde(default $(, alias = $alias)?)] pub $field: $type,)*
        }

        /// An [`OnChain`] without the fields that are as by default: most streams have little in them, and each change of a stream
        /// writes all.
        #[derive(Clone, Copy, Debug, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct NonDefault<'a> {
            $($need: &'a $need_type,)*
            $(
                #[serde(skip_serializing_if = "is_default")]
                $field: &'a $type,
            )*
        }

        impl OnChain {
            /// How it is stored.
            pub const fn non_default(&self) -> NonDefault<'_> {
                NonDefault { $($need: &self.$need,)* $($field: &self.$field,)* }
            }
        }
    };
}

fn is_default<T: Default + PartialEq>(value: &&T) -> bool {
    **value == T::default()
}

on_chain! {
    always {
        /// The ledger in which the stream was made.
        created_ledger: u32;
        /// The ledger of the last event that changed it.
        last_ledger: u32;
        /// The transaction that made it.
        tx_hash: String;
        /// The least that one withdrawal takes out.
        withdraw_dust_threshold: Amount;
    }
    unless_default {
        /// Who may withdraw instead of the recipient.
        claim_owner: Option<Address>;
        /// Where keepers may send what can be withdrawn.
        auto_claim_destination: Option<Address>;
        /// Whether a renewal has consumed or inherited the wish to be renewed. `None` where no event told: the contract emits none
        /// when the wish is set.
        auto_renew: Option<bool>;
        /// The stream from whose share this one was split off.
        parent_stream_id: Option<StreamNumber>;
        /// How many splits lie between this stream and one that was created.
        delegation_depth: u32;
        /// The stream that this one is a clone or a renewal of.
        source_stream_id: Option<StreamNumber>;
        /// The sender's memo, as `0x` and hex.
        memo: Option<String>;
        /// The sender's metadata: names and values, each as `0x` and hex.
        metadata: Option<BTreeMap<String, String>>;
        /// Whether the stream pays the members of a pool: its sender and its recipient are the same.
        pooled: bool;
        /// Seconds spent in pauses that have ended.
        paused_seconds: u64;
        /// The ledger of the last pause or resumption; 0 if there was none.
        last_pause_toggle_ledger: u32;
        /// The ledger of the last change of the rate; 0 if there was none.
        last_rate_change_ledger: u32;
        /// The ledger of the last withdrawal, whoever caused it; 0 if there was none.
        last_withdraw_ledger: u32;
        /// Whether the contract's operator has marked the stream as decommissioned.
        decommissioned: bool;
        /// Whether the contract has last reported the stream as underfunded.
        underfunded: bool;
        /// The ledger in which the contract removed the stream, if it has.
        closed_ledger: Option<u32>;
        /// What a keeper's cancellation paid to the recipient. The contract does not count it as withdrawn.
        keeper_paid_amount: Option<Amount>;
        /// How many events of this stream could not be understood. Above zero, the stream may differ from the contract's.
        unprojected_events: u32;
        /// What the events leave open and was inferred.
        inferred alias "assumed": Inferred;
    }
}

/// What the contract's events cannot tell, where it matters to a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inferred {
    /// Its kind: its first terms fit a linear stream and a cliff with a slope alike. The likelier one is taken: linear, unless withdrawals
    /// took out exactly what the other would have accrued.
    pub kind: bool,
    /// That a change of its rate kept what had accrued, as all but one function of the contract do.
    pub checkpoint: bool,
    /// That a withdrawal took out what its event says: the transfers that would prove it are not there.
    pub withdrawn: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_by_default_is_not_stored_and_is_read_back() {
        let known = OnChain {
            created_ledger: 7,
            memo: Some("0x00".to_owned()),
            inferred: Inferred { kind: true, ..Inferred::default() },
            ..OnChain::default()
        };
        let stored = r#"{"createdLedger":7,"lastLedger":0,"txHash":"","withdrawDustThreshold":"0","memo":"0x00","inferred":{"kind":true,"checkpoint":false,"withdrawn":false}}"#;
        assert_eq!(serde_json::to_string(&known.non_default()).unwrap(), stored);
        let whole = serde_json::to_string(&known).unwrap();
        assert!(whole.contains(r#""claimOwner":null"#), "{whole}");
        for text in [stored, &whole] {
            assert_eq!(serde_json::from_str::<OnChain>(text).unwrap(), known);
        }
        for wrong in ["{}", &stored.replace("txHash", "hash"), &stored.replace("memo", "note")] {
            serde_json::from_str::<OnChain>(wrong).unwrap_err();
        }
    }

    /// Every field, whatever it was, and numbers of streams as JSON numbers.
    #[test]
    fn what_an_earlier_version_stored_is_read() {
        let stored = r#"{"createdLedger":7,"lastLedger":9,"txHash":"ab","claimOwner":null,"autoClaimDestination":null,"autoRenew":null,"parentStreamId":3,"delegationDepth":1,"sourceStreamId":null,"withdrawDustThreshold":"0.0000000","memo":null,"metadata":null,"pooled":false,"pausedSeconds":0,"lastPauseToggleLedger":0,"lastRateChangeLedger":0,"lastWithdrawLedger":9,"decommissioned":false,"underfunded":false,"closedLedger":null,"keeperPaidAmount":null,"unprojectedEvents":0,"assumed":{"kind":false,"checkpoint":false,"withdrawn":false}}"#;
        let known = OnChain {
            created_ledger: 7,
            last_ledger: 9,
            tx_hash: "ab".to_owned(),
            parent_stream_id: Some(StreamNumber(3)),
            delegation_depth: 1,
            last_withdraw_ledger: 9,
            ..OnChain::default()
        };
        assert_eq!(serde_json::from_str::<OnChain>(stored).unwrap(), known);
    }
}
