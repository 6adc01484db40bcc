//! What a batch of verified ledgers brings beside ledgers and events.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::{ChainPosition, Opaque};

/// The format of the JSON that proves one event.
pub const EVENT_PROOF_FORMAT: &str = "fluxora-event-proof-v1";

/// What the reader of the network says of the ledgers of a batch. A push has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Contracts of which the batch holds every event of its ledgers.
    pub contracts: Vec<Opaque>,
    /// Proofs of the events of the batch.
    pub proofs: Vec<LedgerProof>,
    /// The lease under which the batch is written; `None` if it needs none.
    pub fence: Option<Fence>,
}

/// A lease that was acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Name of the lease.
    pub lease: &'static str,
    /// Number of its holder, counted from 1. A later holder has a higher one.
    pub token: u64,
}

/// What proves events of one ledger: the header commits to the results, the results commit to the preimages, and these
/// hold the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerProof {
    /// Sequence of the ledger.
    pub ledger: u32,
    /// XDR of `LedgerHeader`.
    pub header: Arc<[u8]>,
    /// XDR of `TransactionResultSet`.
    pub results: Arc<[u8]>,
    /// XDR of `InvokeHostFunctionSuccessPreImage`, by the 1-based position of the transaction.
    pub preimages: BTreeMap<u32, Arc<[u8]>>,
    /// The events that are proven.
    pub events: ProvenEvents,
}

/// Proven events of a ledger: the 1-based position of the transaction, and the index in its only operation. As a text:
/// `transaction.event`, in order, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProvenEvents(pub BTreeSet<(u32, u32)>);

/// A text that is not [`ProvenEvents`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not events of a ledger, as in 3.0,3.1,7.0")]
pub struct NotProvenEvents;

/// How an event is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verification {
    /// A pusher said so.
    Pushed,
    /// The header of its ledger commits to it, through results and preimage. A ledger passes every level or is not taken.
    L3,
}

impl Verification {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::L3 => "L3",
        }
    }
}

impl LedgerProof {
    /// Adds what another proof of the same ledger proves.
    pub fn merge(&mut self, other: &Self) {
        self.preimages.extend(other.preimages.iter().map(|(at, preimage)| (*at, Arc::clone(preimage))));
        self.events.0.extend(&other.events.0);
    }
}

impl ProvenEvents {
    /// How the event at a position of the ledger is known.
    pub fn verification(&self, position: ChainPosition) -> Verification {
        let ChainPosition { ledger: _, transaction, operation, event } = position;
        let is_proven = operation == 0 && self.0.contains(&(transaction, event));
        if is_proven { Verification::L3 } else { Verification::Pushed }
    }
}

impl fmt::Display for ProvenEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        self.0.iter().try_for_each(|(transaction, event)| {
            let written = write!(f, "{separator}{transaction}.{event}");
            separator = ",";
            written
        })
    }
}

impl FromStr for ProvenEvents {
    type Err = NotProvenEvents;

    fn from_str(text: &str) -> Result<Self, NotProvenEvents> {
        let event = |part: &str| {
            let (transaction, event) = part.split_once('.')?;
            Some((transaction.parse().ok()?, event.parse().ok()?))
        };
        let parts = text.split(',').filter(|_| !text.is_empty());
        parts.map(event).collect::<Option<_>>().map(Self).ok_or(NotProvenEvents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(transactions: &[(u32, &[u32])]) -> LedgerProof {
        let bytes = |text: &str| Arc::<[u8]>::from(text.as_bytes());
        let preimages = transactions.iter().map(|(at, _)| (*at, bytes(&format!("preimage {at}"))));
        let events = transactions.iter().flat_map(|(at, events)| events.iter().map(|event| (*at, *event)));
        LedgerProof {
            ledger: 7,
            header: bytes("header"),
            results: bytes("results"),
            preimages: preimages.collect(),
            events: ProvenEvents(events.collect()),
        }
    }

    #[test]
    fn proven_events_read_back_as_they_were_written() {
        let events = proof(&[(12, &[4]), (3, &[1, 0])]).events;
        assert_eq!((events.to_string().as_str(), "3.0,3.1,12.4".parse()), ("3.0,3.1,12.4", Ok(events)));
        assert_eq!("".parse(), Ok(ProvenEvents::default()));
        for wrong in [",", "1", "1.", "1.2.3", "-1.2", "a.b"] {
            assert_eq!(wrong.parse::<ProvenEvents>(), Err(NotProvenEvents), "{wrong}");
        }
    }

    #[test]
    fn proofs_of_one_ledger_prove_together_what_each_proves() {
        let mut one = proof(&[(3, &[0]), (5, &[2])]);
        one.merge(&proof(&[(5, &[1]), (9, &[0])]));
        assert_eq!(one, proof(&[(3, &[0]), (5, &[1, 2]), (9, &[0])]));
    }

    #[test]
    fn only_the_event_of_the_proven_position_is_proven() {
        let proven = proof(&[(3, &[1])]).events;
        let at = |transaction, operation, event| {
            proven.verification(ChainPosition { ledger: 7, transaction, operation, event })
        };
        assert_eq!(at(3, 0, 1), Verification::L3);
        for other in [at(3, 1, 1), at(3, 0, 0), at(1, 0, 3)] {
            assert_eq!(other, Verification::Pushed);
        }
    }
}
