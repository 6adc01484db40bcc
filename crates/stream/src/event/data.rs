use fluxora_decimal::Amount;
use serde::{Deserialize, Serialize};

use super::RunwayLow;
use crate::{Changes, EventKind, UnixTime};

/// The payload of a stream event.
///
/// It serializes as `{cause, changes}`. `streamedAmount` and `refundedAmount` follow where an API stream ended, `retracts` and
/// `runway` where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventData {
    /// Why the event was emitted.
    pub cause: Cause,
    /// The fields that changed, with their new values.
    pub changes: Box<Changes>,
    /// The division of the deposit; present when an API stream completed or was cancelled.
    #[serde(flatten)]
    pub settlement: Option<Settlement>,
    /// The time event that a correction takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retracts: Option<Retracted>,
    /// The runway of a treasury that has become low.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runway: Option<Box<RunwayLow>>,
}

/// An event that did not happen by the ledgers that replaced those on which it was emitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retracted {
    /// The id of the event.
    pub id: String,
    /// Its type.
    pub r#type: EventKind,
    /// Its instant, in Unix seconds.
    pub at: UnixTime,
}

/// Why an event was emitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Cause {
    /// A request to the API.
    Api,
    /// An instant of the schedule has come: by the clock for an API stream, by the close of ledgers for a chain stream.
    Clock,
    /// The contract emitted an event.
    ContractEvent {
        /// Sequence of its ledger.
        ledger: u32,
        /// Hash of its transaction.
        tx_hash: String,
        /// Id given by the event's source.
        event_id: String,
        /// First topic.
        topic: String,
    },
    /// Contract events arrived after later events of the chain had been projected.
    LateEvents {
        /// The first ledger concerned.
        ledger: u32,
    },
    /// A fork was found and its ledgers were replaced.
    Reorg {
        /// The first ledger that was replaced.
        fork_ledger: u32,
    },
    /// An operator rebuilt streams from the stored contract events.
    Reindex,
}

impl Cause {
    /// Hash of the transaction of a contract event; `None` for another cause.
    pub fn tx_hash(&self) -> Option<&str> {
        match self {
            Self::ContractEvent { tx_hash, .. } => Some(tx_hash),
            Self::Api | Self::Clock | Self::LateEvents { .. } | Self::Reorg { .. } | Self::Reindex => None,
        }
    }
}

/// The division of a deposit when a stream ended; the two amounts add up to the deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settlement {
    /// The part that had streamed to the recipient.
    pub streamed_amount: Amount,
    /// The part that went back to the sender.
    pub refunded_amount: Amount,
}
