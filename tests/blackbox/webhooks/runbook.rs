//! The commands of docs/RUNBOOK-webhooks.md.

use std::fs;

use serde_json::json;

use super::receiver::Receiver;
use crate::PATIENCE;
use crate::binary;
use crate::http::Request;
use crate::sample;
use crate::server::TestServer;

/// The writes of the runbook: path and body, with the ids that stand for themselves.
fn writes() -> Vec<(String, String)> {
    let page = fs::read_to_string(binary::root().join("docs/RUNBOOK-webhooks.md")).unwrap();
    let page = page.replace("\\\n", " ");
    let commands = page.lines().filter_map(|line| line.strip_prefix("curl -X POST localhost:3000"));
    let command = |rest: &str| {
        let path = rest.split_whitespace().next().unwrap().to_owned();
        let body = rest.split_once("-d '").map_or("", |(_, body)| body.trim_end_matches('\''));
        (path, body.to_owned())
    };
    commands.map(command).collect()
}

#[test]
fn every_write_of_the_runbook_is_accepted() {
    let receiver = Receiver::kind();
    let launch = super::launch(&receiver).unset("FLUXORA_WEBHOOK_URL").unset("FLUXORA_WEBHOOK_SECRET");
    let mut server = TestServer::launch(launch);
    let url = json!({ "url": receiver.url() }).to_string();
    let endpoint = server.send(&Request::post("/api/webhooks/endpoints", url)).expect(201)["id"].clone();
    server.create(&sample::stream());
    let arrivals = receiver.wait_until(PATIENCE, "the event of the stream", |arrivals| !arrivals.is_empty());
    let delivery = arrivals[0].header("x-fluxora-delivery-id");
    let delivered = format!("/api/webhooks/deliveries/{delivery}");
    let deadline = super::now() + PATIENCE;
    while server.get(&delivered).expect(200)["status"] != "delivered" {
        assert!(super::now() < deadline, "the delivery is settled");
    }

    let writes = writes();
    assert!(writes.len() >= 4, "{writes:?}");
    for (path, body) in writes {
        let id = if path.contains("/deliveries/") { delivery } else { endpoint.as_str().unwrap() };
        let path = path.replace("ID", id);
        let response = server.send(&Request::post(&path, body.replace("ID", endpoint.as_str().unwrap())));
        assert!([200, 201, 202].contains(&response.status), "{path} {body}: {}", response.everything());
    }
    server.terminate();
}
