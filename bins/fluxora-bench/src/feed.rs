//! The event feed: server-sent event clients on the loopback address.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::report::Report;
use crate::server::Server;
use crate::{accounting, http, load};

#[derive(Args)]
pub(crate) struct Settings {
    /// Clients that get nothing.
    #[arg(long, default_value_t = 10_000)]
    idle: u32,
    /// Clients that get every event.
    #[arg(long, default_value_t = 1_000)]
    live: u32,
    /// Events that these get.
    #[arg(long, default_value_t = 2_000)]
    events: u64,
}

pub(crate) fn run(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(idle(settings.idle, report))?;
    runtime.block_on(live(settings.live, settings.events, report))
}

fn server(clients: u32) -> anyhow::Result<(tempfile::TempDir, Server)> {
    let folder = tempfile::tempdir()?;
    let connections = clients.saturating_add(512).to_string();
    let settings = [("MAX_CONNECTIONS", connections.as_str()), ("FEED_MAX_CLIENTS", &clients.to_string())];
    let server = Server::fluxora(folder.path(), None, &settings)?;
    Ok((folder, server))
}

/// How the frame of an event begins.
const FRAME: &[u8] = b"\ndata: {\"id\":\"evt_";

/// Counts the frames of events in a stream of bytes.
#[derive(Default)]
struct Frames {
    matched: usize,
}

impl Frames {
    fn count(&mut self, bytes: &[u8]) -> u64 {
        let mut count = 0_u64;
        for byte in bytes {
            let goes_on = FRAME.get(self.matched) == Some(byte);
            self.matched = if goes_on { self.matched.saturating_add(1) } else { usize::from(*byte == b'\n') };
            if self.matched == FRAME.len() {
                count = count.saturating_add(1);
                self.matched = 0;
            }
        }
        count
    }
}

/// A client that counts the frames of events that it gets.
async fn client(server: &Server, frames: &Arc<AtomicU64>) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(server.address).await?;
    let request = "GET /api/events HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = Vec::with_capacity(16 * 1_024);
    stream.read_buf(&mut buffer).await?;
    ensure!(buffer.starts_with(b"HTTP/1.1 200"), "the server refuses a client");
    let frames = Arc::clone(frames);
    tokio::spawn(async move {
        let mut counter = Frames::default();
        loop {
            frames.fetch_add(counter.count(&buffer), Ordering::Relaxed);
            buffer.clear();
            if !matches!(stream.read_buf(&mut buffer).await, Ok(read) if read > 0) {
                return;
            }
        }
    });
    Ok(())
}

async fn idle(clients: u32, report: &mut Report) -> anyhow::Result<()> {
    let (_folder, server) = server(clients)?;
    let frames = Arc::default();
    let [before, _] = accounting::resident(server.id())?;
    for number in 0..clients {
        client(&server, &frames).await.with_context(|| format!("client {number}"))?;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let [after, _] = accounting::resident(server.id())?;
    let kilobytes = |bytes: u64| f64::from(u32::try_from(bytes / 1_024).unwrap_or(u32::MAX));
    report.add(
        &format!("feed: {clients} idle clients"),
        [
            ("rss_before_mb", kilobytes(before) / 1_024.0),
            ("rss_mb", kilobytes(after) / 1_024.0),
            ("kb_each", kilobytes(after.saturating_sub(before)) / f64::from(clients.max(1))),
        ],
    );
    Ok(())
}

async fn live(clients: u32, events: u64, report: &mut Report) -> anyhow::Result<()> {
    let (_folder, server) = server(clients)?;
    let frames = Arc::<AtomicU64>::default();
    for _ in 0..clients {
        client(&server, &frames).await?;
    }
    let (begun, before) = (Instant::now(), accounting::cpu(server.id())?);
    load::send(server.address, 8, Duration::from_secs(120), events, http::create()).await?;
    let created = begun.elapsed().as_secs_f64();
    let expected = events.saturating_mul(clients.into());
    while frames.load(Ordering::Relaxed) < expected {
        ensure!(begun.elapsed() < Duration::from_secs(180), "frames do not arrive");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = begun.elapsed().as_secs_f64();
    let spent = accounting::cpu(server.id())?.saturating_sub(before).as_secs_f64();
    let count = f64::from(u32::try_from(expected)?);
    report.add(
        &format!("feed: {clients} live clients, {events} events"),
        [
            ("events_per_second", f64::from(u32::try_from(events)?) / created),
            ("frames_per_second", count / took),
            ("cpu_us_each_frame", spent * 1_000_000.0 / count),
        ],
    );
    Ok(())
}
