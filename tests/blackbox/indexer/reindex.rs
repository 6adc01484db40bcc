//! An operator has streams built again from what the contract emitted.

use std::process::{Command, Output};

use serde_json::json;

use super::chain::{Chain, ChainPosition, FIRST, created, stream_id, withdrawn_to};
use super::worker::Worker;
use super::{batch, indexing};
use crate::binary;
use crate::copy::url_of;
use crate::server::TestServer;

#[track_caller]
fn reindex(server: &TestServer, options: &[&str], code: i32) -> String {
    let mut command = Command::new(binary::server());
    command.env_clear().env("DATABASE_URL", url_of(server)).current_dir("/").arg("reindex").args(options);
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert_eq!(status.code(), Some(code), "{options:?} {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn a_stream_that_is_stored_wrong_is_named_and_put_right() {
    let mut server = TestServer::launch(indexing());
    let chain = Chain::of(4);
    let position = ChainPosition { transaction: 1, event: 0 };
    let events =
        [(FIRST, created(0, FIRST)), (FIRST + 1, withdrawn_to(0, 5)), (FIRST + 2, created(1, FIRST + 2))]
            .map(|(ledger, payload)| chain.event(ledger, position, &payload));
    Worker::of(&server).push(&batch(&events, Some(&chain.newest())));
    let path = format!("/api/streams/{}", stream_id(0));
    let right = server.get(&path).expect(200);
    server.terminate();

    let other = rusqlite::Connection::open(server.database()).unwrap();
    let wrong = "UPDATE streams SET withdrawn = '9.0000000' WHERE id = ?1";
    assert_eq!(other.execute(wrong, [stream_id(0)]).unwrap(), 1);
    drop(other);
    let output = reindex(&server, &["--verify"], 65);
    assert!(
        output.contains(&stream_id(0)) && output.contains(r#""withdrawnAmount":"0.0000005""#),
        "{output}"
    );
    assert!(!output.contains(&stream_id(1)), "{output}");
    let of_the_other = reindex(&server, &["--verify", "--stream", &stream_id(1)], 0);
    assert!(of_the_other.contains("nothing differs"), "{of_the_other}");
    reindex(&server, &[], 0);
    reindex(&server, &["--verify"], 0);

    server.restart();
    let mut now = server.get(&path).expect(200);
    now["asOf"] = right["asOf"].clone();
    assert_eq!(now, right);
    let events = server.get(&format!("{path}/events")).expect(200);
    let last = events["events"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["type"], &last["data"]["cause"]),
        (&json!("stream.corrected"), &json!({ "type": "reindex" }))
    );
    server.terminate();
}

#[test]
fn an_event_set_aside_is_a_difference_exactly_if_it_contradicts_the_event_at_its_position() {
    let mut server = TestServer::launch(indexing());
    let chain = Chain::of(3);
    let position = ChainPosition { transaction: 1, event: 0 };
    let event = chain.event(FIRST, position, &created(0, FIRST));
    Worker::of(&server).push(&batch(&[event], Some(&chain.newest())));
    server.terminate();

    // What the migration of a database of 0.1.0 leaves of a second event at one position.
    let database = rusqlite::Connection::open(server.database()).unwrap();
    let set_aside = "INSERT INTO repeated_contract_events (number, kept, id, ledger, tx_index, operation_index, event_index, \
                     contract_id, topic, tx_hash, happened_at, payload, class, stream, other) \
                     SELECT 1, id, 'second', ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, \
                     happened_at, payload, class, stream, other FROM contract_events";
    assert_eq!(database.execute(set_aside, []).unwrap(), 1);
    let output = reindex(&server, &["--verify"], 0);
    assert!(output.contains("event second") && output.contains("nothing differs"), "{output}");
    let other = "UPDATE repeated_contract_events SET tx_hash = 'another'";
    assert_eq!(database.execute(other, []).unwrap(), 1);
    let output = reindex(&server, &["--verify"], 65);
    let line = "1 events that are set aside contradict the events at their positions";
    assert!(output.contains(line) && !output.contains("nothing differs"), "{output}");
    let output = reindex(&server, &[], 0);
    assert!(output.contains(line), "{output}");
}

#[test]
fn sums_that_are_stored_wrong_are_named_and_counted_again() {
    let mut server = TestServer::launch(indexing());
    let chain = Chain::of(3);
    let position = ChainPosition { transaction: 1, event: 0 };
    let event = chain.event(FIRST, position, &created(0, FIRST));
    Worker::of(&server).push(&batch(&[event], Some(&chain.newest())));
    let path = format!("/api/treasury/summary?treasury={}&at=4000000000", crate::sample::account(1));
    let right = server.get(&path).expect(200)["assets"].clone();
    server.terminate();
    reindex(&server, &[], 0);

    let other = rusqlite::Connection::open(server.database()).unwrap();
    let wrong = "UPDATE treasury_sums SET sums = replace(sums, '1', '2')";
    assert_eq!(other.execute(wrong, []).unwrap(), 2, "both parties");
    drop(other);
    let output = reindex(&server, &["--verify"], 65);
    assert!(output.contains("2 sums of treasuries differ"), "{output}");
    reindex(&server, &[], 0);
    reindex(&server, &["--verify"], 0);
    server.restart();
    assert_eq!(server.get(&path).expect(200)["assets"], right);
    server.terminate();
}

#[test]
fn a_row_that_cannot_be_decoded_is_counted_by_summaries_and_named() {
    let mut server = TestServer::start();
    let stream = server.create(&crate::sample::stream());
    server.create(&crate::sample::stream());
    let path = |of: &str| match of {
        "treasury" => format!("/api/treasury/summary?treasury={}", stream["sender"].as_str().unwrap()),
        _ => format!("/api/recipients/{}/summary", stream["recipient"].as_str().unwrap()),
    };
    for of in ["treasury", "recipient"] {
        assert_eq!(server.get(&path(of)).expect(200)["unreadableStreams"], 0);
    }
    let tag = server.get(&path("treasury")).header("etag").unwrap().to_owned();
    let database = rusqlite::Connection::open(server.database()).unwrap();
    let wrong = "PRAGMA ignore_check_constraints = ON; UPDATE streams SET events = -1 WHERE seq = 1";
    database.execute_batch(wrong).unwrap();
    for of in ["treasury", "recipient"] {
        let answer = server.get(&path(of)).expect(200);
        let streams = &answer["assets"][0]["streams"]["total"];
        assert_eq!((&answer["unreadableStreams"], streams), (&1.into(), &1.into()), "{answer}");
    }
    // The answer with the tag from before is not the answer any more.
    let again = crate::http::Request::get(&path("treasury")).header("if-none-match", &tag);
    server.send(&again).expect(200);
    server.wait_for_message("a stored row cannot be read: it is in no sum of a treasury");
    server.terminate();
    let output = reindex(&server, &["--verify"], 65);
    assert!(output.contains("stream row 1 cannot be decoded"), "{output}");
}

#[test]
fn only_a_stream_of_the_chain_can_be_built_again() {
    let mut server = TestServer::launch(indexing());
    server.terminate();
    reindex(&server, &["--stream", "01930000-0000-7000-8000-00000000000a"], 2);
    let output = reindex(&server, &["--stream", &stream_id(7)], 0);
    assert!(output.contains("0 contract events make 0 streams"), "{output}");
}
