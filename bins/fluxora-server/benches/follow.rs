//! How fast the built server reads the network: quiet ledgers of a backfill into SQLite, and the time from a ledger that
//! Stellar RPC shows to the ledger that is stored.
//!
//! `cargo bench -p fluxora-server --bench follow -- [ledgers] [ledgers at the tip]`. The server of Stellar RPC runs in this process.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    reason = "a bench measures the time, prints, and ends where it cannot go on"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fluxora_stellar::LedgerCloseMeta;
use fluxora_stellar::testing::{Chain, FakeRpc, NETWORK_PASSPHRASE, Shape};

const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";
const FIRST: u32 = 1_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut number = |default| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (quiet, at_tip): (u32, u32) = (number(100_000), number(100));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut chain = Chain::new(Shape::V2, "bench");
    let ledgers: Vec<_> = (FIRST..FIRST + quiet).map(|sequence| close(&mut chain, sequence)).collect();
    let rpc = runtime.block_on(FakeRpc::start(ledgers));
    let folder = tempfile::tempdir().unwrap();
    backfill(&rpc, folder.path(), quiet);
    follow(&rpc, folder.path(), &mut chain, FIRST + quiet..FIRST + quiet + at_tip);
}

fn close(chain: &mut Chain, sequence: u32) -> LedgerCloseMeta {
    chain.close(sequence, 1_700_000_000 + u64::from(sequence - FIRST) * 5, &[])
}

fn server(rpc: &FakeRpc, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluxora-server"));
    command.current_dir(folder).env_clear();
    command.env("FOLLOW_CONTRACTS", CONTRACT).env("STELLAR_RPC_URL", rpc.url()).env("PORT", "0");
    command.env("NETWORK_PASSPHRASE", NETWORK_PASSPHRASE);
    command
}

fn backfill(rpc: &FakeRpc, folder: &Path, ledgers: u32) {
    let begun = Instant::now();
    let to = (FIRST + ledgers - 1).to_string();
    let words = ["backfill", "--from", &FIRST.to_string(), "--to", &to];
    let ended = server(rpc, folder).args(words).stderr(Stdio::null()).output().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert!(ended.status.success(), "the backfill failed");
    println!("{ledgers} quiet ledgers in {seconds:.1} s: {:.0} ledgers/s", f64::from(ledgers) / seconds);
}

/// Shows one ledger after the other at moments that the server does not know.
fn follow(rpc: &FakeRpc, folder: &Path, chain: &mut Chain, ledgers: std::ops::Range<u32>) {
    let mut running = server(rpc, folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let log = BufReader::new(running.stdout.take().unwrap());
    let line = log.lines().map(Result::unwrap).find(|line| line.contains("listening")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = line["address"].as_str().unwrap().to_owned();
    wait(&address, |follower| follower["status"] == "at_tip");
    let mut times = Vec::new();
    for sequence in ledgers {
        std::thread::sleep(Duration::from_millis(u64::from(sequence % 7) * 137 + 50));
        rpc.put(close(chain, sequence));
        let shown = Instant::now();
        wait(&address, |follower| follower["ledger"] == sequence);
        times.push(shown.elapsed());
    }
    running.kill().unwrap();
    running.wait().unwrap();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!("{} ledgers at the tip: median {:?}, 95 % within {:?}", times.len(), at(50), at(95));
}

fn wait(address: &str, reached: impl Fn(&serde_json::Value) -> bool) {
    let begun = Instant::now();
    while !reached(&health(address)["follower"]) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the server does not follow");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn health(address: &str) -> serde_json::Value {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}
