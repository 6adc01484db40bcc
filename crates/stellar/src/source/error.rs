use std::time::Duration;

use thiserror::Error;

use crate::{Hash, LedgerError, Undecodable};

/// Why a source did not give what it was asked for. [`advice`](Self::advice) says what to do. No text contains the path or the
/// query of a URL: providers put keys there.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The connection failed.
    #[error("cannot connect")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection broke while the answer was read.
    #[error("the answer broke off")]
    BrokenOff(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There was no whole answer in time.
    #[error("no whole answer within {} ms", .limit.as_millis())]
    Timeout {
        /// The time limit.
        limit: Duration,
    },
    /// The answer has too many bytes.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// The most bytes that are read.
        limit: usize,
    },
    /// HTTP 429.
    #[error("too many requests (HTTP 429)")]
    RateLimited {
        /// The `Retry-After` of the answer.
        retry_after: Option<Duration>,
    },
    /// HTTP 503, or the source says that it is not healthy (-32603).
    #[error("the source is overloaded or not healthy: {message}")]
    Unavailable {
        /// The `Retry-After` of the answer.
        retry_after: Option<Duration>,
        /// What the source says.
        message: String,
    },
    /// HTTP 401 or 403.
    #[error("access is refused (HTTP {status}): check the key in the URL")]
    AccessRefused {
        /// The status.
        status: u16,
    },
    /// Any other status that is no success.
    #[error("HTTP {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The request takes the source too long (-32001, HTTP 504).
    #[error("the request exceeds the source's processing limit")]
    ProcessingLimit,
    /// The ledger is older than the oldest one that the source keeps.
    #[error("ledger {ledger} is no longer kept: the oldest is {oldest}. A data lake has older ledgers")]
    Pruned {
        /// The ledger asked for.
        ledger: u32,
        /// The oldest ledger of the source.
        oldest: u32,
    },
    /// The source refuses a request for a ledger that it says it has.
    #[error("the source refuses ledger {ledger} although it reports {oldest} to {latest}")]
    Contradictory {
        /// The ledger asked for.
        ledger: u32,
        /// The oldest ledger of the source.
        oldest: u32,
        /// The newest ledger of the source.
        latest: u32,
    },
    /// Any other JSON-RPC error, -32600 and -32602 included where they do not concern the range of ledgers.
    #[error("JSON-RPC error {code}: {message}")]
    Rpc {
        /// The code.
        code: i64,
        /// What the source says.
        message: String,
    },
    /// The answer is not what was asked for: HTML, broken JSON, a missing member.
    #[error("the answer is not that of a {expected}")]
    Malformed {
        /// What was expected.
        expected: &'static str,
    },
    /// The answer holds another ledger than the one that was asked for.
    #[error("asked for ledger {expected}, the answer has {found}")]
    Misplaced {
        /// The ledger asked for.
        expected: u32,
        /// The ledger in the answer.
        found: u32,
    },
    /// The answer repeats the cursor that it was asked with, and has events.
    #[error("the source repeats the cursor {cursor}")]
    RepeatedCursor {
        /// The cursor.
        cursor: String,
    },
    /// The source serves another network.
    #[error("the source serves the network {found:?}, expected {expected:?}")]
    WrongNetwork {
        /// The passphrase of the settings.
        expected: String,
        /// The passphrase of the source.
        found: String,
    },
    /// The source gives another ledger in the place of a final one: it serves another chain, or the network was reset.
    #[error(
        "the source is on another chain: its ledger {ledger} has the hash {found}, the final one {stored}"
    )]
    OtherChain {
        /// The final ledger.
        ledger: u32,
        /// Its stored hash.
        stored: String,
        /// The hash of the source's ledger.
        found: Hash,
    },
    /// More contracts are watched than one request for events can name.
    #[error("events of {contracts} contracts are asked for, a request can name {limit}: use whole ledgers")]
    TooManyContracts {
        /// How many are watched.
        contracts: usize,
        /// How many can be named.
        limit: usize,
    },
    /// A ledger cannot be decoded or does not pass verification.
    #[error(transparent)]
    Refused(#[from] LedgerError),
    /// A file of a data lake cannot be read.
    #[error("a file of the data lake cannot be read")]
    File(#[source] std::io::Error),
    /// The URL or the path of a source cannot be used.
    #[error("{what}")]
    Setting {
        /// What is wrong.
        what: &'static str,
    },
    /// A task of the process ended before its result.
    #[error("the work was cancelled")]
    Cancelled,
}

/// What to do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Ask the same source again after this time, or after a growing wait.
    Wait(Option<Duration>),
    /// Ask the same source for fewer ledgers.
    Shrink,
    /// Ask another source.
    Rotate,
    /// Ask another source, and this one only after a long time: it gave something false.
    Demote,
    /// Ask a data lake: this source has no ledgers of that age.
    AskLake,
    /// Stop. No source can help: the release or the settings must change.
    Halt,
}

impl SourceError {
    /// What to do.
    pub fn advice(&self) -> Advice {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => {
                Advice::Wait(*retry_after)
            }
            Self::TooLarge { .. } | Self::ProcessingLimit | Self::Timeout { .. } => Advice::Shrink,
            Self::Connect(_)
            | Self::BrokenOff(_)
            | Self::Status { .. }
            | Self::Contradictory { .. }
            | Self::Rpc { .. }
            | Self::Malformed { .. }
            | Self::RepeatedCursor { .. }
            | Self::File(_)
            | Self::Cancelled => Advice::Rotate,
            Self::AccessRefused { .. }
            | Self::Misplaced { .. }
            | Self::WrongNetwork { .. }
            | Self::OtherChain { .. } => Advice::Demote,
            Self::Pruned { .. } => Advice::AskLake,
            Self::Refused(LedgerError::Undecodable(undecodable)) if needs_newer_release(undecodable) => {
                Advice::Halt
            }
            Self::Refused(_) => Advice::Demote,
            Self::TooManyContracts { .. } | Self::Setting { .. } => Advice::Halt,
        }
    }
}

fn needs_newer_release(undecodable: &Undecodable) -> bool {
    undecodable.protocol.is_some_and(|protocol| protocol > crate::PROTOCOL_KNOWN)
}
