//! Events that the contract cannot emit: the stream that they change is shown as uncertain, counted and logged.

use fluxora_store_postgres::testing::Cluster;
use serde_json::{Value, json};

use super::chain::{
    Chain, ChainPosition, FIRST, close_time, contract, created, paused, stream_id, withdrawn_to,
};
use super::worker::Worker;
use super::{batch, indexing};
use crate::server::{Launch, TestServer};

const AT: u64 = 4_000_000_000;

fn on_both(check: impl Fn(Launch)) {
    check(indexing());
    if let Some(cluster) = Cluster::shared() {
        check(indexing().set("DATABASE_URL", cluster.database().url()));
    }
}

fn with(mut payload: Value, field: &str, value: u64) -> Value {
    payload["value"][field] = json!(value.to_string());
    payload
}

fn of_stream(topic: &str, number: u64, mut value: Value) -> Value {
    value["stream_id"] = json!(number.to_string());
    json!({ "topic": [topic, number.to_string()], "value": value })
}

/// Each stream's creation, an event one ledger later, and what the log says of it.
fn histories() -> Vec<(Value, Option<Value>, &'static str)> {
    let stream = |number: u64| created(number, FIRST);
    let end = |number: u64| stream(number)["value"]["end_time"].as_str().unwrap().parse::<u64>().unwrap();
    let deposit = |number: u64| stream(number)["value"]["deposit_amount"].as_str().unwrap().to_owned();
    let refused = "the contract refuses the call";
    let disagrees = "disagree about";
    vec![
        (stream(0), Some(withdrawn_to(0, deposit(0) + "0")), "was withdrawn, but only"),
        (stream(1), Some(withdrawn_to(1, 20_000_000)), "was withdrawn, but only 1.0000000 had accrued"),
        (with(stream(2), "end_time", close_time(FIRST) - 1), None, refused),
        (with(stream(3), "cliff_time", end(3) + 1), None, refused),
        (
            stream(4),
            Some(of_stream(
                "top_up",
                4,
                json!({"top_up_amount": "5", "new_deposit_amount": "900", "new_end_time": end(4).to_string()}),
            )),
            disagrees,
        ),
        (
            stream(5),
            Some(of_stream("recp_upd", 5, json!({"old_recipient": contract(), "new_recipient": contract()}))),
            disagrees,
        ),
        (
            stream(6),
            Some(of_stream("end_ext", 6, json!({"old_end_time": end(6).to_string(), "new_end_time": "5"}))),
            refused,
        ),
        (
            stream(7),
            Some(of_stream(
                "end_shrt",
                7,
                json!({"old_end_time": end(7).to_string(), "new_end_time": (end(7) - 1).to_string(),
                    "refund_amount": deposit(7) + "00"}),
            )),
            refused,
        ),
    ]
}

#[test]
fn a_stream_with_an_event_that_the_contract_cannot_emit_is_uncertain_counted_and_logged() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        let chain = Chain::of(4);
        let at = |event: u64| ChainPosition { transaction: 1, event: u32::try_from(event).unwrap() };
        let fine = 100;
        let mut events = vec![
            chain.event(FIRST, at(fine), &created(fine, FIRST)),
            chain.event(FIRST + 1, at(fine), &withdrawn_to(fine, 10_000_000)),
            chain.event(FIRST + 2, at(fine), &paused(fine)),
        ];
        let histories = histories();
        for (number, (creation, later, _)) in (0..).zip(&histories) {
            events.push(chain.event(FIRST, at(number), creation));
            events.extend(later.iter().map(|payload| chain.event(FIRST + 1, at(number), payload)));
        }
        worker.push(&batch(&events, Some(&chain.newest())));
        for (number, (_, later, message)) in (0..).zip(&histories) {
            let stream = worker.stream(&stream_id(number), AT);
            assert_eq!(stream["chain"]["uncertain"], true, "{later:?}: {stream}");
            let line = server.wait_for_line("the anomaly of the stream", |line| {
                line["stream"] == json!(stream_id(number)) && line["level"] == "WARN"
            });
            assert!(line["anomaly"].as_str().is_some_and(|text| text.contains(message)), "{line}");
        }
        assert_eq!(worker.stream(&stream_id(fine), AT)["chain"]["uncertain"], false);
        let contracts = &worker.get("/health")["indexer"]["contracts"];
        let count = json!(histories.len());
        assert_eq!(
            (&contracts["anomalyCount"], &contracts["recognized"][0]["anomalyCount"]),
            (&count, &count),
            "{contracts}"
        );
        // A second pause is applied as it is, and leaves its mark on a stream that was certain.
        worker.push(&batch(&[chain.event(FIRST + 3, at(fine), &paused(fine))], None));
        let next = worker.push(&batch(&[], Some(&Chain::of(5).newest())));
        assert_eq!(next["lastSafeLedger"], FIRST + 3, "{next}");
        assert_eq!(worker.stream(&stream_id(fine), AT)["chain"]["uncertain"], true);
        server.terminate();
    });
}
