use std::net::SocketAddr;
use std::time::Duration;

/// How a request went: with which address, and how long each phase took. What was not reached is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
    /// The version of TLS.
    pub tls: Option<TlsVersion>,
    /// Whether an open connection was used.
    pub is_reused: bool,
    /// The look-up of the name; `None` for an address.
    pub resolve: Option<Duration>,
    /// The TCP connection, with addresses that refused before.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub handshake: Option<Duration>,
    /// From the request to the end of the head of the answer.
    pub first_byte: Option<Duration>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}
