//! A small HTTP/1.1 server on a free port. It writes bytes by hand, so that an answer can break off or stand still.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a server does instead of answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and an HTML page.
    Html(u16),
    /// Answers with this status and a `Retry-After` of this many seconds.
    RetryAfter(u16, u64),
    /// Answers with a JSON-RPC error.
    Rpc(i64, String),
    /// Sends half of the answer and closes the connection.
    Truncated,
    /// Sends half of the answer and then nothing.
    Stalled,
    /// Sends half of the JSON as if it were whole.
    HalfJson,
    /// Closes the connection without an answer.
    Closed,
    /// Serves its first ledgers for every request.
    FirstPage,
}

/// A request, read.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

/// An answer, and how it is spoilt.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: String,
    pub(super) body: Vec<u8>,
    pub(super) fault: Option<Fault>,
}

impl Response {
    pub(super) fn ok(body: Vec<u8>) -> Self {
        Self { status: 200, headers: String::new(), body, fault: None }
    }

    pub(super) fn status(status: u16, body: &str) -> Self {
        Self { status, body: body.into(), ..Self::ok(Vec::new()) }
    }

    /// The answer under a fault.
    pub(super) fn spoilt(self, fault: Fault) -> Self {
        match fault {
            Fault::Html(status) => Self::status(status, "<html><body><h1>Bad gateway</h1></body></html>"),
            Fault::RetryAfter(status, seconds) => Self {
                headers: format!("retry-after: {seconds}\r\n"),
                ..Self::status(status, "{\"message\":\"slow down\"}")
            },
            Fault::Rpc(code, message) => {
                let error = serde_json::json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}});
                Self::ok(error.to_string().into())
            }
            Fault::HalfJson => Self { body: half(&self.body).to_vec(), ..self },
            Fault::Truncated | Fault::Stalled | Fault::Closed => Self { fault: Some(fault), ..self },
            Fault::FirstPage => self,
        }
    }
}

/// The server. It stops when it is dropped.
#[derive(Debug)]
pub(super) struct HttpServer {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl HttpServer {
    pub(super) async fn start(answer: impl Fn(Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                // A client that goes away in the middle is its own affair.
                tokio::spawn(async move { serve(stream, answer.as_ref()).await.ok() });
            }
        });
        Self { address, task }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, answer: &(impl Fn(Request) -> Response + Sync)) -> std::io::Result<()> {
    let Some(request) = read(&mut stream).await? else { return Ok(()) };
    let Response { status, headers, body, fault } = answer(request);
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
    let whole = [head.as_bytes(), &body].concat();
    match fault {
        Some(Fault::Closed) => return Ok(()),
        Some(Fault::Truncated) => stream.write_all(half(&whole)).await?,
        Some(Fault::Stalled) => {
            stream.write_all(half(&whole)).await?;
            // Until the client closes the connection.
            stream.read_u8().await?;
        }
        _ => stream.write_all(&whole).await?,
    }
    stream.shutdown().await
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = parse(&bytes) {
            return Ok(Some(request));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

/// The request, once all of its bytes are there.
fn parse(bytes: &[u8]) -> Option<Request> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, rest) = bytes.split_at_checked(end)?;
    let body = rest.get(4..)?;
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |n| n.trim().parse().unwrap());
    let path = String::from_utf8_lossy(bytes).split(' ').nth(1)?.to_owned();
    Some(Request { path, body: body.get(..length)?.to_vec() })
}

fn half(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len() / 2).unwrap_or_default()
}
