//! What a hostile receiver does with a request.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

use crate::random::Random;

/// How many requests to one path fail in a row at most: fewer than open a breaker.
const FAILURES_IN_A_ROW: usize = 4;
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/// The head of a success and the first byte of a body that announces more.
const BEGUN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conduct {
    Acknowledge,
    /// The status of a success and then, byte by byte, a body that does not end in time.
    Drip,
    /// The status of a success and a part of the body, then a reset.
    ResetAfterStatus,
    /// The status of a success and a part of the body, then an orderly end of the connection.
    CloseMidBody,
    Fail,
    /// 429: the endpoint is to wait for a second.
    TooManyRequests,
    /// A reset instead of an answer.
    Reset,
    /// No answer until the sender has given up.
    Hang,
    /// A success after so many milliseconds: about when the sender gives up.
    Late(u64),
    /// A part of the head, byte by byte, until the sender has given up.
    DripHead,
}

impl Conduct {
    /// Whether the sender gets the status of a success.
    pub(super) const fn acknowledges(self) -> bool {
        matches!(self, Self::Acknowledge | Self::Drip | Self::ResetAfterStatus | Self::CloseMidBody)
    }

    /// Answers; an error ends the connection.
    pub(super) fn answer(self, stream: &mut TcpStream) -> io::Result<()> {
        match self {
            Self::Acknowledge => return stream.write_all(OK),
            Self::Fail => return stream.write_all(b"HTTP/1.1 500 X\r\ncontent-length: 7\r\n\r\nhunter2"),
            Self::TooManyRequests => {
                return stream.write_all(b"HTTP/1.1 429 X\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n");
            }
            Self::Drip => drip(stream, BEGUN, b"b")?,
            Self::DripHead => drip(stream, b"HTTP/1.1 200 OK\r\nx-slow: ", b"x")?,
            Self::CloseMidBody => stream.write_all(BEGUN)?,
            Self::ResetAfterStatus => {
                stream.write_all(BEGUN)?;
                resets_on_close(stream)?;
            }
            Self::Reset => resets_on_close(stream)?,
            Self::Hang => while !is_closed_within(stream, Duration::from_secs(1))? {},
            Self::Late(milliseconds) => {
                if !is_closed_within(stream, Duration::from_millis(milliseconds))? {
                    stream.set_read_timeout(None)?;
                    return stream.write_all(OK);
                }
            }
        }
        Err(ErrorKind::ConnectionAborted.into())
    }
}

/// Writes a beginning and then a byte every tenth of a second, until the sender has given up.
fn drip(stream: &mut TcpStream, begin: &[u8], byte: &[u8]) -> io::Result<()> {
    stream.write_all(begin)?;
    while !is_closed_within(stream, Duration::from_millis(100))? {
        stream.write_all(byte)?;
    }
    Ok(())
}

fn resets_on_close(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// Whether the sender closes the connection within so long. It sends nothing before it has the answer.
fn is_closed_within(stream: &mut TcpStream, limit: Duration) -> io::Result<bool> {
    stream.set_read_timeout(Some(limit))?;
    match stream.read(&mut [0; 64]) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
        Err(error) => Err(error),
        Ok(_) => Ok(true),
    }
}

/// Draws what becomes of each request, path by path.
pub(super) struct Conducts {
    random: Random,
    paths: BTreeMap<String, History>,
}

#[derive(Default)]
struct History {
    requests: usize,
    failures: usize,
    in_a_row: usize,
}

impl Conducts {
    pub(super) fn new(random: Random) -> Self {
        Self { random, paths: BTreeMap::new() }
    }

    pub(super) fn next(&mut self, path: &str) -> Conduct {
        let history = self.paths.entry(path.to_owned()).or_default();
        history.requests += 1;
        let drawn = match self.random.below(20) {
            8 => Conduct::Drip,
            9 | 10 => Conduct::ResetAfterStatus,
            11 | 12 => Conduct::CloseMidBody,
            13 | 14 => Conduct::Fail,
            15 => Conduct::TooManyRequests,
            16 => Conduct::Reset,
            17 => Conduct::Hang,
            18 => Conduct::Late(900 + self.random.below(200)),
            19 => Conduct::DripHead,
            _ => Conduct::Acknowledge,
        };
        let may_fail = (history.failures + 1) * 3 <= history.requests && history.in_a_row < FAILURES_IN_A_ROW;
        let conduct = if drawn.acknowledges() || may_fail { drawn } else { Conduct::Acknowledge };
        let fails = !conduct.acknowledges();
        history.failures += usize::from(fails);
        history.in_a_row = if fails { history.in_a_row + 1 } else { 0 };
        conduct
    }
}
