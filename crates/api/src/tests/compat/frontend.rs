//! The profile for the official front end.

use std::collections::BTreeSet;

use fluxora_stream::{Address, TermsDraft};

use super::rules::faults;
use super::*;

const RECIPIENT: &str = "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H";
const SENDER: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";

fn server(frontend: Frontend) -> Server {
    Server::with_frontend(Arc::new(Model::default()), SECRET, frontend)
}

fn of_a_page(path: &str) -> TestRequest {
    TestRequest::get().uri(path).insert_header(("origin", "https://app.example"))
}

/// Stores streams of one sender without a request for each.
async fn fill(store: &Model, count: u128) {
    let now = Timestamp::from_second(START).unwrap();
    let Address::Account(sender) = Address::parse(SENDER).unwrap() else { panic!("an account") };
    let Address::Account(recipient) = Address::parse(RECIPIENT).unwrap() else { panic!("an account") };
    let draft = TermsDraft {
        sender: Some(sender),
        recipient: Some(recipient),
        deposit: Some("100".parse().unwrap()),
        rate: Some("1".parse().unwrap()),
        ..TermsDraft::default()
    };
    let terms = draft.settle(now).unwrap();
    for number in 0..count {
        let (stream, event) = Stream::create(Uuid::from_u128(number), &terms, now);
        store.create_stream(CreateStream { stream, event, keyed: None, owner: None }).await.unwrap();
    }
}

#[actix_web::test]
async fn a_stream_is_a_row_that_the_front_end_accepts() {
    let server = server(Frontend::default());
    let path = server
        .create(json!({"startTime": START + 60, "cliffTime": START + 70, "endTime": START + 160}))
        .await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    server.clock.advance(110);
    let answered = server.get(&format!("/compat/frontend/streams/{id}")).await;
    let row = &answered.body["data"];
    assert_eq!(faults(row), [""; 0], "{row}");
    let expect = json!({
        "id": id, "name": format!("Stream {}", id.replace('-', "").get(24..).unwrap()),
        "recipientName": "GBRPYH…X2H", "recipientAddress": RECIPIENT, "treasuryName": "GA7QYN…SGZ", "treasuryAddress": SENDER,
        "asset": "TOKEN", "status": "Active", "monthlyRate": "2592000.0000000", "depositAmount": "100.0000000",
        "streamedAmount": "50.0000000", "withdrawableAmount": "50.0000000", "remainingAmount": "100.0000000",
        "progress": 50.0, "startDate": "2026-01-01T00:01:00Z", "endDate": "2026-01-01T00:02:40Z",
        "cliffDate": "2026-01-01T00:01:10Z",
        "summary": "100.0000000 TOKEN from 2026-01-01T00:01:00Z to 2026-01-01T00:02:40Z.",
        "health": "Healthy", "healthNote": "The stream runs as agreed.", "auditNote": "", "tags": ["api", "cliff"],
        "timeline": [
            {"date": "2026-01-01T00:00:00Z", "title": "Created", "detail": "The deposit was locked."},
            {"date": "2026-01-01T00:01:00Z", "title": "Started", "detail": "Start of the flow from the treasury to the recipient."},
            {"date": "2026-01-01T00:01:10Z", "title": "Cliff reached", "detail": "Nothing can be withdrawn before this date."},
            {"date": "2026-01-01T00:02:40Z", "title": "Ends", "detail": "End of the schedule."},
        ],
    });
    assert_eq!(row, &expect);
    assert_eq!(rows(&server.get("/compat/frontend/streams").await), &vec![expect]);
    // The contract holds what has streamed and was not withdrawn.
    server.clock.advance(1_000);
    let row = server.get(&format!("/compat/frontend/streams/{id}")).await.body["data"].take();
    let fields = ["status", "health", "remainingAmount", "withdrawableAmount"].map(|name| row[name].clone());
    assert_eq!(fields, ["Completed", "Settled", "100.0000000", "100.0000000"].map(Value::from));
}

#[actix_web::test]
async fn an_unlock_that_is_to_come_is_shown_and_none_after_it() {
    let server = server(Frontend::default());
    let path = server
        .create(json!({"startTime": START + 10, "cliffTime": START + 20, "endTime": START + 100}))
        .await;
    let path = path.replace("/api/", "/compat/frontend/");
    for (advance, expect) in [(5, json!("2026-01-01T00:00:20Z")), (20, Value::Null)] {
        server.clock.advance(advance);
        let row = server.get(&path).await.body["data"].take();
        assert_eq!((faults(&row).len(), &row["nextUnlockDate"]), (0, &expect), "{row}");
    }
}

#[actix_web::test]
async fn a_list_is_filtered_by_the_words_of_the_front_end() {
    let server = server(Frontend::default());
    let other = "GAJCGNCFKZTXRCM2VO6M3XXPAAISEM2EKVTHPCEZVK54ZXPO74ICCA3P";
    server.create(json!({"startTime": START + 500})).await;
    server.create(json!({})).await;
    let cancelled = server.create(json!({"recipient": other})).await;
    server.send(TestRequest::delete().uri(&cancelled)).await;
    server.create(json!({"endTime": START + 10})).await;
    server.clock.advance(20);
    for (query, count) in [
        ("", 4),
        ("?status=All", 4),
        ("?status=Active", 2),
        ("?status=Paused", 0),
        ("?status=Completed", 2),
        (&format!("?recipient={other}"), 1),
        (&format!("?treasury={SENDER}&status=Completed"), 2),
        (&format!("?treasury={other}"), 0),
    ] {
        let answered = server.get(&format!("/compat/frontend/streams{query}")).await;
        assert_eq!(rows(&answered).len(), count, "{query}: {}", answered.text);
    }
    let dates: Vec<_> = rows(&server.get("/compat/frontend/streams?status=Active").await).clone();
    let ids: Vec<_> = dates.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert!(ids[0] > ids[1], "the newest first, across statuses: {ids:?}");
    for query in ["?status=active", "?recipient=G", "?page=1"] {
        let answered = server.get(&format!("/compat/frontend/streams{query}")).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[actix_web::test]
async fn a_stranger_has_an_empty_list_whatever_the_text() {
    let server = server(Frontend::default());
    server.create(json!({})).await;
    let of = |address: &str| format!("/compat/frontend/recipients/{address}/streams");
    assert_eq!(rows(&server.get(&of(RECIPIENT)).await).len(), 1);
    for stranger in [SENDER, "G", "nobody", "%F0%9F%92%B8"] {
        let answered = server.send(of_a_page(&of(stranger))).await;
        assert_eq!(
            (answered.status, answered.text.as_str()),
            (StatusCode::OK, r#"{"data":[]}"#),
            "{stranger}"
        );
        assert_eq!(header(&answered, "access-control-allow-origin"), "*");
    }
}

#[actix_web::test]
async fn a_long_list_is_whole_and_in_order_and_is_cut_at_its_bound() {
    let store = Arc::new(Model::default());
    fill(&store, 2_500).await;
    let server = Server::with_frontend(store.clone(), SECRET, Frontend::default());
    let answered = server.get("/compat/frontend/streams").await;
    assert!(answered.text.len() > 2 * 1024 * 1024, "more than its first part: {}", answered.text.len());
    let ids: Vec<_> = rows(&answered).iter().map(|row| row["id"].as_str().unwrap()).collect();
    let expect: Vec<_> = (0..2_500).rev().map(|number| Uuid::from_u128(number).to_string()).collect();
    assert_eq!(ids, expect);
    assert_eq!((header(&answered, "x-streams-left-out"), header(&answered, "x-streams-cut-at")), ("0", ""));

    for (bound, cut) in [(2_500, ""), (2_499, "2499"), (1_500, "1500"), (7, "7")] {
        let frontend = Frontend { max_streams: bound, ..Frontend::default() };
        let server = Server::with_frontend(store.clone(), SECRET, frontend);
        let answered = server.send(of_a_page("/compat/frontend/streams")).await;
        let ids: BTreeSet<_> = rows(&answered).iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(
            (ids.len(), header(&answered, "x-streams-cut-at")),
            (usize::try_from(bound).unwrap(), cut)
        );
        assert!(ids.contains(expect[0].as_str()), "the newest are in it");
        let exposed = header(&answered, "access-control-expose-headers");
        assert!(exposed.contains("x-streams-cut-at") && exposed.contains("x-streams-left-out"), "{exposed}");
        let metrics = server.get("/compat/frontend/treasury/metrics").await;
        assert_eq!(
            (header(&metrics, "x-streams-cut-at"), &metrics.body["data"][0]["value"]),
            (cut, &bound.to_string().into())
        );
        assert_eq!(metrics.body["data"][0]["desc"].as_str().unwrap().contains("newest"), !cut.is_empty());
    }
    let head = server.send(TestRequest::default().method(Method::HEAD).uri("/compat/frontend/streams")).await;
    assert_eq!(
        (head.status, head.text.as_str(), header(&head, "x-streams-left-out")),
        (StatusCode::OK, "", "0")
    );
}

#[actix_web::test]
async fn the_metrics_state_the_total_of_each_asset_apart() {
    let server = server(Frontend::default());
    let empty = server.get("/compat/frontend/treasury/metrics").await;
    let values: Vec<_> = rows(&empty).iter().map(|metric| metric["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["0", "0.0000000 TOKEN", "0.0000000 TOKEN"]);
    server.create(json!({})).await;
    let pushed = |ledger: u32, events: Value| {
        let body = json!({"events": events, "tip": {"ledger": ledger + 1, "ledgerHash": format!("h{}", ledger + 1)}});
        TestRequest::post()
            .uri("/internal/indexer/contract-events")
            .insert_header(("x-indexer-worker-token", SECRET))
            .set_json(body)
    };
    let contract = ContractId::from_hash([5; 32]).to_string();
    let [one, two] = [[7; 32], [8; 32]].map(|hash| ContractId::from_hash(hash).to_string());
    let created = |number: u32, token: &str| {
        json!({
            "eventId": format!("e{number}"), "ledger": 1000, "ledgerHash": "h1000", "contractId": contract,
            "topic": "stream_created", "txHash": "t", "txIndex": number, "operationIndex": 0, "eventIndex": 0,
            "payload": {"topic": ["stream_created", number.to_string(), SENDER, RECIPIENT], "value": {
                "token": token, "deposited": "1000", "start_time": START.to_string(), "end_time": (START + 100).to_string(),
                "cliff_time": START.to_string(), "cancellable": true, "pausable": true, "transferable": true}},
            "happenedAt": Timestamp::from_second(START).unwrap().to_string(),
        })
    };
    let answered =
        server.send(pushed(1_000, json!([created(0, &one), created(1, &two), created(2, &two)]))).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
    server.clock.advance(10);
    let metrics = server.get("/compat/frontend/treasury/metrics").await;
    let shown: Vec<_> = rows(&metrics)
        .iter()
        .map(|metric| format!("{}: {}", metric["label"].as_str().unwrap(), metric["value"].as_str().unwrap()))
        .collect();
    let code = |token: &str| format!("{}…{}", token.get(..6).unwrap(), token.get(53..).unwrap());
    let (one, two) = (code(&one), code(&two));
    assert_eq!(shown.len(), 7, "{shown:?}");
    for line in [
        "Active Streams: 4".to_owned(),
        "Total Streaming (TOKEN): 100.0000000 TOKEN".to_owned(),
        format!("Total Streaming ({one}): 1000 {one}"),
        format!("Total Streaming ({two}): 2000 {two}"),
        "Withdrawable (TOKEN): 10.0000000 TOKEN".to_owned(),
        format!("Withdrawable ({one}): 100 {one}"),
        format!("Withdrawable ({two}): 200 {two}"),
    ] {
        assert!(shown.contains(&line), "{line} is not in {shown:?}");
    }
}

#[actix_web::test]
async fn the_version_is_answered_while_storage_is_down_and_errors_can_be_read_by_pages() {
    let failing: Fault = || StoreError::Unavailable { reason: "away".into(), source: None };
    let server = Server::with_frontend(Arc::new(FailingStore::new(failing)), SECRET, Frontend::default());
    let version = server.send(of_a_page("/compat/frontend/version")).await;
    assert_eq!((version.status, &version.body), (StatusCode::OK, &json!({"version": "1.0.0"})));
    assert_eq!(header(&version, "access-control-allow-origin"), "*");
    for path in ["treasury/metrics", "streams", "streams/7", &format!("recipients/{RECIPIENT}/streams")] {
        let answered = server.send(of_a_page(&format!("/compat/frontend/{path}"))).await;
        let expect =
            if path == "streams/7" { StatusCode::NOT_FOUND } else { StatusCode::SERVICE_UNAVAILABLE };
        assert_eq!(
            (answered.status, header(&answered, "access-control-allow-origin")),
            (expect, "*"),
            "{path}"
        );
        assert!(answered.body["error"]["message"].is_string(), "{path}");
    }
}
