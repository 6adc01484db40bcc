//! A database of release 0.1.0 (tests/fixtures/release-0.1.0) gets the same answers from this release.

mod answers;
mod difference;

use std::path::{Path, PathBuf};
use std::process::Command;

use fluxora_store_postgres::testing::{Cluster, Database};
use tempfile::TempDir;

use self::answers::{as_of_this_release, recorded};
pub(crate) use self::difference::differences;
use crate::binary;
use crate::indexer::{indexing, verified};
use crate::server::TestServer;

/// Idempotency records expire after 24 hours: those of the database are made in the present.
const SQLITE_KEYS_OF_THE_PRESENT: &str = "UPDATE kept_answers SET made_at = unixepoch() * 1000";
const POSTGRES_KEYS_OF_THE_PRESENT: &str = "UPDATE kept_answers SET made_at = now()";
/// A stream at an instant before its row's `updated_at` is replayed from its history. Rows that changed last in the
/// year 9999 make every read a replay of the whole history.
const SQLITE_ROWS_OF_THE_FUTURE: &str =
    "UPDATE streams SET updated_at = 253370764800000 WHERE origin = 'api'";
const POSTGRES_ROWS_OF_THE_FUTURE: &str =
    "UPDATE streams SET updated_at = '9999-01-01T00:00:00Z' WHERE origin = 'api'";
/// The second in which those rows changed last.
const YEAR_9999: u64 = 253_370_764_800;
/// The most differences that a failed test lists.
const LISTED: usize = 40;

fn fixture(name: &str) -> PathBuf {
    binary::root().join("tests/fixtures/release-0.1.0").join(name)
}

/// A copy of the SQLite database, changed by one statement, and its URL.
fn sqlite(change: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fluxora.db");
    std::fs::copy(fixture("sqlite/database.sqlite"), &file).unwrap();
    let database = rusqlite::Connection::open(&file).unwrap();
    assert!(database.execute(change, []).unwrap() > 0, "{change} changes nothing");
    database.close().unwrap();
    (folder, format!("sqlite://{}", file.display()))
}

/// The PostgreSQL database, restored from its dump and changed by one statement.
fn postgres(cluster: &Cluster, change: &str) -> Database {
    let database = cluster.database();
    database.restore(&fixture("postgres/database.sql"));
    let changed =
        database.sql(&format!("WITH changed AS ({change} RETURNING 1) SELECT count(*) FROM changed"));
    assert_ne!(changed, "0", "{change} changes nothing");
    database
}

/// Sends every recorded request whose target is `wanted`, and compares the answers.
#[track_caller]
fn check(answers: &Path, url: &str, wanted: impl Fn(&str) -> bool) {
    let mut server = TestServer::launch(indexing().set("DATABASE_URL", url));
    let mut connection = server.connect();
    let (mut compared, mut found) = (0, Vec::new());
    for mut exchange in recorded(answers).into_iter().filter(|exchange| wanted(&exchange.target)) {
        let response = connection.send(&exchange.request).unwrap();
        compared += 1;
        let name = &exchange.target;
        if response.status != exchange.status {
            found.push(format!("{name}: status {}, recorded {}", response.status, exchange.status));
            continue;
        }
        let replayed = response.header("idempotency-replayed") == Some("true");
        if replayed != exchange.replayed {
            found.push(format!("{name}: replayed {replayed}, recorded {}", exchange.replayed));
        }
        // A replayed answer is the one that release 0.1.0 gave, in its shape.
        if !replayed {
            as_of_this_release(&mut exchange.answer);
        }
        let differences = differences(&exchange.answer, &response.json());
        found.extend(differences.into_iter().map(|difference| format!("{name} {difference}")));
    }
    server.terminate();
    assert!(compared > 50, "only {compared} requests are recorded");
    let listed = found.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(found.is_empty(), "{} differences in {compared} answers:\n{listed}", found.len());
}

/// Whether this is a request for an API stream at an instant before the year 9999. Ids of chain streams begin
/// with a contract.
fn is_of_an_api_stream(target: &str) -> bool {
    let request = target.strip_prefix("/api/streams/").and_then(|rest| rest.split_once("?at="));
    request.is_some_and(|(id, at)| !id.starts_with('C') && at.parse::<u64>().unwrap() < YEAR_9999)
}

#[test]
fn a_sqlite_database_of_release_0_1_0_gets_the_same_answers() {
    let (_folder, url) = sqlite(SQLITE_KEYS_OF_THE_PRESENT);
    check(&fixture("sqlite/answers.json"), &url, |_| true);
}

#[test]
fn a_postgres_database_of_release_0_1_0_gets_the_same_answers() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = postgres(cluster, POSTGRES_KEYS_OF_THE_PRESENT);
    check(&fixture("postgres/answers.json"), &database.url(), |_| true);
}

#[test]
fn histories_in_a_sqlite_database_of_release_0_1_0_replay_to_the_same_streams() {
    let (_folder, url) = sqlite(SQLITE_ROWS_OF_THE_FUTURE);
    check(&fixture("sqlite/answers.json"), &url, is_of_an_api_stream);
}

#[test]
fn histories_in_a_postgres_database_of_release_0_1_0_replay_to_the_same_streams() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = postgres(cluster, POSTGRES_ROWS_OF_THE_FUTURE);
    check(&fixture("postgres/answers.json"), &database.url(), is_of_an_api_stream);
}

/// Migrates a database: `reindex` does not.
#[track_caller]
fn migrated(url: &str) {
    let mut command = Command::new(binary::server());
    let output =
        command.env_clear().arg("migrate").env("DATABASE_URL", url).current_dir("/").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Rebuilds the chain. Release 0.1.0 did not check every rule of the contract: a stream may differ by the anomalies that this
/// release finds, and by nothing else.
#[track_caller]
fn rebuilt(url: &str) {
    let mut command = Command::new(binary::server());
    let output =
        command.env_clear().arg("reindex").env("DATABASE_URL", url).current_dir("/").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    for line in said.lines().filter(|line| line.contains(" should be ")) {
        let (_, difference) = line.split_once(" should be ").unwrap();
        let difference: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(difference).unwrap();
        assert_eq!(difference.keys().collect::<Vec<_>>(), ["anomalies"], "{line}");
    }
    verified(url);
}

#[test]
fn the_chain_in_a_sqlite_database_of_release_0_1_0_is_rebuilt_without_a_difference() {
    let (_folder, url) = sqlite(SQLITE_KEYS_OF_THE_PRESENT);
    migrated(&url);
    rebuilt(&url);
}

#[test]
fn the_chain_in_a_postgres_database_of_release_0_1_0_is_rebuilt_without_a_difference() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = postgres(cluster, POSTGRES_KEYS_OF_THE_PRESENT).url();
    migrated(&url);
    rebuilt(&url);
}
