//! Receivers of deliveries, all on one thread whose processor time is known.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::accounting;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A receiver on each of some ports.
pub(crate) struct Sink {
    pub(crate) addresses: Vec<SocketAddr>,
    thread: i32,
    shared: Arc<Shared>,
}

struct Shared {
    begun: Instant,
    received: AtomicU64,
    /// When the last request arrived, in nanoseconds after the beginning.
    last_ns: AtomicU64,
}

impl Sink {
    /// Starts so many receivers; the first `hanging` of them never answer.
    pub(crate) fn start(receivers: usize, hanging: usize) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            begun: Instant::now(),
            received: AtomicU64::default(),
            last_ns: AtomicU64::default(),
        });
        let (started, wait) = mpsc::channel();
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut addresses = Vec::new();
                for number in 0..receivers {
                    let listener = TcpListener::bind("127.0.0.1:0").await?;
                    addresses.push(listener.local_addr()?);
                    tokio::spawn(accept(listener, number < hanging, Arc::clone(&of_thread)));
                }
                started.send((addresses, rustix::thread::gettid().as_raw_nonzero().get())).ok();
                std::future::pending::<anyhow::Result<()>>().await
            })
        });
        let (addresses, thread) = wait.recv().context("the receivers start")?;
        Ok(Self { addresses, thread, shared })
    }

    pub(crate) fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Acquire)
    }

    /// When the last request arrived.
    pub(crate) fn last(&self) -> Instant {
        self.shared.begun + Duration::from_nanos(self.shared.last_ns.load(Ordering::Acquire))
    }

    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        accounting::cpu_of_thread(self.thread)
    }
}

async fn accept(listener: TcpListener, hangs: bool, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move { serve(stream, hangs, &shared).await });
    }
}

async fn serve(mut stream: TcpStream, hangs: bool, shared: &Shared) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut bytes = Vec::with_capacity(4_096);
    loop {
        while let Some(length) = request_length(&bytes) {
            bytes.drain(..length);
            if hangs {
                continue;
            }
            let now = u64::try_from(shared.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            shared.last_ns.store(now, Ordering::Release);
            shared.received.fetch_add(1, Ordering::AcqRel);
            stream.write_all(OK).await.ok()?;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// The length of the request at the beginning of these bytes, if all of it is there.
fn request_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")?.checked_add(4)?;
    let text = std::str::from_utf8(bytes.get(..head)?).ok()?;
    let length = text.split("content-length: ").nth(1)?.split("\r\n").next()?.parse::<usize>().ok()?;
    let whole = head.checked_add(length)?;
    (bytes.len() >= whole).then_some(whole)
}
