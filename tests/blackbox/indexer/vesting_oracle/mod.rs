//! The answers of vesting contracts, beside those of a server that their events were pushed to. Nothing may differ: each
//! field, the status, and what has vested, can be withdrawn and would be refunded, at every recorded instant.

mod compare;
mod scenario;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fluxora_stellar::testing::Shape;
use fluxora_store_postgres::testing::Cluster;
use serde_json::Value;

use self::compare::Comparison;
use self::scenario::{Ledger, Scenario, handwritten, read};
use super::followed::Network;
use super::oracle::RECORDED_JUMP;
use super::worker::Worker;
use super::{batch, indexing};
use crate::server::{Launch, TestServer};

/// The most events of a batch.
const BATCH: usize = 100;
/// The ledger before the first of any scenario.
const BEFORE: u32 = 999_999;
/// Each has a server.
const THREADS: usize = 2;
/// The scenario in which the contract breaks its own rules.
const DEFECT: &str = "abi2_curve_step";

impl Scenario {
    fn id(&self, number: &str) -> String {
        format!("{}-{number}", self.contract)
    }

    /// Pushes the chain ledger by ledger, compares every stream after each, and reads in the end each earlier answer
    /// again.
    fn replay(&self, worker: &mut Worker, comparison: &mut Comparison) {
        self.compare_each(worker, comparison, |worker, ledger| self.push(worker, ledger));
    }

    /// Compares every stream as of each ledger, which is brought to the server before.
    fn compare_each(
        &self,
        worker: &mut Worker,
        comparison: &mut Comparison,
        mut bring: impl FnMut(&mut Worker, &Ledger),
    ) {
        let mut past = BTreeMap::<(String, u64), Value>::new();
        let mut states = BTreeMap::<String, Value>::new();
        for ledger in &self.ledgers {
            bring(worker, ledger);
            states.extend(ledger.changed.iter().map(|(number, state)| (number.clone(), state.clone())));
            assert!(ledger.views.keys().eq(states.keys()), "every stream has its views");
            for (number, state) in &states {
                let id = self.id(number);
                let answer = worker.stream(&id, ledger.close_time);
                let place = format!("{} ledger {} stream {number}", self.name, ledger.sequence);
                comparison.fields(&place, state, &answer, self.abi);
                comparison.views(&place, &ledger.views[number], &answer);
                comparison.delegates(&place, ledger.delegates.get(number), &answer);
                if ledger.changed.contains_key(number) {
                    for point in state["curve_points"].as_array().unwrap() {
                        let at = point[0].as_u64().unwrap();
                        if at >= ledger.close_time {
                            comparison.point(&place, point, &worker.stream(&id, at));
                        }
                    }
                }
                past.insert((id, ledger.close_time), answer);
            }
            comparison.halt(&self.name, &ledger.globals, &worker.get("/health"), &self.contract);
        }
        for ((id, at), answer) in past {
            assert_eq!(worker.stream(&id, at), answer, "{}: {id} was something else at {at}", self.name);
        }
        let all = worker.get(&format!("/api/streams?contractId={}&limit=100", self.contract));
        assert_eq!(all["streams"].as_array().unwrap().len(), states.len());
    }

    /// Pushes a ledger, and the next one as the tip: it makes this one safe.
    fn push(&self, worker: &mut Worker, ledger: &Ledger) {
        for events in ledger.events.chunks(BATCH) {
            let answer = worker.push(&batch(events, None));
            assert_eq!(
                (&answer["unknownCount"], &answer["unreadableCount"]),
                (&0.into(), &0.into()),
                "{answer}"
            );
        }
        let answer = worker.push(&batch(&[], Some(&self.tip(ledger.sequence + 1))));
        assert_eq!(answer["lastSafeLedger"], ledger.sequence, "{answer}");
        assert_eq!(answer["pendingCount"], 0, "{answer}");
    }
}

/// Every scenario, one after the other on each of some servers: an operator's rewind makes room for the next.
fn compare_all(scenarios: &[Scenario], launch: impl Fn() -> Launch + Sync) -> Comparison {
    let share = scenarios.len().div_ceil(THREADS);
    let launch = &launch;
    let compared: Vec<Comparison> = thread::scope(|scope| {
        let threads: Vec<_> = scenarios
            .chunks(share)
            .map(|scenarios| scope.spawn(move || one_by_one(scenarios, launch())))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("nothing differs")).collect()
    });
    let mut sum = Comparison::default();
    compared.into_iter().for_each(|comparison| sum.add(comparison));
    sum
}

fn one_by_one(scenarios: &[Scenario], launch: Launch) -> Comparison {
    let mut server = TestServer::launch(launch.set("INDEXER_MAX_TIP_JUMP", RECORDED_JUMP));
    let mut worker = Worker::of(&server);
    let mut comparison = Comparison::default();
    for scenario in scenarios {
        scenario.replay(&mut worker, &mut comparison);
        worker.rewind(BEFORE);
        assert_eq!(worker.stream_ids(), [""; 0], "nothing is left of {}", scenario.name);
    }
    server.terminate();
    comparison
}

/// Values that are compared in the handwritten scenarios: a scenario that is lost lowers it.
const HANDWRITTEN: usize = 40_192;

#[test]
fn a_server_on_sqlite_answers_what_vesting_contracts_answer() {
    let comparison = compare_all(&handwritten(), indexing);
    comparison.expect(HANDWRITTEN, &[DEFECT]);
}

#[test]
fn a_server_on_postgres_answers_what_vesting_contracts_answer() {
    let Some(comparison) = compare_on_postgres(&handwritten()) else { return };
    comparison.expect(HANDWRITTEN, &[DEFECT]);
}

/// `None` where there is no PostgreSQL.
fn compare_on_postgres(scenarios: &[Scenario]) -> Option<Comparison> {
    let cluster = Cluster::shared()?;
    let databases: Vec<_> = (0..THREADS).map(|_| cluster.database()).collect();
    let next = AtomicUsize::new(0);
    let launch = || indexing().set("DATABASE_URL", databases[next.fetch_add(1, Ordering::Relaxed)].url());
    Some(compare_all(scenarios, launch))
}

/// The most ledgers of a scenario that is followed.
const FOLLOWED: u32 = 5_000;
/// The most ledgers of a scenario that is read from a data lake.
const IN_LAKE: u32 = 500;

#[test]
fn a_server_that_follows_the_network_answers_what_vesting_contracts_answer() {
    expect_of_followed(&of_at_most(FOLLOWED, 31), |network| network, &[DEFECT]);
}

#[test]
fn a_server_that_follows_a_data_lake_answers_what_vesting_contracts_answer() {
    expect_of_followed(&of_at_most(IN_LAKE, 14), Network::in_lake, &[]);
}

/// The handwritten scenarios that span at most so many ledgers.
fn of_at_most(ledgers: u32, count: usize) -> Vec<Scenario> {
    let mut scenarios = handwritten();
    let span = |scenario: &Scenario| {
        scenario.ledgers.last().unwrap().sequence - scenario.ledgers.first().unwrap().sequence
    };
    scenarios.retain(|scenario| span(scenario) <= ledgers);
    assert_eq!(scenarios.len(), count, "a scenario that is lost lowers it");
    scenarios
}

/// Each is followed by a separate server. Nothing may differ from what a server answers that it was pushed to.
fn expect_of_followed(scenarios: &[Scenario], source: fn(Network) -> Network, uncertain: &[&str]) {
    let share = scenarios.len().div_ceil(THREADS);
    let followed = |scenarios: &[Scenario]| {
        let mut comparison = Comparison::default();
        for scenario in scenarios {
            let network = source(Network::of(&scenario.name, Shape::V2));
            network.show(network.first());
            let mut server = TestServer::launch(network.launch());
            let mut worker = Worker::of(&server);
            scenario.compare_each(&mut worker, &mut comparison, |worker, ledger| {
                network.advance(worker, ledger.sequence);
            });
            let drifts = &worker.get("/health")["follower"]["drifts"];
            assert_eq!(*drifts, Value::Array(Vec::new()), "{}: the contract's entries agree", scenario.name);
            server.terminate();
        }
        comparison
    };
    let compared: Vec<Comparison> = thread::scope(|scope| {
        let threads: Vec<_> =
            scenarios.chunks(share).map(|scenarios| scope.spawn(|| followed(scenarios))).collect();
        threads.into_iter().map(|thread| thread.join().expect("nothing differs")).collect()
    });
    let mut sum = Comparison::default();
    compared.into_iter().for_each(|comparison| sum.add(comparison));
    sum.expect(compare_all(scenarios, indexing).compared(), uncertain);
}

/// Scenarios beyond those of the repository, as in `fluxora-indexer`: `FLUXORA_VESTING_ORACLE=<file> cargo test --release -p
/// fluxora-tests vesting_oracle -- --nocapture`.
#[test]
#[expect(clippy::disallowed_methods, reason = "the person who runs the test names the file")]
fn and_so_they_do_in_any_other_recording() {
    let Some(path) = std::env::var_os("FLUXORA_VESTING_ORACLE") else { return };
    let scenarios = read(&std::fs::read_to_string(path).unwrap());
    let on_sqlite = compare_all(&scenarios, indexing);
    println!("{} scenarios on SQLite: {on_sqlite}", scenarios.len());
    on_sqlite.expect_no_difference();
    let Some(on_postgres) = compare_on_postgres(&scenarios) else { return };
    println!("{} scenarios on PostgreSQL: {on_postgres}", scenarios.len());
    on_postgres.expect_no_difference();
}
