//! The contract's own answers, beside those of a server that its events were pushed to.
//!
//! Where the two differ, the server must have said that it inferred something (`chain.inferred`), and with the contract's own word on that
//! in its place the two must agree.

mod answers;
mod compare;
mod contract;
mod scenario;

use std::thread;

use fluxora_stellar::testing::Shape;
use serde_json::Value;

use self::compare::{Pair, Past, Table};
use self::scenario::{Ledger, read};
pub(super) use self::scenario::{Scenario, handwritten};
use super::followed::Network;
use super::worker::Worker;
use super::{batch, indexing};
use crate::server::TestServer;

/// The most events of a batch.
const BATCH: usize = 100;
/// The ledger before the first of any scenario.
const BEFORE: u32 = 999_999;
/// A recording jumps over ledgers and is pushed in less time than they took.
pub(super) const RECORDED_JUMP: &str = "4294967295";
/// Each runs on a separate server.
const THREADS: usize = 2;

impl Scenario {
    fn id(&self, number: &str) -> String {
        format!("{}-{number}", self.contract)
    }

    /// Pushes the chain ledger by ledger, compares every stream after each, and asks in the end for all that was answered before.
    fn replay(&self, worker: &mut Worker, table: &mut Table) {
        self.compare_each(worker, table, |worker, ledger| self.push(worker, ledger));
    }

    /// Compares every stream as of each ledger. Before that, the ledger is brought to the server if it does not have it.
    fn compare_each(
        &self,
        worker: &mut Worker,
        table: &mut Table,
        mut bring: impl FnMut(&mut Worker, &Ledger),
    ) {
        let mut past = Past::new();
        let mut states = std::collections::BTreeMap::<&str, &Value>::new();
        for ledger in &self.ledgers {
            bring(worker, ledger);
            for (number, state) in &ledger.changed {
                if state.is_null() {
                    states.remove(number.as_str());
                    let id = self.id(number);
                    let closed = worker.stream(&id, ledger.close_time);
                    assert_eq!(closed["chain"]["closedLedger"], ledger.sequence, "{closed}");
                    past.insert((id, ledger.close_time), closed);
                } else {
                    states.insert(number, state);
                }
            }
            let looked_at = ledger.views.keys().map(String::as_str);
            assert!(looked_at.eq(states.keys().copied()), "every stream that is not closed is looked at");
            for (number, state) in &states {
                let id = self.id(number);
                let answer = worker.stream(&id, ledger.close_time);
                self.compare(worker, ledger, number, state, &answer, table);
                past.insert((id, ledger.close_time), answer);
            }
        }
        for ((id, at), answer) in past {
            assert_eq!(worker.stream(&id, at), answer, "{}: {id} was something else at {at}", self.name);
        }
        let all = worker.get(&format!("/api/streams?contractId={}&limit=100", self.contract));
        let is_open = |stream: &&Value| stream["chain"]["closedLedger"].is_null();
        assert_eq!(all["streams"].as_array().unwrap().iter().filter(is_open).count(), self.open);
    }

    /// Pushes a ledger, and the next one as the tip: it makes this one safe.
    fn push(&self, worker: &mut Worker, ledger: &Ledger) {
        for events in ledger.events.chunks(BATCH) {
            worker.push(&batch(events, None));
        }
        let answer = worker.push(&batch(&[], Some(&self.tip(ledger.sequence + 1))));
        assert_eq!(answer["lastSafeLedger"], ledger.sequence, "{answer}");
        assert_eq!(answer["pendingCount"], 0, "{answer}");
    }

    fn compare(
        &self,
        worker: &mut Worker,
        ledger: &Ledger,
        number: &str,
        state: &Value,
        answer: &Value,
        table: &mut Table,
    ) {
        let place = format!("{} ledger {} stream {number}", self.name, ledger.sequence);
        assert_eq!(answer["chain"]["uncertain"], false, "{place}: every event is read");
        let pair = Pair::of(state, answer, place);
        pair.view(&ledger.views[number], answer, ledger.contract_balance, table);
        if !ledger.changed.contains_key(number) {
            return;
        }
        pair.fields(answer, table);
        if ledger.renewed.iter().any(|renewed| renewed == number) {
            assert_eq!(answer["chain"]["autoRenew"], state["side"]["auto_renew"], "{answer}");
        }
        for point in state["curve"].as_array().unwrap() {
            let at = point[0].as_u64().unwrap();
            if at >= pair.updated_at() {
                pair.point(point, &worker.stream(&self.id(number), at), table);
            }
        }
    }
}

/// Every scenario, one after the other on each of some servers: an operator's rewind makes room for the next.
fn table_of(scenarios: &[Scenario]) -> Table {
    let share = scenarios.len().div_ceil(THREADS);
    let tables: Vec<Table> = thread::scope(|scope| {
        let threads: Vec<_> =
            scenarios.chunks(share).map(|scenarios| scope.spawn(|| one_by_one(scenarios))).collect();
        threads.into_iter().map(|thread| thread.join().expect("nothing differs")).collect()
    });
    let mut sum = Table::default();
    tables.iter().for_each(|table| sum.add(table));
    sum
}

fn one_by_one(scenarios: &[Scenario]) -> Table {
    let mut server = TestServer::launch(indexing().set("INDEXER_MAX_TIP_JUMP", RECORDED_JUMP));
    let mut worker = Worker::of(&server);
    let mut table = Table::default();
    for scenario in scenarios {
        scenario.replay(&mut worker, &mut table);
        let answer = worker.rewind(BEFORE);
        let removed = &answer["rewind"]["removedEventCount"];
        assert_eq!(*removed, scenario.events().len(), "{answer}");
        assert_eq!(worker.stream_ids(), [""; 0], "nothing is left of {}", scenario.name);
    }
    server.terminate();
    table
}

#[test]
fn what_the_server_answers_is_what_the_contract_answered() {
    let table = table_of(&handwritten());
    println!("{table}");
    let expect = Table { compared: 10_083, kind: 36, checkpoint: 109, withdrawn: 0, lookback: 3, balance: 3 };
    assert_eq!(table, expect);
}

/// The most ledgers of a scenario that is followed.
const FOLLOWED: u32 = 20_000;

/// Scenarios as ledgers of a network, each followed by a separate server. One spans too many ledgers to build.
#[test]
fn what_a_server_answers_that_follows_the_network_is_what_the_contract_answered() {
    let (followed, left_out): (Vec<_>, Vec<_>) = handwritten()
        .into_iter()
        .partition(|scenario| scenario.last().sequence - scenario.ledgers[0].sequence <= FOLLOWED);
    assert_eq!((followed.len(), left_out.len()), (21, 1));
    assert_eq!(followed_table(&followed, |network| network), with_calls(&table_of(&followed)));
}

/// The most ledgers of a scenario that is read from a data lake.
const IN_LAKE: u32 = 700;

#[test]
fn what_a_server_answers_that_follows_a_data_lake_is_what_the_contract_answered() {
    let mut scenarios = handwritten();
    scenarios.retain(|scenario| scenario.last().sequence - scenario.ledgers[0].sequence <= IN_LAKE);
    assert_eq!(scenarios.len(), 18);
    assert_eq!(followed_table(&scenarios, Network::in_lake), with_calls(&table_of(&scenarios)));
}

/// What differs where the calls are known: nothing. A follower reads them from the ledgers; pushed events come without them.
fn with_calls(pushed: &Table) -> Table {
    assert!(pushed.kind > 0 && pushed.checkpoint > 0, "events alone leave something open");
    Table { kind: 0, checkpoint: 0, ..*pushed }
}

fn followed_table(scenarios: &[Scenario], source: fn(Network) -> Network) -> Table {
    let share = scenarios.len().div_ceil(THREADS);
    let followed = |scenarios: &[Scenario]| {
        let mut table = Table::default();
        for scenario in scenarios {
            let network = source(Network::of(&scenario.name, Shape::V2));
            network.show(network.first());
            let mut server = TestServer::launch(network.launch());
            let mut worker = Worker::of(&server);
            scenario.compare_each(&mut worker, &mut table, |worker, ledger| {
                network.advance(worker, ledger.sequence);
            });
            let drifts = &worker.get("/health")["follower"]["driftCount"];
            assert_eq!(*drifts, 0, "{}: the contract's entries agree", scenario.name);
            server.terminate();
        }
        table
    };
    let tables: Vec<Table> = thread::scope(|scope| {
        let threads: Vec<_> =
            scenarios.chunks(share).map(|scenarios| scope.spawn(|| followed(scenarios))).collect();
        threads.into_iter().map(|thread| thread.join().expect("nothing differs")).collect()
    });
    let mut sum = Table::default();
    tables.iter().for_each(|table| sum.add(table));
    sum
}

/// Scenarios beyond those of the repository: `FLUXORA_ORACLE_RANDOM=<file> cargo test --release -p fluxora-tests oracle -- --nocapture`.
#[test]
#[expect(clippy::disallowed_methods, reason = "the environment names the file of further scenarios")]
fn and_so_it_is_in_any_other_recording() {
    let Some(path) = std::env::var_os("FLUXORA_ORACLE_RANDOM") else { return };
    let scenarios = read(&std::fs::read_to_string(path).unwrap());
    println!("{} scenarios\n{}", scenarios.len(), table_of(&scenarios));
}
