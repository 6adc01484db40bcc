use std::collections::BTreeMap;

use fluxora_decimal::Amount;
use serde::{Deserialize, Serialize};

use crate::{Address, StreamNumber};

/// Declares the fields of [`OnChain`] and of [`NonDefault`] in one list.
macro_rules! on_chain {
    (
        always { $($(#[doc = $need_doc:literal])+ $need:ident: $need_type:ty;)* }
        unless_default { $($(#[doc = $doc:literal])+ $field:ident $(alias $alias:literal)?: $type:ty;)* }
    ) => {
        /// The state of a stream in a version 9 contract beyond its terms and its status, as its events report it.
        ///
        /// It deserializes from all fields and from [non-default ones](OnChain::non_default).
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct OnChain {
            $($(#[doc = $need_doc])+ pub $need: $need_type,)*
            $($(#[doc = $doc])+ #[serde(default $(, alias = $alias)?)] pub $field: $type,)*
        }

        /// The fields of an [`OnChain`] that differ from their default: most streams have few, and every change of a
        /// stream writes them all.
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
            /// The stored form.
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
        /// Ledger in which the stream was created.
        created_ledger: u32;
        /// Ledger of the last contract event that changed the stream.
        last_ledger: u32;
        /// Hash of the transaction that created the stream.
        tx_hash: String;
        /// Least amount of one withdrawal.
        withdraw_dust_threshold: Amount;
    }
    unless_default {
        /// Address that may withdraw instead of the recipient.
        claim_owner: Option<Address>;
        /// Address to which keepers may send the withdrawable amount.
        auto_claim_destination: Option<Address>;
        /// Auto-renew setting as a renewal event reports it: consumed (`false`) or inherited (`true`). `None` if
        /// unknown: the contract emits no event when the setting changes.
        auto_renew: Option<bool>;
        /// Number of the stream that this one is a share of.
        parent_stream_id: Option<StreamNumber>;
        /// Number of shares between this stream and one that was created.
        delegation_depth: u32;
        /// Number of the stream that this one is a clone or a renewal of.
        source_stream_id: Option<StreamNumber>;
        /// Sender's memo: `0x` and hex.
        memo: Option<String>;
        /// Sender's metadata: names and values, each `0x` and hex.
        metadata: Option<BTreeMap<String, String>>;
        /// Whether sender and recipient are the same: the stream pays the members of a pool.
        pooled: bool;
        /// Seconds of pauses that have ended.
        paused_seconds: u64;
        /// Ledger of the last pause or resumption; 0 if there was none.
        last_pause_toggle_ledger: u32;
        /// Ledger of the last change of the rate; 0 if there was none.
        last_rate_change_ledger: u32;
        /// Ledger of the last withdrawal by any party; 0 if there was none.
        last_withdraw_ledger: u32;
        /// Whether the contract's operator marked the stream as decommissioned.
        decommissioned: bool;
        /// Whether the last health event reported the stream as underfunded.
        underfunded: bool;
        /// Ledger in which the contract removed the stream.
        closed_ledger: Option<u32>;
        /// Amount that a keeper's cancellation paid to the recipient. The contract does not count it as withdrawn.
        keeper_paid_amount: Option<Amount>;
        /// Number of unreadable contract events. Above zero, the stream may differ from the contract's.
        unprojected_events: u32;
        /// Number of contract events that break an invariant of the contract. Above zero, the stream may differ from the
        /// contract's.
        anomalies: u32;
        /// Values that contract events leave open and that were inferred.
        inferred alias "assumed": Inferred;
    }
}

/// Values of a stream that contract events leave open; `true` where the value was inferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inferred {
    /// The kind: the terms fit a linear stream and a cliff with a slope alike. Linear is taken, unless withdrawals took
    /// out exactly what a cliff with a slope would have accrued.
    pub kind: bool,
    /// That a change of the rate kept the accrued amount, as all but one function of the contract do.
    pub checkpoint: bool,
    /// That a withdrawal took out the amount of its event: the transfers that would prove it are missing.
    pub withdrawn: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_with_its_default_value_is_not_stored_and_reads_back() {
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

    /// Every field, and stream numbers as JSON numbers.
    #[test]
    fn the_form_that_an_earlier_version_stored_is_read() {
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
