//! A client of HTTP/1.1 that sends over some connections as fast as answers come.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What the `n`th request is.
pub(crate) type MakeRequest = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// The times of all requests, in microseconds, sorted.
pub(crate) struct Times(Vec<f64>);

impl Times {
    pub(crate) const fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn at(&self, percent: usize) -> f64 {
        self.0.get(self.0.len() * percent / 100).copied().unwrap_or_default()
    }
}

/// Sends for so long, and as many requests at most.
pub(crate) async fn send(
    address: SocketAddr,
    connections: u32,
    time: Duration,
    most: u64,
    make: MakeRequest,
) -> anyhow::Result<Times> {
    let next = Arc::new(AtomicU64::default());
    let mut clients = JoinSet::new();
    let ends = Instant::now() + time;
    for _ in 0..connections {
        let (next, make) = (Arc::clone(&next), Arc::clone(&make));
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (mut times, mut buffer) = (Vec::new(), Vec::with_capacity(64 * 1_024));
            while Instant::now() < ends {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= most {
                    break;
                }
                let request = make(number);
                let begun = Instant::now();
                stream.write_all(&request).await?;
                read_answer(&mut stream, &mut buffer).await?;
                times.push(begun.elapsed().as_secs_f64() * 1_000_000.0);
            }
            anyhow::Ok(times)
        });
    }
    let mut all = Vec::new();
    while let Some(times) = clients.join_next().await {
        all.extend(times??);
    }
    all.sort_by(f64::total_cmp);
    Ok(Times(all))
}

/// Reads one answer, which has to be a success with an announced length. Returns its body.
pub(crate) async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<Vec<u8>> {
    buffer.clear();
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()).to_ascii_lowercase();
            ensure!(head.starts_with("http/1.1 20"), "the server answers {head}");
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.context("an answer has a length")?.trim().parse()?;
            let body = buffer.get(end.saturating_add(4)..).unwrap_or_default();
            if body.len() >= length {
                return Ok(body.to_vec());
            }
        }
        ensure!(stream.read_buf(buffer).await? > 0, "the server closed the connection");
    }
}
