//! Servers that follow a network: ledgers with real hashes, built from recorded scenarios and served as Stellar RPC or as a
//! data lake.

use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use fluxora_stellar::testing::{
    Chain, FakeRpc, Fault, NETWORK_PASSPHRASE, Scenario, Shape, header_of, scenarios, without_events,
    write_lake,
};
use fluxora_stellar::{LakeLayout, LedgerCloseMeta};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::worker::{Worker, events};
use super::{OPERATOR_TOKEN, WORKER_TOKEN};
use crate::server::{Launch, TestServer};
use crate::{PATIENCE, binary};

/// A network with one contract, behind a server of Stellar RPC, or in a data lake.
pub(super) struct Network {
    pub(super) scenario: Scenario,
    pub(super) ledgers: Vec<LedgerCloseMeta>,
    pub(super) rpc: FakeRpc,
    lake: Option<Lake>,
    /// It runs the RPC servers.
    runtime: Runtime,
}

/// A folder with the first ledgers.
struct Lake {
    folder: TempDir,
    written: Cell<usize>,
}

impl Network {
    /// The recorded scenario with this name.
    pub(super) fn of(name: &str, shape: Shape) -> Self {
        let scenario = scenarios().into_iter().find(|scenario| scenario.name == name).unwrap();
        let ledgers: Vec<_> = scenario.ledgers(shape).collect();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let rpc = runtime.block_on(FakeRpc::start(ledgers.clone()));
        Self { scenario, ledgers, rpc, lake: None, runtime }
    }

    /// The same ledgers as files of a data lake.
    pub(super) fn in_lake(self) -> Self {
        let lake = Lake { folder: tempfile::tempdir().unwrap(), written: Cell::new(0) };
        Self { lake: Some(lake), ..self }
    }

    /// A second server with the same ledgers.
    fn mirror(&self) -> FakeRpc {
        self.runtime.block_on(FakeRpc::start(self.ledgers.clone()))
    }

    /// A server that follows the contract from the first ledger on.
    pub(super) fn launch(&self) -> Launch {
        match &self.lake {
            Some(lake) => self.following().set("FOLLOW_LAKE", lake.folder.path().to_str().unwrap()),
            None => self.following().set("STELLAR_RPC_URL", self.rpc.url()),
        }
    }

    pub(super) fn following(&self) -> Launch {
        Launch::new()
            .set("NETWORK_PASSPHRASE", NETWORK_PASSPHRASE)
            .set("FOLLOW_CONTRACTS", self.scenario.contract.as_str())
            .set("FOLLOW_START_LEDGER", self.first().to_string())
            .set("FOLLOW_POLL_INTERVAL_MS", "20")
            .set("INDEXER_SAFETY_MARGIN", "0")
            .set("INDEXER_WORKER_TOKEN", WORKER_TOKEN)
            .set("OPERATOR_TOKEN", OPERATOR_TOKEN)
    }

    pub(super) fn first(&self) -> u32 {
        header_of(&self.ledgers[0]).header.ledger_seq
    }

    /// The newest ledger.
    pub(super) fn last(&self) -> u32 {
        header_of(self.ledgers.last().unwrap()).header.ledger_seq
    }

    /// Shows the ledgers up to this one.
    pub(super) fn show(&self, ledger: u32) {
        let Some(Lake { folder, written }) = &self.lake else {
            self.rpc.lag_at(Some(ledger));
            return;
        };
        let upto = self.ledgers.partition_point(|meta| header_of(meta).header.ledger_seq <= ledger);
        write_lake(folder.path(), &self.ledgers[written.get()..upto], LakeLayout::default(), "zst");
        written.set(upto);
    }

    /// Shows the ledgers up to this one, and waits until it is safe.
    pub(super) fn advance(&self, worker: &mut Worker, ledger: u32) {
        self.show(ledger);
        self.wait_for(worker, ledger);
    }

    /// Waits until a ledger is safe.
    #[track_caller]
    pub(super) fn wait_for(&self, worker: &mut Worker, ledger: u32) {
        let reached = |health: &Value| health["indexer"]["lastSafeLedger"].as_u64() >= Some(ledger.into());
        wait(worker, &format!("ledger {ledger}"), reached);
    }

    /// The ids of the events that have to be stored.
    pub(super) fn event_ids(&self) -> Vec<String> {
        let contract = &self.scenario.contract;
        let is_party = |payload: &Value| [1, 2].iter().any(|place| payload["topic"][*place] == **contract);
        let mut ids = Vec::new();
        for step in &self.scenario.steps {
            if step.events.iter().any(|event| event.contract == *contract) {
                let taken = step.events.iter().filter(|event| {
                    event.contract == *contract
                        || event.payload["topic"][0] == "transfer" && is_party(&event.payload)
                });
                ids.extend(taken.map(|event| event.id.clone()));
            }
        }
        ids
    }

    #[track_caller]
    pub(super) fn expect_events(&self, worker: &mut Worker) {
        let stored = worker.events(100);
        let stored: Vec<_> = stored.iter().map(|event| event["eventId"].as_str().unwrap()).collect();
        assert_eq!(stored, self.event_ids(), "nothing is lost, nothing is stored twice");
    }
}

/// Waits until `/health` shows something.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the wait for a server has a limit")]
pub(super) fn wait(worker: &mut Worker, what: &str, shown: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let health = worker.get("/health");
        if shown(&health) {
            return health;
        }
        assert!(Instant::now() < until, "no {what}: {health:#}");
        thread::sleep(Duration::from_millis(20));
    }
}

pub(super) fn two_hundred_ledgers() -> Network {
    Network::of("same_ledger", Shape::V2)
}

#[test]
fn health_shows_the_sources_and_the_lag_of_a_follower_and_degrades_while_the_source_is_away() {
    let network = two_hundred_ledgers();
    let mut server = TestServer::launch(network.launch());
    let mut worker = Worker::of(&server);
    network.wait_for(&mut worker, network.last());
    let health = wait(&mut worker, "tip", |health| health["follower"]["status"] == "at_tip");
    let follower = &health["follower"];
    assert_eq!((&follower["ledger"], &follower["lagLedgers"]), (&network.last().into(), &0.into()));
    assert_eq!(follower["contracts"][0], network.scenario.contract.as_str());
    assert_eq!((&follower["sources"][0]["state"], &follower["lastError"]), (&"healthy".into(), &Value::Null));
    assert!(!health.to_string().contains("secret-key"), "{health}");
    network.rpc.fail_always(Some(Fault::Html(500)));
    let away = |health: &Value| health["status"] == "degraded" && health["follower"]["status"] == "waiting";
    let health = wait(&mut worker, "outage", away);
    assert_eq!(health["follower"]["sources"][0]["lastError"], "HTTP 500", "{health}");
    assert!(!worker.stream_ids().is_empty(), "reads go on");
    network.rpc.fail_always(None);
    wait(&mut worker, "recovery", |health| health["follower"]["status"] == "at_tip");
    server.terminate();
}

#[test]
fn a_server_that_is_killed_while_it_follows_loses_nothing_and_stores_nothing_twice() {
    let network = two_hundred_ledgers();
    let mut server = TestServer::launch(network.launch());
    let span = network.last() - network.first();
    for part in 1..=4 {
        let upto = network.first() + span * part / 4;
        network.rpc.lag_at(Some(upto));
        network.wait_for(&mut Worker::of(&server), upto);
        // In the middle of the next part.
        network.rpc.lag_at(None);
        server.kill9();
        server.restart();
    }
    let mut worker = Worker::of(&server);
    network.wait_for(&mut worker, network.last());
    network.expect_events(&mut worker);
    server.terminate();
}

#[test]
fn ledgers_come_from_the_lake_where_no_rpc_server_keeps_them_and_from_rpc_after_that() {
    let network = two_hundred_ledgers();
    let folder = tempfile::tempdir().unwrap();
    let half = network.ledgers.len() / 2;
    lake(folder.path(), &network.ledgers[..half]);
    network.rpc.prune(header_of(&network.ledgers[half - 1]).header.ledger_seq);
    let launch = network.launch().set("FOLLOW_LAKE", folder.path().to_str().unwrap());
    let mut server = TestServer::launch(launch);
    let mut worker = Worker::of(&server);
    network.wait_for(&mut worker, network.last());
    network.expect_events(&mut worker);
    server.terminate();
}

#[test]
fn a_lake_that_cannot_be_read_at_the_start_is_waited_for() {
    let network = two_hundred_ledgers();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join(".config.json");
    std::fs::write(&config, "not a configuration").unwrap();
    let launch = network.following().set("FOLLOW_LAKE", folder.path().to_str().unwrap());
    let mut server = TestServer::launch(launch);
    let mut worker = Worker::of(&server);
    let away = |health: &Value| health["status"] == "degraded" && health["follower"]["status"] == "waiting";
    wait(&mut worker, "wait for the lake", away);
    lake(folder.path(), &network.ledgers);
    network.wait_for(&mut worker, network.last());
    network.expect_events(&mut worker);
    server.terminate();
}

#[test]
fn what_was_pushed_before_is_a_duplicate_for_the_follower() {
    let network = two_hundred_ledgers();
    let mut server = TestServer::launch(network.launch());
    let mut worker = Worker::of(&server);
    network.wait_for(&mut worker, network.last());
    let listed = worker.send(&events("limit=100")).expect(200);
    let pushed: Vec<_> = listed["events"].as_array().unwrap().iter().take(5).cloned().collect();
    assert!(!pushed.is_empty());
    network.rpc.lag_at(Some(network.first()));
    let mut other = TestServer::launch(network.launch());
    let mut pusher = Worker::of(&other);
    network.wait_for(&mut pusher, network.first());
    pusher.push(&super::batch(&pushed, None));
    network.rpc.lag_at(None);
    network.wait_for(&mut pusher, network.last());
    network.expect_events(&mut pusher);
    other.terminate();
    server.terminate();
}

#[test]
fn a_server_of_another_network_and_rewritten_events_are_refused_and_the_next_source_is_asked() {
    let network = two_hundred_ledgers();
    let (wrong, right) = (network.mirror(), network.mirror());
    wrong.set_network("Another Network");
    let forged: Vec<_> = network.ledgers.iter().filter_map(without_events).collect();
    assert!(!forged.is_empty());
    forged.into_iter().for_each(|meta| network.rpc.put(meta));
    let urls = [network.rpc.url(), wrong.url(), right.url()].join(",");
    let mut server = TestServer::launch(network.following().set("STELLAR_RPC_URL", urls));
    let mut worker = Worker::of(&server);
    network.wait_for(&mut worker, network.last());
    network.expect_events(&mut worker);
    let health = worker.get("/health");
    for source in [0, 1] {
        assert_eq!(health["follower"]["sources"][source]["state"], "demoted", "{health}");
    }
    server.terminate();
}

#[test]
fn a_fork_is_followed_after_its_trial_and_the_reorg_is_recorded() {
    let mut chain = Chain::new(Shape::V2, "a fork");
    let mut other = Chain::new(Shape::V2, "a fork");
    let first: Vec<_> = (100..130).map(|ledger| chain.close(ledger, 1_600_000_000, &[])).collect();
    let time = |ledger: u32| 1_600_000_000 + u64::from(ledger > 120);
    let second: Vec<_> = (100..131).map(|ledger| other.close(ledger, time(ledger), &[])).collect();
    let network = two_hundred_ledgers();
    let rpc = network.runtime.block_on(FakeRpc::start(first));
    let launch = network.following().set("STELLAR_RPC_URL", rpc.url()).set("FOLLOW_START_LEDGER", "100");
    let mut server = TestServer::launch(launch);
    let mut worker = Worker::of(&server);
    network.wait_for(&mut worker, 129);
    second.into_iter().for_each(|meta| rpc.put(meta));
    wait(&mut worker, "trial", |health| health["follower"]["status"] == "trial");
    network.wait_for(&mut worker, 130);
    let reorg = &worker.get("/health")["indexer"]["lastReorg"];
    assert_eq!((&reorg["forkLedger"], &reorg["cause"]), (&121.into(), &"fork".into()), "{reorg}");
    server.terminate();
}

#[test]
fn a_backfill_stores_a_range_and_a_second_one_stores_nothing_new() {
    let network = two_hundred_ledgers();
    let launch = network.launch();
    let (from, to) = (network.first().to_string(), network.last().to_string());
    let count = network.event_ids().len();
    for new in [count, 0] {
        let said = run(&launch, &["backfill", "--from", &from, "--to", &to]);
        assert!(said.ends_with(&format!("{new} contract events were new\n")), "{said}");
    }
    let mut server = TestServer::launch(launch);
    let mut worker = Worker::of(&server);
    network.wait_for(&mut worker, network.last());
    network.expect_events(&mut worker);
    server.terminate();
}

/// Runs a command, which must succeed, with the settings and in the folder of a launch.
#[track_caller]
pub(super) fn run(launch: &Launch, words: &[&str]) -> String {
    let ended = command(launch, words).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

/// A command with the settings and in the folder of a launch.
pub(super) fn command(launch: &Launch, words: &[&str]) -> Command {
    let mut command = Command::new(binary::server());
    command.args(words).current_dir(launch.folder()).env_clear();
    for name in ["NETWORK_PASSPHRASE", "FOLLOW_CONTRACTS", "STELLAR_RPC_URL", "INDEXER_SAFETY_MARGIN"] {
        command.env(name, launch.setting(name).unwrap());
    }
    command
}

fn lake(folder: &Path, ledgers: &[LedgerCloseMeta]) {
    write_lake(folder, ledgers, LakeLayout::default(), "zst");
}
