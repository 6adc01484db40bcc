//! Endpoints that are managed over HTTP, on both backends.

use std::net::TcpListener;
use std::time::Duration;

use fluxora_store_postgres::testing::Cluster;
use fluxora_webhook::{Secret, UnixSeconds, Verifier};
use serde_json::{Value, json};

use super::receiver::{Arrival, Receiver};
use super::{SECRET, now};
use crate::http::Request;
use crate::sample;
use crate::server::{Launch, TestServer};
use crate::{PATIENCE, envelope};

pub(super) const ENDPOINTS: &str = "/api/webhooks/endpoints";
const DELIVERIES: &str = "/api/webhooks/deliveries";
const REPLAYS: &str = "/api/webhooks/replays";

/// A server without an endpoint.
pub(super) fn launch(receiver: &Receiver) -> Launch {
    super::launch(receiver).unset("FLUXORA_WEBHOOK_URL").unset("FLUXORA_WEBHOOK_SECRET")
}

pub(super) fn post(server: &TestServer, path: &str, body: &Value) -> Value {
    let response = server.send(&Request::post(path, body.to_string()));
    assert!([200, 201].contains(&response.status), "{path}: {}", response.everything());
    response.json()
}

/// Creates a stream and returns the arrival of its event.
fn arrival_of_a_stream(server: &TestServer, receiver: &Receiver) -> Arrival {
    let before = receiver.arrivals().len();
    let id = server.create(&sample::stream())["id"].clone();
    let of_stream = |arrival: &Arrival| arrival.event()["streamId"] == id;
    let arrivals = receiver.wait_until(PATIENCE, "the event of a stream", |arrivals| {
        arrivals.iter().skip(before).any(of_stream)
    });
    arrivals.into_iter().find(of_stream).unwrap()
}

#[track_caller]
fn verify(arrival: &Arrival, secret: &str) {
    let verifier = Verifier::new(&Secret::new(secret).unwrap());
    verifier
        .verify(&arrival.headers, &arrival.body, UnixSeconds::from(now()))
        .expect("the signature is valid");
}

/// Waits until the answer to a read is as wanted.
#[track_caller]
fn wait_for(server: &TestServer, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = now() + Duration::from_secs(40);
    loop {
        let answer = server.get(path).expect(200);
        if wanted(&answer) {
            return answer;
        }
        assert!(now() < deadline, "{path} stays at {answer}");
    }
}

/// The life of an endpoint, from its creation to its end.
fn live(server: &mut TestServer, receiver: &Receiver) {
    let created =
        post(server, ENDPOINTS, &json!({ "url": receiver.url(), "headers": { "x-tenant": "acme" } }));
    let secret = created["secret"].as_str().unwrap().to_owned();
    let endpoint = format!("{ENDPOINTS}/{}", created["id"].as_str().unwrap());

    let first = arrival_of_a_stream(server, receiver);
    verify(&first, &secret);
    assert_eq!(first.header("x-tenant"), "acme");
    let delivery = format!("{DELIVERIES}/{}", first.header("x-fluxora-delivery-id"));
    let read = wait_for(server, &delivery, |delivery| delivery["status"] == "delivered");
    assert_eq!(read["body"], first.event());
    assert_eq!(
        (&read["attempts"][0]["outcome"], &read["attempts"][0]["status"]),
        (&json!("delivered"), &json!(200))
    );
    let attempt = &read["attempts"][0];
    assert_eq!(attempt["address"], receiver.address.to_string());
    assert!(attempt["phases"]["firstByteUs"].as_i64().is_some_and(|time| time > 0), "{attempt}");
    assert_eq!(attempt["claim"], 1);

    let rotated = post(server, &format!("{endpoint}/secret/rotate"), &json!({ "secret": SECRET }));
    assert_eq!((rotated.get("secret"), rotated["secrets"].as_array().unwrap().len()), (None, 2));
    let second = arrival_of_a_stream(server, receiver);
    verify(&second, &secret);
    verify(&second, SECRET);
    assert_ne!(second.header("x-fluxora-signature"), second.header("x-fluxora-signature-next"));

    let before = receiver.arrivals().len();
    let tested = post(server, &format!("{endpoint}/test"), &json!({}));
    assert_eq!(
        (&tested["delivered"], &tested["outcome"], &tested["status"]),
        (&json!(true), &json!("delivered"), &json!(200))
    );
    let test = receiver.arrivals().swap_remove(before);
    verify(&test, &secret);
    assert_eq!(test.event()["type"], "webhook.test");

    assert_eq!(
        post(server, &format!("{endpoint}/pause"), &json!({ "reason": "maintenance" }))["status"],
        "paused"
    );
    let held = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    let of_stream = format!("{DELIVERIES}?streamId={held}");
    wait_for(server, &of_stream, |page| page["deliveries"][0]["status"] == "held");
    server.terminate();
    server.restart();
    assert_eq!(server.get(&endpoint).expect(200)["status"], "paused");
    let count = receiver.arrivals().len();
    assert_eq!(post(server, &format!("{endpoint}/resume"), &json!({}))["status"], "active");
    receiver.wait_until(PATIENCE, "the held event", |arrivals| arrivals.len() > count);
    wait_for(server, &of_stream, |page| page["deliveries"][0]["status"] == "delivered");

    let count = receiver.arrivals().len();
    assert_eq!(
        post(server, &format!("{delivery}/replay"), &json!({}))["id"],
        first.header("x-fluxora-delivery-id")
    );
    let again =
        receiver.wait_until(PATIENCE, "the replay", |arrivals| arrivals.len() > count).swap_remove(count);
    assert_eq!(
        (again.header("x-fluxora-delivery-id"), &again.body),
        (first.header("x-fluxora-delivery-id"), &first.body)
    );
    wait_for(server, &delivery, |delivery| delivery["status"] == "delivered");

    let count = receiver.arrivals().len();
    let copy = post(server, &format!("{delivery}/replay"), &json!({ "freshId": true }));
    let fresh =
        receiver.wait_until(PATIENCE, "the copy", |arrivals| arrivals.len() > count).swap_remove(count);
    verify(&fresh, SECRET);
    assert_eq!(fresh.header("x-fluxora-replay-of"), first.header("x-fluxora-delivery-id"));
    assert_eq!((&fresh.event()["delivery_id"], &fresh.event()["id"]), (&copy["id"], &first.event()["id"]));
    wait_for(server, endpoint.as_str(), |endpoint| endpoint["deliveries"]["pending"] == 0);

    let count = receiver.arrivals().len();
    let job = post(server, REPLAYS, &json!({ "endpointId": created["id"], "statuses": ["delivered"] }));
    assert_eq!(job["total"], 4);
    let done = wait_for(server, &format!("{REPLAYS}/{}", job["id"].as_str().unwrap()), |job| {
        job["status"] == "done"
    });
    assert_eq!(done["replayed"], 4);
    receiver.wait_until(PATIENCE, "the replayed events", |arrivals| arrivals.len() >= count + 4);
    wait_for(server, &endpoint, |endpoint| endpoint["deliveries"]["pending"] == 0);

    let filter = json!({ "filter": { "types": ["stream.cancelled"] } }).to_string();
    let patch = Request::post(&endpoint, filter.clone());
    let patched = server.send(&patch.with_method("PATCH").header("if-match", "\"1\""));
    envelope::error(&patched, 412, "PRECONDITION_FAILED");
    let version = server.get(&endpoint).header("etag").unwrap().to_owned();
    let patch = Request::post(&endpoint, filter);
    server.send(&patch.with_method("PATCH").header("if-match", version)).expect(200);
    let count = receiver.arrivals().len();
    let stream = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    server.cancel(&stream);
    let arrivals = receiver.wait_until(PATIENCE, "the cancellation", |arrivals| arrivals.len() > count);
    assert_eq!(arrivals[count].event()["type"], "stream.cancelled");

    assert_eq!(server.send(&Request::delete(&endpoint)).status, 204);
    envelope::error(&server.get(&endpoint), 404, "NOT_FOUND");
    let log = server.process().stdout.lines();
    for never in [&secret, SECRET, "hunter2", "acme"] {
        assert!(!log.iter().any(|line| line.contains(never)), "the log has {never}");
    }
}

#[test]
fn an_endpoint_lives_over_http_on_sqlite() {
    let receiver = Receiver::kind();
    let mut server = TestServer::launch(launch(&receiver));
    live(&mut server, &receiver);
    server.terminate();
}

#[test]
fn an_endpoint_lives_over_http_on_postgres() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let receiver = Receiver::kind();
    let mut server = TestServer::launch(launch(&receiver).set("DATABASE_URL", database.url()));
    live(&mut server, &receiver);
    server.terminate();
}

#[test]
fn a_url_that_is_not_public_is_refused_in_every_notation() {
    let receiver = Receiver::kind();
    let mut server = TestServer::launch(launch(&receiver));
    for (url, code) in [
        ("https://127.0.0.1/", "URL_ADDRESS_NOT_ALLOWED"),
        ("https://0x7f.1/", "URL_ADDRESS_NOT_ALLOWED"),
        ("https://2130706433/", "URL_ADDRESS_NOT_ALLOWED"),
        ("https://[::ffff:127.0.0.1]/", "URL_ADDRESS_NOT_ALLOWED"),
        ("https://[64:ff9b::7f00:1]/", "URL_ADDRESS_NOT_ALLOWED"),
        ("https://169.254.169.254/latest/meta-data", "URL_ADDRESS_NOT_ALLOWED"),
        ("https://localhost/", "URL_ADDRESS_NOT_ALLOWED"),
        ("https://user@example.com/", "URL_USERINFO_NOT_ALLOWED"),
        ("https://example.com/#fragment", "URL_FRAGMENT_NOT_ALLOWED"),
        ("https://example.com:0/", "URL_PORT_NOT_ALLOWED"),
        ("gopher://example.com/", "URL_SCHEME_NOT_ALLOWED"),
        ("//example.com/", "URL_INVALID"),
        ("https://example.com\\@127.0.0.1/", "URL_INVALID"),
    ] {
        let response = server.send(&Request::post(ENDPOINTS, json!({ "url": url }).to_string()));
        envelope::invalid(&response, &[("url", code)]);
    }
    assert_eq!(server.get(ENDPOINTS).expect(200)["endpoints"], json!([]));
    server.terminate();
}

/// Two endpoints of a receiver that is away: what each has attempted of a stream with two events.
#[test]
fn a_delivery_that_fails_holds_up_its_stream_unless_the_endpoint_wants_no_order() {
    let receiver = Receiver::kind();
    // A port on which no process listens.
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let launch = launch(&receiver).set("WEBHOOK_ALLOWED_NETWORKS", away.to_string());
    let mut server = TestServer::launch(launch.set("WEBHOOK_RETRY_SECONDS", "3600"));
    let url = format!("http://{away}/");
    let wrong =
        server.send(&Request::post(ENDPOINTS, json!({ "url": url, "ordering": "newest" }).to_string()));
    envelope::invalid(&wrong, &[("ordering", "INVALID_VALUE")]);
    let endpoints = [("none", vec![1, 1]), ("stream", vec![1, 0])].map(|(ordering, attempted)| {
        let created = post(&server, ENDPOINTS, &json!({ "url": url, "ordering": ordering }));
        assert_eq!(created["ordering"], ordering);
        (created["id"].as_str().unwrap().to_owned(), attempted)
    });
    let stream = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    server.cancel(&stream);
    for (endpoint, attempted) in endpoints {
        let path = format!("{DELIVERIES}?endpointId={endpoint}&streamId={stream}");
        wait_for(&server, &path, |page| {
            let deliveries = page["deliveries"].as_array().unwrap();
            // Newest first.
            let attempts = deliveries.iter().rev().map(|delivery| delivery["attemptCount"].as_u64().unwrap());
            attempts.collect::<Vec<_>>() == attempted
        });
    }
    server.terminate();
}

/// The status of each delivery of a stream, oldest first.
fn statuses(page: &Value) -> Vec<&str> {
    page["deliveries"].as_array().unwrap().iter().rev().map(|one| one["status"].as_str().unwrap()).collect()
}

#[test]
fn a_dead_delivery_blocks_its_stream_until_it_is_skipped() {
    let receiver = Receiver::kind();
    // A port on which no process listens.
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = TestServer::launch(launch(&receiver).set("WEBHOOK_ALLOWED_NETWORKS", away.to_string()));
    let endpoint = json!({ "url": format!("http://{away}/"), "onDead": "block", "retrySeconds": [1] });
    post(&server, ENDPOINTS, &endpoint);
    let stream = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    server.cancel(&stream);
    let path = format!("{DELIVERIES}?streamId={stream}");
    let page = wait_for(&server, &path, |page| statuses(page) == ["dead", "pending"]);
    let [waiting, dead] = [&page["deliveries"][0], &page["deliveries"][1]];
    assert_eq!((&waiting["nextAttemptAt"], &waiting["attemptCount"]), (&dead["blocksUntil"], &json!(0)));
    let dead = format!("{DELIVERIES}/{}", dead["id"].as_str().unwrap());
    let attempt = server.get(&dead).expect(200)["attempts"][1].clone();
    assert_eq!((&attempt["failedIn"], &attempt["address"]), (&json!("connect"), &json!(away.to_string())));
    post(&server, &format!("{dead}/skip"), &json!({}));
    wait_for(&server, &path, |page| statuses(page) == ["dead", "dead"]);
    server.terminate();
}

#[test]
fn writes_that_are_off_refuse_webhooks_reads_included() {
    let receiver = Receiver::kind();
    let mut server = TestServer::launch(launch(&receiver).set("HOST", "0.0.0.0"));
    for request in [Request::get(ENDPOINTS), Request::get(DELIVERIES), Request::get(REPLAYS)] {
        envelope::error(&server.send(&request), 403, "FORBIDDEN");
    }
    server.terminate();
}
