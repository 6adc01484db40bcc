use std::time::Duration;

/// Limits of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the look-up of the name to the last byte of the answer.
    pub total: Duration,
    /// For the look-up of the name.
    pub resolve: Duration,
    /// For the TCP connection and the TLS handshake together.
    pub connect: Duration,
    /// For the body of the answer, from the end of its head.
    pub body: Duration,
    /// The most bytes of a body that are read. The rest is not read: the connection is closed.
    pub body_bytes: usize,
    /// How long an unused connection is kept.
    pub idle: Duration,
    /// The most unused connections, over all receivers.
    pub idle_connections: usize,
}

impl Default for Limits {
    /// 10 seconds, of which 2 for the name, 5 to connect and 2 for the body; 16 KiB; 512 connections for 30 seconds.
    fn default() -> Self {
        Self {
            total: Duration::from_secs(10),
            resolve: Duration::from_secs(2),
            connect: Duration::from_secs(5),
            body: Duration::from_secs(2),
            body_bytes: 16 * 1024,
            idle: Duration::from_secs(30),
            idle_connections: 512,
        }
    }
}

/// The most bytes of the head of an answer.
pub(crate) const HEAD_BYTES: usize = 16 * 1024;
/// The most headers of an answer.
pub(crate) const HEADERS: usize = 64;
/// The most unused connections to one receiver.
pub(crate) const IDLE_PER_RECEIVER: usize = 16;
