//! `fluxora-server copy`, as an operator moves house.

use std::process::{Command, Output};

use fluxora_store_postgres::testing::{Cluster, Database};
use serde_json::{Value, json};

use crate::binary;
use crate::http::Request;
use crate::sample;
use crate::server::{Launch, Process, TestServer};
use crate::walk::ids;

/// A copy of these, by their URLs.
fn copy(from: &str, to: &str) -> Command {
    let mut command = Command::new(binary::server());
    command.env_clear().args(["copy", "--from", from, "--to", to]).current_dir("/");
    command
}

fn run(from: &str, to: &str) -> Output {
    copy(from, to).output().unwrap()
}

/// A copy that must succeed; what it says.
#[track_caller]
pub(crate) fn copied(from: &str, to: &str) -> String {
    let Output { status, stdout, stderr } = run(from, to);
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(status.success(), "{status}: {stdout}{stderr}");
    stdout
}

/// A copy that must fail like this, without showing any password.
#[track_caller]
fn refused(from: &str, to: &str, exit: i32, code: &str) {
    let Output { status, stdout, stderr } = run(from, to);
    let output = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert_eq!(status.code(), Some(exit), "{output}");
    assert!(output.contains(&format!("fluxora-server copy: {code}: ")), "{output}");
    for secret in ["hunter2", "battery"] {
        assert!(!output.contains(secret), "{output}");
    }
}

pub(crate) fn url_of(server: &TestServer) -> String {
    format!("sqlite://{}", server.database().display())
}

/// A server whose stream clock leaves everything as it is.
fn still() -> Launch {
    Launch::new().set("STREAM_CLOCK_INTERVAL_MS", "3600000")
}

fn on(database: &Database) -> TestServer {
    TestServer::launch(still().set("DATABASE_URL", database.url()))
}

fn keyed(n: u64) -> Request {
    let terms = json!({ "depositAmount": "100.000", "startTime": 4_000_000_000_u64 + n });
    let terms = sample::with(sample::stream_between(n, n + 1), &terms);
    Request::create_json(&terms).header("idempotency-key", format!("key-{n}"))
}

const STREAMS: u64 = 45;

/// Streams that are scheduled, active, completed and cancelled. One server has recorded what fell due by then.
fn lived_in() -> TestServer {
    let mut server = TestServer::launch(Launch::new().set("STREAM_CLOCK_INTERVAL_MS", "50"));
    for n in 1..=STREAMS {
        let id = match n % 3 {
            0 => server.send(&keyed(n)).expect(201)["id"].clone(),
            _ => server.create(&sample::stream_between(n, n + 1))["id"].clone(),
        };
        if n.is_multiple_of(4) {
            server.cancel(id.as_str().unwrap());
        }
    }
    let past = sample::with(sample::stream(), &json!({ "startTime": 1_000, "endTime": 1_050 }));
    let ended = server.create(&past)["id"].as_str().unwrap().to_owned();
    server.wait_for_message("due transitions recorded");
    assert_eq!(
        server.get(&format!("/api/streams/{ended}/events")).expect(200)["events"][1]["type"],
        "stream.completed"
    );
    server.terminate();
    server
}

/// Everything that can be asked gets the same answer from both, cursors included, and so does a create that is repeated.
#[track_caller]
fn answer_alike(one: &TestServer, other: &TestServer) {
    let both = |target: &str| -> [Value; 2] { [one, other].map(|server| server.get(target).expect(200)) };
    for filter in ["", "&status=cancelled", "&status=completed", "&origin=api"] {
        let first = format!("/api/streams?limit=7&includeTotal=true{filter}");
        let mut target = first.clone();
        loop {
            let [page, same] = both(&target);
            let streams = page["streams"].as_array().unwrap();
            assert_eq!(ids(streams), ids(same["streams"].as_array().unwrap()));
            for field in ["total", "nextCursor", "hasMore"] {
                assert_eq!(page[field], same[field], "{field} of {target}");
            }
            for id in ids(streams) {
                let [stream, same] = both(&format!("/api/streams/{id}?at=4100000000"));
                assert_eq!(stream, same);
                let [events, same] = both(&format!("/api/streams/{id}/events?limit=1"));
                assert_eq!(events, same);
                let [events, same] = both(&format!("/api/streams/{id}/events"));
                assert_eq!(events, same);
            }
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            target = format!("{first}&cursor={cursor}");
        }
    }
    for n in (1..=STREAMS).filter(|n| n % 3 == 0) {
        let [answer, same] = [one, other].map(|server| {
            let answer = server.send(&keyed(n));
            assert_eq!(answer.header("idempotency-replayed"), Some("true"));
            answer.expect(201)
        });
        assert_eq!(answer, same);
    }
}

#[test]
fn a_copy_answers_as_the_original_did_to_postgres_and_back_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut original = lived_in();
    let database = cluster.database();
    let there = copied(&url_of(&original), &database.url());
    assert!(there.contains(&format!("streams: {}, checksum ", STREAMS + 1)), "{there}");
    original.restart();
    let mut moved = on(&database);
    answer_alike(&original, &moved);
    original.terminate();
    moved.terminate();

    let back = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", back.path().join("back.db").display());
    let here_again = copied(&database.url(), &url);
    assert_eq!(here_again, there, "the checksums are the same from engine to engine");
    let mut back_again = TestServer::launch(still().set("DATABASE_URL", url));
    original.restart();
    answer_alike(&original, &back_again);
    // Life goes on: what is created comes first in the list.
    let created = back_again.create(&sample::stream());
    assert_eq!(back_again.get("/api/streams?limit=1").expect(200)["streams"][0]["id"], created["id"]);
    original.terminate();
    back_again.terminate();
}

#[test]
fn a_copy_that_is_killed_is_finished_by_the_next_one() {
    let Some(cluster) = Cluster::shared() else { return };
    let original = lived_in();
    let database = cluster.database();
    let mut cut_off = Process::start(&mut copy(&url_of(&original), &database.url()));
    cut_off.stderr.wait_for("a line of progress", |line| line.starts_with("copying").then_some(()));
    cut_off.kill9();
    assert_eq!(database.sql("SELECT count(*) FROM streams"), (STREAMS + 1).to_string());
    copied(&url_of(&original), &database.url());
    let again = copied(&url_of(&original), &database.url());
    assert!(again.contains("copied and verified: 0 records written"), "{again}");
}

#[test]
fn what_cannot_become_a_copy_is_refused_by_name_and_left_alone() {
    let original = lived_in();
    let url = url_of(&original);
    let nothing = tempfile::tempdir().unwrap();
    let absent = format!("sqlite://{}", nothing.path().join("absent.db").display());
    refused(&absent, &url, 66, "NO_SOURCE");
    refused("mysql://hunter2", &url, 78, "INVALID_URL");
    refused(&url, "postgres://u:hunter2@h:0/d", 78, "INVALID_URL");
    refused(&url, "sqlite::memory:", 2, "IN_MEMORY");
    refused(&url, &url, 2, "SAME_DATABASE");
    refused(&url, "postgres://u:hunter2@127.0.0.1:1/d", 1, "TARGET_FAILED");
    assert!(!nothing.path().join("absent.db").exists());

    let mut other = TestServer::launch(still());
    let theirs = other.create(&sample::stream());
    other.terminate();
    refused(&url, &url_of(&other), 65, "FOREIGN_TARGET");
    other.restart();
    let listed = other.get("/api/streams?includeTotal=true").expect(200);
    assert_eq!((&listed["total"], &listed["streams"][0]["id"]), (&json!(1), &theirs["id"]));
    other.terminate();
}
