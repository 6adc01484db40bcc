//! The server is killed in the middle of batches and of rollbacks.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use fluxora_store_postgres::testing::{Cluster, Database};
use rusqlite::{Connection as File, OpenFlags};
use serde_json::Value;

use super::history::{History, Kind};
use super::indexing;
use super::state::state;
use super::worker::{Worker, push};
use crate::http::Connection;
use crate::random::Random;
use crate::server::TestServer;

/// Before the batch in which a server is killed it takes at most so many.
const MOST_BATCHES: u64 = 6;
/// How long after a batch is sent the server is killed at most: longer than most batches take.
const LATEST: u64 = 20_000;

/// What a pusher knows when its server has been killed.
struct Cut {
    acknowledged: Vec<Value>,
    /// Sent and never answered: it happened or it did not.
    in_flight: Value,
    kind: Kind,
}

/// Pushes until the connection breaks, and says of each batch what it does before it is sent.
fn push_until_killed(history: &mut History, mut connection: Connection, sends: &Sender<Kind>) -> Cut {
    let mut acknowledged = Vec::new();
    loop {
        let (kind, batch) = history.next();
        // Answers are not read once the server is to be killed.
        sends.send(kind).ok();
        match connection.send(&push(batch.to_string())) {
            Ok(response) => {
                response.expect(200);
                acknowledged.push(batch);
            }
            Err(_) => return Cut { acknowledged, in_flight: batch, kind },
        }
    }
}

/// Kills the server after some batches, in one that forks or in one that does not.
fn kill_in(kind: Kind, server: &mut TestServer, history: &mut History, random: &mut Random) -> Cut {
    let connection = server.connect();
    let (sends, sent) = channel();
    thread::scope(|scope| {
        let pusher = scope.spawn(move || push_until_killed(history, connection, &sends));
        for _ in 0..random.below(MOST_BATCHES) {
            sent.recv_timeout(crate::PATIENCE).expect("batches are answered");
        }
        while sent.recv_timeout(crate::PATIENCE).expect("batches are answered") != kind {}
        let moment = Duration::from_micros(random.below(LATEST));
        assert!(!server.process().has_ended_within(moment), "it ends by itself");
        server.kill9();
        pusher.join().expect("a pusher that is cut off ends")
    })
}

/// Kills a server so many times, in ingestion and in rollbacks by turns. After each time it must stand as one that took the same
/// batches and was never killed; `settle` waits until nothing of the killed server goes on.
fn survives(mut server: TestServer, kills: u32, settle: impl Fn()) -> TestServer {
    let seed = Random::fresh_seed();
    println!("seed {seed}");
    let mut random = Random::seeded(seed);
    let mut history = History::new(random.next());
    let mut unharmed = TestServer::launch(indexing());
    let mut reference = Worker::of(&unharmed);
    let (mut done, mut not_done, mut in_rollback) = (0, 0, 0);
    for kill in 0..kills {
        let wanted = if kill % 2 == 0 { Kind::Forks } else { Kind::Grows };
        let cut = kill_in(wanted, &mut server, &mut history, &mut random);
        settle();
        server.restart();
        let mut worker = Worker::of(&server);
        for batch in &cut.acknowledged {
            reference.push(batch);
        }
        let found = state(&mut worker);
        let without = state(&mut reference);
        reference.push(&cut.in_flight);
        let with = state(&mut reference);
        assert!(
            found == without || found == with,
            "kill {kill}: {found}\nis neither\n{without}\nnor\n{with}"
        );
        *(if found == with { &mut done } else { &mut not_done }) += 1;
        in_rollback += u32::from(cut.kind == Kind::Forks);
        // A pusher that got no answer pushes once more.
        worker.push(&cut.in_flight);
        assert_eq!(state(&mut worker)["streams"], with["streams"], "kill {kill}: pushed once more");
    }
    println!(
        "{kills} kills, {in_rollback} of them in a rollback: {done} batches were done, {not_done} were not"
    );
    unharmed.terminate();
    server
}

#[track_caller]
fn is_sound(file: &Path) {
    let file = File::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sound: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_mixed_however_often_the_server_is_killed() {
    let mut server = survives(TestServer::launch(indexing()), 30, || ());
    server.terminate();
    is_sound(&server.database());
}

#[test]
fn and_neither_on_postgres() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let server = TestServer::launch(indexing().set("DATABASE_URL", database.url()));
    let mut server = survives(server, 6, || nobody_is_connected(&database));
    server.terminate();
}

/// Waits until PostgreSQL has seen that the killed server is gone: what it had committed by then stays.
fn nobody_is_connected(database: &Database) {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let gone = || database.sql(others) == "0";
    assert!((0..1_000).any(|_| gone()), "connections of the killed server stay");
}
