//! One request to a receiver that is not trusted.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use crate::io::{Budget, Duplex, Metered};
use crate::limits::{HEAD_BYTES, HEADERS};
use crate::pool::{Connection, Driver, Peer, Pool, Receiver};
use crate::resolve::MAX_ADDRESSES;
use crate::target::{Host, Target};
use crate::timings::{Timings, TlsVersion};
use crate::{Blocked, Limits, Policy, Resolve, SendError};

/// What a parser may read beyond one head and one body: informational answers, the framing of chunks.
const FRAMING_BYTES: usize = 32 * 1024;

/// Sends requests. Connections are reused for the same scheme, host and port.
pub struct Client {
    policy: Policy,
    limits: Limits,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
    pool: Pool,
}

/// An answer.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// Whether the body was read to its end: within its limits, and without a break of the connection.
    pub is_whole: bool,
}

/// An exchange without an answer.
enum Failure {
    /// The request was not written: the connection had been closed by the receiver.
    Unsent(Box<Request<Full<Bytes>>>),
    Failed(SendError),
}

impl Client {
    /// A client that sends what the policy allows, within the limits.
    pub fn new(policy: Policy, limits: Limits, resolver: Arc<dyn Resolve>, tls: Arc<ClientConfig>) -> Self {
        Self { policy, limits, resolver, tls: TlsConnector::from(tls), pool: Pool::default() }
    }

    /// What may be sent to.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The times and sizes of an exchange.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Posts a body once, within the time of the [`Limits`].
    ///
    /// # Errors
    /// Those of [`Self::post_within`].
    pub async fn post(
        &self,
        target: &Target,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Response, SendError> {
        self.post_within(self.limits.total, target, headers, body).await
    }

    /// Posts a body once, within this time for the whole exchange. The headers `host`, `content-length` and `accept-encoding` are added.
    ///
    /// # Errors
    /// [`SendError`], if the head of an answer did not arrive. The body may have been received nevertheless, except after
    /// an error of the name, the connection or TLS.
    pub async fn post_within(
        &self,
        total: Duration,
        target: &Target,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Response, SendError> {
        self.post_timed(total, target, headers, body).await.0
    }

    /// The same as [`Self::post_within`], with how long each phase took.
    pub async fn post_timed(
        &self,
        total: Duration,
        target: &Target,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> (Result<Response, SendError>, Timings) {
        let mut timings = Timings::default();
        let answer = self.attempt(total, target, headers, body.into(), &mut timings).await;
        (answer, timings)
    }

    async fn attempt(
        &self,
        total: Duration,
        target: &Target,
        headers: &[(&str, &str)],
        body: Bytes,
        timings: &mut Timings,
    ) -> Result<Response, SendError> {
        let deadline = Instant::now().checked_add(total).ok_or(SendError::InvalidRequest)?;
        let receiver = Receiver::from(target);
        let mut request = Box::new(request(target, headers, body)?);
        if let Some(connection) = self.pool.take(&receiver, &self.limits) {
            let Peer { address, tls } = connection.peer;
            *timings = Timings { address: Some(address), tls, is_reused: true, ..Timings::default() };
            match self.exchange(&receiver, connection, request, deadline, timings).await {
                Err(Failure::Unsent(unsent)) => request = unsent,
                Err(Failure::Failed(error)) => return Err(error),
                Ok(response) => return Ok(response),
            }
        }
        *timings = Timings::default();
        let connection = self.connect(target, deadline, timings).await?;
        let exchanged = self.exchange(&receiver, connection, request, deadline, timings).await;
        exchanged.map_err(|failure| match failure {
            Failure::Unsent(_) => SendError::Broken,
            Failure::Failed(error) => error,
        })
    }

    async fn connect(
        &self,
        target: &Target,
        deadline: Instant,
        timings: &mut Timings,
    ) -> Result<Connection, SendError> {
        let began = Instant::now();
        let addresses = self.addresses(target, deadline).await?;
        timings.resolve = matches!(target.host(), Host::Name(_)).then(|| began.elapsed());
        self.policy.check_all(&addresses).map_err(|Blocked(kind)| SendError::Blocked(kind))?;
        let opening = timeout(self.limits.connect, self.open(target, &addresses, timings));
        let opened = timeout_at(deadline, opening).await.unwrap_or(Ok(Err(SendError::ConnectTimeout)));
        let (stream, peer) = opened.unwrap_or(Err(SendError::ConnectTimeout))?;
        let budget = Budget::default();
        // The handshake of HTTP/1 reads and writes nothing.
        let stream = Metered::new(stream, budget.clone());
        let handshake = http1::Builder::new()
            .max_headers(HEADERS)
            .max_buf_size(HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = handshake.map_err(|_| SendError::Broken)?;
        // Its error is reported by the sender as well.
        let driver = Driver(tokio::spawn(async move { drop(connection.await) }));
        Ok(Connection { sender, budget, peer, _driver: driver })
    }

    async fn addresses(&self, target: &Target, deadline: Instant) -> Result<Vec<SocketAddr>, SendError> {
        let name = match target.host() {
            Host::Address(address) => return Ok(vec![SocketAddr::new(*address, target.port())]),
            Host::Name(name) => name,
        };
        let looking_up = timeout(self.limits.resolve, self.resolver.resolve(name, target.port()));
        let found = match timeout_at(deadline, looking_up).await {
            Ok(Ok(found)) => found.map_err(|_| SendError::Resolve)?,
            Ok(Err(_)) | Err(_) => return Err(SendError::ResolveTimeout),
        };
        if found.is_empty() || found.len() > MAX_ADDRESSES {
            return Err(SendError::Resolve);
        }
        Ok(found)
    }

    /// Connects to the first address that accepts, each within its share of the time.
    async fn open(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        timings: &mut Timings,
    ) -> Result<(Box<dyn Duplex>, Peer), SendError> {
        let began = Instant::now();
        let shares = u32::try_from(addresses.len().min(3)).unwrap_or(1);
        let share = self.limits.connect.checked_div(shares).unwrap_or(self.limits.connect);
        let mut failed = SendError::Connect;
        for address in addresses {
            timings.address = Some(*address);
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true).map_err(|_| SendError::Connect)?;
                    timings.connect = Some(began.elapsed());
                    return self.secure(target, stream, *address, timings).await;
                }
                Ok(Err(_)) => failed = SendError::Connect,
                Err(_) => failed = SendError::ConnectTimeout,
            }
        }
        Err(failed)
    }

    async fn secure(
        &self,
        target: &Target,
        stream: TcpStream,
        address: SocketAddr,
        timings: &mut Timings,
    ) -> Result<(Box<dyn Duplex>, Peer), SendError> {
        if !target.is_https() {
            return Ok((Box::new(stream), Peer { address, tls: None }));
        }
        let began = Instant::now();
        let name = match target.host() {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| SendError::Tls)?,
        };
        let stream = self.tls.connect(name, stream).await.map_err(|_| SendError::Tls)?;
        timings.handshake = Some(began.elapsed());
        timings.tls = match stream.get_ref().1.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Some(TlsVersion::V1_2),
            Some(ProtocolVersion::TLSv1_3) => Some(TlsVersion::V1_3),
            _ => None,
        };
        let peer = Peer { address, tls: timings.tls };
        Ok((Box::new(stream), peer))
    }

    async fn exchange(
        &self,
        receiver: &Receiver,
        mut connection: Connection,
        request: Box<Request<Full<Bytes>>>,
        deadline: Instant,
        timings: &mut Timings,
    ) -> Result<Response, Failure> {
        let began = Instant::now();
        let failed = |error| Err(Failure::Failed(error));
        connection
            .budget
            .refill(HEAD_BYTES.saturating_add(self.limits.body_bytes).saturating_add(FRAMING_BYTES));
        match timeout_at(deadline, connection.sender.ready()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Failure::Unsent(request)),
            Err(_) => return failed(SendError::Timeout),
        }
        let answer = match timeout_at(deadline, connection.sender.try_send_request(*request)).await {
            Err(_) => return failed(SendError::Timeout),
            Ok(Err(mut error)) => {
                if let Some(request) = error.take_message() {
                    return Err(Failure::Unsent(Box::new(request)));
                }
                let is_invalid = error.error().is_parse() || connection.budget.is_used_up();
                return failed(if is_invalid { SendError::InvalidResponse } else { SendError::Broken });
            }
            Ok(Ok(answer)) => answer,
        };
        timings.first_byte = Some(began.elapsed());
        let (head, incoming) = answer.into_parts();
        let (body, is_whole) = self.read_body(incoming, deadline).await;
        if is_whole {
            self.pool.put(receiver, connection, &self.limits);
        }
        Ok(Response { status: head.status, headers: head.headers, body, is_whole })
    }

    /// The body up to its limits, and whether this is all of it.
    async fn read_body(&self, mut incoming: Incoming, deadline: Instant) -> (Vec<u8>, bool) {
        let ends = Instant::now().checked_add(self.limits.body).map_or(deadline, |ends| ends.min(deadline));
        let mut body = Vec::new();
        while let Ok(frame) = timeout_at(ends, incoming.frame()).await {
            let Some(frame) = frame else { return (body, true) };
            let Ok(frame) = frame else { break };
            let Ok(data) = frame.into_data() else { continue };
            let room = self.limits.body_bytes.saturating_sub(body.len());
            body.extend_from_slice(data.get(..room).unwrap_or(&data));
            if data.len() > room {
                break;
            }
        }
        (body, false)
    }
}

fn request(
    target: &Target,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Request<Full<Bytes>>, SendError> {
    let mut request = Request::post(target.path_and_query())
        .header(HOST, target.authority())
        .header(ACCEPT_ENCODING, "identity")
        .body(Full::new(body))
        .map_err(|_| SendError::InvalidRequest)?;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| SendError::InvalidRequest)?;
        let value = HeaderValue::from_str(value).map_err(|_| SendError::InvalidRequest)?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    /// Without headers and body: they are the receiver's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("is_whole", &self.is_whole)
            .finish_non_exhaustive()
    }
}
