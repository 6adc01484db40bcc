use fluxora_indexer::NotOpaque;
use jiff::Timestamp;
use thiserror::Error;

use crate::Hash;

/// Why a ledger is not accepted. No variant is ever skipped: the follower stops before the ledger.
///
/// [`Undecodable`](Self::Undecodable) needs a newer decoder or another source; every other variant says that the source
/// contradicts the ledger's own header, and another source must be asked.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The bytes are not a ledger that this decoder knows.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// L1: the header does not have the hash that the source gives.
    #[error("ledger {ledger}: the header has the hash {computed}, the source gives {claimed}")]
    HeaderHash {
        /// The sequence in the header.
        ledger: u32,
        /// The hash beside the header.
        claimed: Hash,
        /// The hash of the header.
        computed: Hash,
    },
    /// L1: the close time is no instant.
    #[error("ledger {ledger}: the close time of {seconds} seconds after 1970 is out of range")]
    CloseTimeOutOfRange {
        /// The sequence in the header.
        ledger: u32,
        /// Unix seconds.
        seconds: u64,
    },
    /// L1: the ledger is not the successor of the one before.
    #[error("ledger {ledger} does not follow: {broken}")]
    NotLinked {
        /// The later ledger.
        ledger: u32,
        /// What contradicts.
        broken: Link,
    },
    /// L2: the results are not those that the header commits to.
    #[error(
        "ledger {ledger}: the transaction results have the hash {computed}, the header commits to {committed}"
    )]
    ResultSetHash {
        /// The sequence.
        ledger: u32,
        /// `txSetResultHash` of the header.
        committed: Hash,
        /// The hash of the results.
        computed: Hash,
    },
    /// L2b: the transaction set is not the one that the header commits to.
    #[error(
        "ledger {ledger}: the transaction set has the hash {computed}, the header commits to {committed}"
    )]
    TransactionSetHash {
        /// The sequence.
        ledger: u32,
        /// `scpValue.txSetHash` of the header.
        committed: Hash,
        /// The hash of the set.
        computed: Hash,
    },
    /// L3: the events of a successful invocation are not those that its result commits to.
    #[error(
        "ledger {ledger}, transaction {transaction}: the events have the hash {computed}, the result commits to {committed}"
    )]
    EventsHash {
        /// The sequence.
        ledger: u32,
        /// 1-based position in the ledger.
        transaction: u32,
        /// The hash in the result.
        committed: Hash,
        /// The hash of the return value and the events.
        computed: Hash,
    },
    /// L3: the metadata of a successful invocation lacks the return value, or has another number of operations than 1.
    #[error(
        "ledger {ledger}, transaction {transaction}: the metadata is not that of one successful invocation"
    )]
    NotAnInvocation {
        /// The sequence.
        ledger: u32,
        /// 1-based position in the ledger.
        transaction: u32,
    },
    /// An id, a contract or a topic of an event has no valid text.
    #[error("ledger {ledger}, transaction {transaction}: an event cannot be named")]
    Unnamed {
        /// The sequence.
        ledger: u32,
        /// 1-based position in the ledger.
        transaction: u32,
        /// The rule that the text breaks.
        source: NotOpaque,
    },
}

/// Bytes that cannot be decoded as a ledger. The header is read where that much is possible.
#[derive(Debug, Error)]
#[error("{} cannot be decoded{}", name(*.ledger), hint(*.protocol))]
pub struct Undecodable {
    /// The sequence in the header.
    pub ledger: Option<u32>,
    /// The protocol in the header. Above [`PROTOCOL_KNOWN`](crate::PROTOCOL_KNOWN) a newer decoder is needed.
    pub protocol: Option<u32>,
    /// What the decoder says.
    #[source]
    pub source: stellar_xdr::Error,
}

fn name(ledger: Option<u32>) -> String {
    ledger.map_or_else(|| "a ledger".to_owned(), |sequence| format!("ledger {sequence}"))
}

fn hint(protocol: Option<u32>) -> String {
    match protocol {
        Some(protocol) if protocol > crate::decode::PROTOCOL_KNOWN => {
            format!(": it has protocol {protocol}, which needs a newer release of this program")
        }
        Some(protocol) => format!(" (protocol {protocol})"),
        None => String::new(),
    }
}

/// The property in which two neighbouring ledgers contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Link {
    /// There is a gap or a repetition.
    #[error("the ledger before is {previous}")]
    Sequence {
        /// The sequence of the ledger before.
        previous: u32,
    },
    /// The parent is another ledger.
    #[error("it names the parent {named}, the ledger before has the hash {expected}")]
    Hash {
        /// The hash of the ledger before.
        expected: Hash,
        /// `previousLedgerHash` of the header.
        named: Hash,
    },
    /// The close time falls.
    #[error("it closed at {this}, the ledger before at {previous}")]
    CloseTime {
        /// Of the ledger before.
        previous: Timestamp,
        /// Of the ledger.
        this: Timestamp,
    },
    /// The protocol version falls.
    #[error("it has protocol {this}, the ledger before {previous}")]
    Protocol {
        /// Of the ledger before.
        previous: u32,
        /// Of the ledger.
        this: u32,
    },
}
