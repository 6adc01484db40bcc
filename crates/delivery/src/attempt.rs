use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::Exchange;

/// How many bytes of a response are kept.
pub const MAX_EXCERPT_BYTES: usize = 16_384;

/// One POST of a delivery, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number among the attempts of its delivery: 1, 2, 3 and so on.
    pub number: u32,
    /// What happened.
    pub result: AttemptResult,
    /// Names the worker.
    pub worker: String,
    /// The number of the claim under which it was made; `None` for one that an earlier version recorded.
    pub claim: Option<u32>,
    /// When the next attempt was due after this one; `None` if none followed.
    pub next_attempt_at: Option<Timestamp>,
}

/// What a worker reports of an attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct AttemptResult {
    /// What happened, by class.
    pub outcome: OutcomeCode,
    /// When it was begun.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: SignedDuration,
    /// The status of the response, if its first line arrived.
    pub status: Option<u16>,
    /// How long the response asked to wait, from the end of the attempt; `Retry-After` in either form.
    pub retry_after: Option<SignedDuration>,
    /// The beginning of the response body, at most [`MAX_EXCERPT_BYTES`]; longer ones are cut by [`Self::with_excerpt`].
    pub excerpt: Vec<u8>,
    /// With which address, and how long each phase took.
    pub exchange: Exchange,
}

/// The class of an attempt's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutcomeCode {
    /// The receiver answered 2xx in time.
    Delivered,
    /// The receiver answered 409 with `x-fluxora-code: duplicate_delivery`: it has processed the delivery before.
    Duplicate,
    /// The receiver answered any other status.
    HttpStatus,
    /// The name has no address.
    Dns,
    /// An address of the name is not allowed.
    BlockedAddress,
    /// No connection was made.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The attempt took longer than its deadline.
    Timeout,
    /// The connection broke before the head of the response was complete.
    Reset,
    /// The response is not HTTP, or its head is too large.
    InvalidResponse,
    /// The request could not be built: the stored URL, headers or secret cannot be used.
    InvalidRequest,
    /// The lease ended without a result: the worker is lost. The receiver may have got the delivery.
    LeaseExpired,
}

/// A text that names no outcome.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no attempt has the outcome {0:?}")]
pub struct UnknownOutcome(pub String);

impl AttemptResult {
    /// A result without a response.
    pub const fn new(outcome: OutcomeCode, started_at: Timestamp, duration: SignedDuration) -> Self {
        Self {
            outcome,
            started_at,
            duration,
            status: None,
            retry_after: None,
            excerpt: Vec::new(),
            exchange: Exchange::NONE,
        }
    }

    /// The same with how the exchange went.
    #[must_use]
    pub fn with_exchange(self, exchange: Exchange) -> Self {
        Self { exchange, ..self }
    }

    /// The same with the status of a response.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// The same with a time to wait.
    #[must_use]
    pub fn with_retry_after(self, retry_after: SignedDuration) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }

    /// The same with the beginning of a response body.
    #[must_use]
    pub fn with_excerpt(self, body: &[u8]) -> Self {
        let excerpt = body.get(..MAX_EXCERPT_BYTES).unwrap_or(body).to_vec();
        Self { excerpt, ..self }
    }
}

impl OutcomeCode {
    /// Every outcome.
    pub const ALL: [Self; 12] = [
        Self::Delivered,
        Self::Duplicate,
        Self::HttpStatus,
        Self::Dns,
        Self::BlockedAddress,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Reset,
        Self::InvalidResponse,
        Self::InvalidRequest,
        Self::LeaseExpired,
    ];

    /// The word used on the wire, in storage and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Duplicate => "duplicate",
            Self::HttpStatus => "http_status",
            Self::Dns => "dns",
            Self::BlockedAddress => "blocked_address",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::InvalidResponse => "invalid_response",
            Self::InvalidRequest => "invalid_request",
            Self::LeaseExpired => "lease_expired",
        }
    }

    /// Whether the receiver has the delivery.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Delivered | Self::Duplicate)
    }
}

impl FromStr for OutcomeCode {
    type Err = UnknownOutcome;

    fn from_str(name: &str) -> Result<Self, UnknownOutcome> {
        let known = Self::ALL.into_iter().find(|outcome| outcome.name() == name);
        known.ok_or_else(|| UnknownOutcome(name.to_owned()))
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("number", &self.number)
            .field("result", &self.result)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AttemptResult {
    /// Without the response body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptResult")
            .field("outcome", &self.outcome)
            .field("started_at", &self.started_at)
            .field("duration", &self.duration)
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("excerpt_bytes", &self.excerpt.len())
            .finish()
    }
}
