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
fn only_a_stream_of_the_chain_can_be_built_again() {
    let mut server = TestServer::launch(indexing());
    server.terminate();
    reindex(&server, &["--stream", "01930000-0000-7000-8000-00000000000a"], 2);
    let output = reindex(&server, &["--stream", &stream_id(7)], 0);
    assert!(output.contains("0 contract events make 0 streams"), "{output}");
}
