use std::collections::BTreeMap;

use fluxora_decimal::Amount;
use serde::{Deserialize, Serialize};

use crate::Address;

/// What the contract knows of a stream beyond its terms and its status, as far as its events tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnChain {
    /// The ledger in which the stream was made.
    pub created_ledger: u32,
    /// The ledger of the last event that changed it.
    pub last_ledger: u32,
    /// The transaction that made it.
    pub tx_hash: String,
    /// Who may withdraw instead of the recipient.
    pub claim_owner: Option<Address>,
    /// Where keepers may send what can be withdrawn.
    pub auto_claim_destination: Option<Address>,
    /// Whether a renewal has consumed or inherited the wish to be renewed. `None` where no event told: the contract emits none
    /// when the wish is set.
    pub auto_renew: Option<bool>,
    /// The stream from whose share this one was split off.
    pub parent_stream_id: Option<u64>,
    /// How many splits lie between this stream and one that was created.
    pub delegation_depth: u32,
    /// The stream that this one is a clone or a renewal of.
    pub source_stream_id: Option<u64>,
    /// The least that one withdrawal takes out.
    pub withdraw_dust_threshold: Amount,
    /// The sender's memo, as `0x` and hex.
    pub memo: Option<String>,
    /// The sender's metadata: names and values, each as `0x` and hex.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Whether the stream pays the members of a pool: its sender and its recipient are the same.
    pub pooled: bool,
    /// Seconds spent in pauses that have ended.
    pub paused_seconds: u64,
    /// The ledger of the last pause or resumption; 0 if there was none.
    pub last_pause_toggle_ledger: u32,
    /// The ledger of the last change of the rate; 0 if there was none.
    pub last_rate_change_ledger: u32,
    /// The ledger of the last withdrawal, whoever caused it; 0 if there was none.
    pub last_withdraw_ledger: u32,
    /// Whether the contract's operator has marked the stream as decommissioned.
    pub decommissioned: bool,
    /// Whether the contract has last reported the stream as underfunded.
    pub underfunded: bool,
    /// The ledger in which the contract removed the stream, if it has.
    pub closed_ledger: Option<u32>,
    /// What a keeper's cancellation paid to the recipient. The contract does not count it as withdrawn.
    pub keeper_paid_amount: Option<Amount>,
    /// How many events of this stream could not be understood. Above zero, the stream may differ from the contract's.
    pub unprojected_events: u32,
    /// What the events leave open and was assumed.
    pub assumed: Assumed,
}

/// What the contract's events cannot tell, where it matters to a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assumed {
    /// Its kind: its first terms fit a linear stream and a cliff with a slope alike. The likelier one is taken: linear, unless withdrawals
    /// took out exactly what the other would have accrued.
    pub kind: bool,
    /// That a change of its rate kept what had accrued, as all but one function of the contract do.
    pub checkpoint: bool,
    /// That a withdrawal took out what its event says: the transfers that would prove it are not there.
    pub withdrawn: bool,
}
