use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::envelope;
use crate::http::{Request, Response};
use crate::sample;
use crate::server::TestServer;

const CONNECTIONS: usize = 16;

fn keyed(key: impl AsRef<[u8]>, terms: &Value) -> Request {
    Request::create_json(terms).header("idempotency-key", key)
}

#[track_caller]
fn assert_streams(server: &TestServer, expect: u64) {
    assert_eq!(server.get("/api/streams?includeTotal=true").expect(200)["total"], expect);
}

/// The two are the same answer, and the second says that it was given before.
#[track_caller]
fn assert_replayed(first: &Response, second: &Response) {
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, None), "{}", first.everything());
    assert_eq!(second.header("idempotency-replayed"), Some("true"), "{}", second.everything());
    assert_eq!((second.status, second.body()), (first.status, first.body()));
    for name in ["location", "content-type"] {
        assert_eq!(second.header(name), first.header(name));
    }
    assert_ne!(second.header("x-request-id"), first.header("x-request-id"));
}

#[test]
fn the_same_create_sent_twice_makes_one_stream() {
    let mut server = TestServer::start();
    let request = keyed("order-7", &sample::stream());
    let first = server.send(&request);
    assert_replayed(&first, &server.send(&request));
    assert_streams(&server, 1);
    // The answer is the stored one, although the stream has changed.
    server.cancel(first.json()["id"].as_str().unwrap());
    assert_replayed(&first, &server.send(&request));
    // Without the key it is another request.
    server.create(&sample::stream());
    server.create(&sample::stream());
    assert_streams(&server, 3);
    server.terminate();
}

#[test]
fn the_same_create_sent_from_many_connections_at_once_makes_one_stream() {
    let mut server = TestServer::start();
    let together = Barrier::new(CONNECTIONS);
    for round in 0..5 {
        let request = keyed(format!("round-{round}"), &sample::stream());
        let answers: Vec<_> = thread::scope(|scope| {
            let ask = || {
                let mut connection = server.connect();
                together.wait();
                connection.send(&request).unwrap()
            };
            let asking: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        let (first, replayed): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.header("idempotency-replayed").is_none());
        assert_eq!((first.len(), replayed.len()), (1, CONNECTIONS - 1));
        replayed.iter().for_each(|answer| assert_replayed(first[0], answer));
        assert_streams(&server, round + 1);
    }
    server.terminate();
}

#[test]
fn the_same_create_sent_again_after_a_kill_or_a_stop_makes_one_stream() {
    let mut server = TestServer::start();
    let request = keyed("~!@#$%^&*()_+{}|:<>?", &sample::stream());
    let first = server.send(&request);
    server.kill9();
    server.restart();
    assert_replayed(&first, &server.send(&request));
    server.terminate();
    server.restart();
    assert_replayed(&first, &server.send(&request));
    assert_streams(&server, 1);
    server.terminate();
}

#[test]
fn a_key_belongs_to_one_request() {
    let mut server = TestServer::start();
    let first = server.send(&keyed("k", &sample::stream()));
    for (field, value) in [
        ("recipient", json!(sample::account(3))),
        ("depositAmount", json!("101")),
        ("depositAmount", json!("100.0")),
        ("startTime", first.json()["startTime"].clone()),
        ("cliffTime", json!(first.json()["startTime"].as_u64().unwrap() + 100)),
        ("endTime", first.json()["endTime"].clone()),
    ] {
        let mut changes = json!({});
        changes[field] = value;
        let other = sample::with(sample::stream(), &changes);
        envelope::error(&server.send(&keyed("k", &other)), 422, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_streams(&server, 1);
    assert_replayed(&first, &server.send(&keyed("k", &sample::stream())));
    assert_eq!(server.send(&keyed("K", &sample::stream())).header("idempotency-replayed"), None);
    assert_streams(&server, 2);
    server.terminate();
}

#[test]
fn white_space_and_the_order_of_fields_make_no_other_request() {
    let mut server = TestServer::start();
    let [sender, recipient] = [1, 2].map(sample::account);
    let key = |body: String| Request::create(body).header("idempotency-key", "k");
    let first = server.send(&key(format!(
        "{{\"sender\":\"{sender}\",\"recipient\":\"{recipient}\",\"depositAmount\":\"100\",\"ratePerSecond\":\"0.5\"}}"
    )));
    let second = server.send(&key(format!(
        "\n{{ \"ratePerSecond\" :\"0.5\",\r\n\"deposit\\u0041mount\":\"+0100\", \"recipient\":\t\"{recipient}\",\"sender\":\"{sender}\"}} "
    )));
    assert_replayed(&first, &second);
    assert_streams(&server, 1);
    server.terminate();
}

#[test]
fn a_request_that_was_refused_does_not_use_up_its_key() {
    let mut server = TestServer::start();
    let refused = sample::with(sample::stream(), &json!({ "depositAmount": "-1" }));
    envelope::error(&server.send(&keyed("k", &refused)), 400, "VALIDATION_ERROR");
    assert_eq!(server.send(&keyed("k", &sample::stream())).header("idempotency-replayed"), None);
    assert_streams(&server, 1);
    server.terminate();
}

#[test]
fn a_key_is_one_header_of_1_to_128_visible_characters() {
    let mut server = TestServer::start();
    let refused = [("idempotency-key", "INVALID_KEY")];
    let too_long = "k".repeat(129);
    for key in [&b""[..], b" ", b"two words", b"tab\tbed", "clé".as_bytes(), b"\xff", too_long.as_bytes()] {
        envelope::invalid(&server.send(&keyed(key, &sample::stream())), &refused);
    }
    let twice = keyed("k", &sample::stream()).header("idempotency-key", "k");
    envelope::invalid(&server.send(&twice), &refused);
    assert_streams(&server, 0);
    server.send(&keyed("k".repeat(128), &sample::stream())).expect(201);
    server.send(&keyed("k", &sample::stream())).expect(201);
    assert_streams(&server, 2);
    server.terminate();
}
