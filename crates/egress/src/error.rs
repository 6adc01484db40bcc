use thiserror::Error;

use crate::AddressKind;

/// An address that is neither public nor on the allow-list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the address is not public ({})", .0.as_str())]
pub struct Blocked(pub AddressKind);

/// Why a request has no answer. Neither the URL nor an address is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The name does not resolve.
    #[error("the name of the receiver does not resolve")]
    Resolve,
    /// The name was not resolved in time.
    #[error("the name of the receiver was not resolved in time")]
    ResolveTimeout,
    /// An address of the receiver is blocked. Nothing was connected to.
    #[error("an address of the receiver is not public ({})", .0.as_str())]
    Blocked(AddressKind),
    /// No address accepts a connection.
    #[error("the receiver does not accept a connection")]
    Connect,
    /// No connection, TLS included, in time.
    #[error("the receiver did not accept a connection in time")]
    ConnectTimeout,
    /// The TLS handshake failed: a certificate that does not match, has expired, or is of an unknown authority.
    #[error("the TLS handshake failed: check the certificate of the receiver")]
    Tls,
    /// The head of the answer did not arrive in time.
    #[error("the receiver did not answer in time")]
    Timeout,
    /// The connection broke before the head of the answer had arrived.
    #[error("the connection broke before the receiver had answered")]
    Broken,
    /// The answer is no HTTP/1.1, or its head is larger than 16 KiB or has more than 64 headers.
    #[error("the answer is no HTTP/1.1 answer with a head of at most 16 KiB and 64 headers")]
    InvalidResponse,
    /// A header or the target cannot be written into a request.
    #[error("the request cannot be written")]
    InvalidRequest,
}

impl SendError {
    /// The name of this class in logs and in answers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Resolve => "dns",
            Self::ResolveTimeout => "timeout_dns",
            Self::Blocked(_) => "blocked_address",
            Self::Connect => "connect",
            Self::ConnectTimeout => "timeout_connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout_head",
            Self::Broken => "reset",
            Self::InvalidResponse => "invalid_response",
            Self::InvalidRequest => "invalid_request",
        }
    }
}
