//! How many contract events a second the built server takes over HTTP, in batches of 100, with their streams.
//!
//! `cargo bench -p fluxora-server --bench ingest -- [events] [pushers] [database url]`: without a URL into a fresh
//! SQLite file, with one into that database. Prints a line for each tenth or each 200,000 events, so that a cost that
//! grows with what is stored shows.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::as_conversions,
    clippy::float_arithmetic,
    reason = "a bench measures the time, prints, and ends where it cannot go on"
)]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fluxora_indexer::{ChainPosition, ContractEvent};
use fluxora_store::conformance::traffic;

const TOKEN: &str = "bench-bench-bench-bench-bench-bench";
/// Pushers are never further apart than this, so that no event comes late.
const MARGIN: u64 = 64;
const BATCH: u64 = traffic::EVENTS;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let events: u64 = arguments.next().map_or(200_000, |count| count.parse().expect("how many events"));
    let pushers: u64 = arguments.next().map_or(4, |count| count.parse().expect("how many pushers"));
    let folder = tempfile::tempdir().unwrap();
    let url = arguments.next().unwrap_or_else(|| format!("sqlite://{}/bench.db", folder.path().display()));
    let server = Server::start(&url, folder.path());
    println!("{pushers} pushers, batches of {BATCH}, into {}", url.split(':').next().unwrap());
    let next = AtomicU64::new(0);
    let lap = (events / 10).clamp(BATCH * pushers, 200_000);
    let mut done = 0;
    while done < events {
        let upto = (done + lap).min(events) / BATCH;
        // Made before the clock runs: it is the server that is measured.
        let first = done / BATCH;
        let bodies: Vec<_> = (first..upto).map(body).collect();
        let (begun, cpu) = (Instant::now(), server.cpu());
        std::thread::scope(|scope| {
            for _ in 0..pushers {
                scope.spawn(|| push_all(&server.address, &next, first, &bodies));
            }
        });
        let (took, cpu) = (begun.elapsed(), server.cpu().saturating_sub(cpu));
        next.store(upto, Ordering::Relaxed);
        let pushed = upto * BATCH - done;
        println!(
            "{:>10} stored: {:>7.0} events/s, {:>5.1} µs of the server's processor time an event",
            upto * BATCH,
            pushed as f64 / took.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / pushed as f64,
        );
        done = upto * BATCH;
    }
}

fn push_all(address: &str, next: &AtomicU64, first: u64, bodies: &[String]) {
    let mut connection = Connection::open(address);
    loop {
        let position = usize::try_from(next.fetch_add(1, Ordering::Relaxed) - first).unwrap();
        let Some(body) = bodies.get(position) else { break };
        connection.push(body);
    }
}

/// One ledger, as a pusher sends it.
fn body(n: u64) -> String {
    let batch = traffic::ledger(n);
    let mut body = String::from(r#"{"events":["#);
    for (index, event) in batch.events().iter().enumerate() {
        let ContractEvent { id, position, contract, topic, tx_hash, happened_at, payload, invocation: _ } =
            event;
        let ChainPosition { ledger, transaction, operation, event } = position;
        let [hash, previous] = [*ledger, ledger - 1].map(|sequence| traffic::hash(sequence.into()));
        let comma = if index == 0 { "" } else { "," };
        write!(
            body,
            r#"{comma}{{"eventId":"{id}","ledger":{ledger},"ledgerHash":"{hash}","previousLedgerHash":"{previous}","contractId":"{contract}","topic":"{topic}","txHash":"{tx_hash}","txIndex":{transaction},"operationIndex":{operation},"eventIndex":{event},"payload":{payload},"happenedAt":"{happened_at}"}}"#,
        )
        .unwrap();
    }
    body.push_str("]}");
    body
}

struct Connection {
    writer: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: &str) -> Self {
        let writer = TcpStream::connect(address).unwrap();
        writer.set_nodelay(true).unwrap();
        let reader = BufReader::new(writer.try_clone().unwrap());
        Self { writer, reader }
    }

    fn push(&mut self, body: &str) {
        let head = format!(
            "POST /internal/indexer/contract-events HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
             x-indexer-worker-token: {TOKEN}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.writer.write_all(head.as_bytes()).unwrap();
        self.writer.write_all(body.as_bytes()).unwrap();
        let mut length = 0;
        let mut status = String::new();
        self.reader.read_line(&mut status).unwrap();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        self.reader.read_exact(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(status.contains("200") && answer.contains(r#""insertedCount":100"#), "{status}{answer}");
    }
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(url: &str, folder: &std::path::Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_fluxora-server"))
            .env_clear()
            .envs([("PORT", "0"), ("DATABASE_URL", url), ("LOG_FORMAT", "json")])
            .env("INDEXER_WORKER_TOKEN", TOKEN)
            .env("INDEXER_SAFETY_MARGIN", MARGIN.to_string())
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stdout.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server did not start");
            if let Some((_, rest)) = line.split_once(r#""address":""#) {
                break rest.split('"').next().unwrap().to_owned();
            }
        };
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { process, address }
    }

    /// The processor time it has used, its kernel's included, in ticks of 10 ms.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
