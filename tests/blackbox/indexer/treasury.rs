//! What parties hold, owe and are owed, over streams of a contract and of the API.

use fluxora_store_postgres::testing::Cluster;
use serde_json::{Value, json};

use super::chain::{Chain, ChainPosition, FIRST, created, named, paused, stream_id, withdrawn_to};
use super::worker::Worker;
use super::{batch, indexing};
use crate::envelope;
use crate::http::Request;
use crate::sample;
use crate::server::{Launch, TestServer};

/// After the end of every stream of the contract.
const LATER: u64 = 4_000_000_000;

fn on_both(check: impl Fn(Launch)) {
    check(indexing());
    if let Some(cluster) = Cluster::shared() {
        check(indexing().set("DATABASE_URL", cluster.database().url()));
    }
}

/// Four streams of 1,000,000 units: one that ran out, one that is paused, one cancelled at its start, and one of which 5
/// units were taken out.
fn push_four_streams(worker: &mut Worker) {
    let chain = Chain::of(3);
    let mut payloads: Vec<_> = (0..4).map(|number| created(number, FIRST)).collect();
    payloads.extend([paused(1), named("cancelled", "StreamCancelled", 2), withdrawn_to(3, 50_000_000)]);
    let events: Vec<_> = (0..)
        .zip(&payloads)
        .map(|(event, payload)| chain.event(FIRST, ChainPosition { transaction: 1, event }, payload))
        .collect();
    worker.push(&batch(&events, Some(&chain.newest())));
}

/// The figures of an asset in an answer.
#[track_caller]
fn figures(answer: &Value, kind: &str) -> Value {
    let assets = answer["assets"].as_array().unwrap();
    let found = assets.iter().find(|asset| asset["asset"]["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {answer}")).clone()
}

#[track_caller]
fn amounts(of: &Value, expect: &[(&str, &str)]) {
    for (name, amount) in expect {
        assert_eq!(of[name], format!("{amount}.0000000"), "{name} of {of}");
    }
}

#[test]
fn a_treasury_is_summed_by_asset_and_its_sums_agree() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        push_four_streams(&mut worker);
        let terms = json!({ "startTime": LATER - 10, "endTime": null });
        server.create(&sample::with(sample::stream(), &terms));
        let treasury = sample::account(1);
        let path = format!("/api/treasury/summary?treasury={treasury}&at={LATER}");
        let answer = worker.get(&path);
        assert_eq!((&answer["treasury"], &answer["asOf"]["at"]), (&json!(treasury), &json!(LATER)));
        assert_eq!(answer["asOf"]["ledger"], FIRST, "the newest stored ledger that is safe: {answer}");
        assert_eq!(answer["asOf"]["verification"], "pushed");

        let of_contract = figures(&answer, "contract");
        assert_eq!(of_contract["asset"]["contract"], super::chain::contract());
        amounts(
            &of_contract,
            &[
                ("deposited", "4000000"),
                ("accrued", "3000000"),
                ("withdrawn", "5"),
                ("owed", "2999995"),
                ("withdrawable", "1999995"),
                ("unstreamed", "0"),
                ("refunded", "1000000"),
                ("held", "2999995"),
                ("overdrawn", "0"),
            ],
        );
        let phases = &of_contract["streams"]["byPhase"];
        assert_eq!((&phases["settled"], &phases["cancelled"]), (&json!(3), &json!(1)), "{of_contract}");
        assert_eq!(of_contract["next"], json!([]));

        let of_api = figures(&answer, "api");
        amounts(&of_api, &[("deposited", "100"), ("accrued", "5"), ("owed", "5"), ("unstreamed", "95")]);
        assert_eq!(of_api["outflow"]["perSecond"], "0.5000000");
        assert_eq!(of_api["outflow"]["perDay"], "43200.0000000");
        assert_eq!(of_api["runway"]["escrow"]["firstExhaustionAt"], LATER + 190);
        assert_eq!(of_api["runway"]["renewal"]["reason"], "no_balance_source");
        assert_eq!(of_api["next"][0]["kind"], "exhausted");
        assert_eq!(answer["linearUntil"], LATER + 190);

        let only = worker.get(&format!("{path}&asset=api"));
        assert_eq!(only["assets"], json!([of_api]));
        let by_contract = worker.get(&format!("{path}&asset={}", super::chain::contract()));
        assert_eq!(by_contract["assets"], json!([of_contract]));
        let other = format!("/api/treasury/summary?treasury={}&at={LATER}", sample::account(77));
        assert_eq!(worker.get(&other)["assets"], json!([]));
        server.terminate();
    });
}

#[test]
fn a_recipient_is_summed_by_sender() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        push_four_streams(&mut worker);
        let terms = json!({ "startTime": LATER - 10 });
        server.create(&sample::with(sample::stream_between(9, 2), &terms));
        let answer = worker.get(&format!("/api/recipients/{}/summary?at={LATER}", sample::account(2)));
        amounts(&figures(&answer, "contract"), &[("owed", "2999995"), ("withdrawable", "1999995")]);
        let senders = answer["bySender"].as_array().unwrap();
        let of = |sender: u64| {
            let found = senders.iter().find(|row| row["sender"] == sample::account(sender));
            found.unwrap_or_else(|| panic!("no sender {sender} in {answer}"))
        };
        assert_eq!((senders.len(), &of(1)["streams"], &of(9)["streams"]), (2, &json!(4), &json!(1)));
        amounts(of(1), &[("owed", "2999995")]);
        amounts(of(9), &[("owed", "5"), ("accrued", "5")]);
        server.terminate();
    });
}

#[test]
fn one_state_gives_one_answer_and_a_client_that_has_it_gets_304() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        push_four_streams(&mut worker);
        let path = format!("/api/treasury/summary?treasury={}&at={LATER}", sample::account(1));
        let first = worker.send(&Request::get(&path));
        let tag = first.header("etag").unwrap().to_owned();
        let again = worker.send(&Request::get(&path).header("if-none-match", &tag));
        assert_eq!((again.status, again.header("etag")), (304, Some(tag.as_str())));
        server.create(&sample::stream());
        let changed = worker.send(&Request::get(&path).header("if-none-match", &tag));
        assert_eq!(changed.status, 200);
        assert_ne!(changed.header("etag"), Some(tag.as_str()));
        server.terminate();
    });
}

#[test]
fn what_cannot_be_answered_is_refused_with_its_reason() {
    let mut server = TestServer::start();
    let stream = server.create(&sample::stream());
    let treasury = sample::account(1);
    for (query, field, code) in [
        (String::new(), "treasury", "REQUIRED"),
        ("?treasury=G123".to_owned(), "treasury", "INVALID_ADDRESS"),
        (format!("?treasury={treasury}&at=1"), "at", "OUT_OF_RANGE"),
        (format!("?treasury={treasury}&at=99999999999999"), "at", "INVALID_VALUE"),
        (format!("?treasury={treasury}&asset=USDC"), "asset", "INVALID_VALUE"),
    ] {
        let answer = server.get(&format!("/api/treasury/summary{query}"));
        let error = envelope::error(&answer, 400, "VALIDATION_ERROR");
        let fault = &error["details"][0];
        assert_eq!((&fault["field"], &fault["code"]), (&json!(field), &json!(code)), "{error}");
    }
    envelope::error(&server.get("/api/recipients/nobody/summary"), 404, "NOT_FOUND");
    let id = stream["id"].as_str().unwrap();
    for path in ["segments", "explain"] {
        envelope::error(
            &server.get(&format!("/api/streams/{}/{path}", id.replace('0', "1"))),
            404,
            "NOT_FOUND",
        );
    }
    server.terminate();
}

#[test]
fn segments_make_the_accrued_amount_and_an_explanation_has_its_terms() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        push_four_streams(&mut worker);
        let id = stream_id(3);
        let found = worker.get(&format!("/api/streams/{id}/segments"));
        let segments = found["segments"].as_array().unwrap();
        assert_eq!(segments.len(), 2, "{found}");
        assert_eq!(segments[0]["ratePerSecond"], "1.0000000");
        assert_eq!(
            (&segments[0]["opening"], &segments[0]["closing"]),
            (&json!("0.0000000"), &json!("1000000.0000000"))
        );
        assert_eq!(
            (&segments[1]["to"], &segments[1]["event"]["type"]),
            (&Value::Null, &json!("stream.created"))
        );
        let first = worker.get(&format!("/api/streams/{id}/segments?limit=1"));
        let cursor = first["nextCursor"].as_str().unwrap();
        let second = worker.get(&format!("/api/streams/{id}/segments?limit=1&cursor={cursor}"));
        assert_eq!((&second["segments"][0], &second["hasMore"]), (&segments[1], &json!(false)));

        let start = segments[0]["from"].as_u64().unwrap();
        let at = start + 1_000_000 - 7;
        let explained = worker.get(&format!("/api/streams/{id}/explain?at={at}"));
        let terms = &explained["accrual"]["terms"];
        assert_eq!(explained["accrual"]["rule"], "linear");
        assert_eq!(
            (&terms["from"], &terms["to"], &terms["seconds"]),
            (&json!(start), &json!(at), &json!(999_993))
        );
        amounts(&explained["accrual"], &[("result", "999993")]);
        amounts(&explained["figures"], &[("withdrawn", "5"), ("owed", "999988"), ("unstreamed", "7")]);
        assert_eq!((&explained["phase"], &explained["nextPhase"]), (&json!("streaming"), &json!("settled")));
        assert_eq!(explained["nextPhaseAt"], start + 1_000_000);
        server.terminate();
    });
}
