//! The audit log of the real server: one row for each write and each refusal, none for a read, in a chain that `audit verify` walks.

use std::process::{Command, Output};
use std::time::Instant;

use fluxora_api::ROUTES;
use fluxora_store_postgres::testing::{Cluster, Settings};
use serde_json::{Value, json};

use crate::copy::url_of;
use crate::http::Request;
use crate::sample::{self, SECRET_KEY};
use crate::server::{Launch, TestServer};
use crate::{PATIENCE, binary};

const OPERATOR: &str = "operator-operator-operator-operator";
const WORKER: &str = "worker-worker-worker-worker-worker-1";
const SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx";
const UNKNOWN: &str = "01930000-0000-7000-8000-00000000dead";
const KEYS: &str = "/api/admin/keys";
const ENDPOINTS: &str = "/api/webhooks/endpoints";

fn launch() -> Launch {
    Launch::new()
        .set("OPERATOR_TOKEN", OPERATOR)
        .set("INDEXER_WORKER_TOKEN", WORKER)
        .set("FLUXORA_MASTER_KEY", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        .set("WEBHOOK_SENDING", "false")
        .set("AUDIT_CLIENT_ADDRESSES", "true")
        .set("OPEN_WRITES", "true")
}

/// Every row, the oldest first.
fn rows(server: &TestServer) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = format!("/api/admin/audit?limit=100{cursor}");
        let page = server.send(&Request::get(&page).header("x-operator-token", OPERATOR)).expect(200);
        rows.extend(page["rows"].as_array().unwrap().iter().cloned());
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    rows.reverse();
    rows
}

#[expect(clippy::disallowed_methods, reason = "a test waits for a limited time")]
fn now() -> Instant {
    Instant::now()
}

/// Waits until there are this many rows: those of refused writes come a moment later.
#[track_caller]
fn wait_for_rows(server: &TestServer, count: usize) -> Vec<Value> {
    let deadline = now() + PATIENCE;
    loop {
        let rows = rows(server);
        if rows.len() >= count {
            assert_eq!(rows.len(), count, "{rows:#?}");
            return rows;
        }
        assert!(now() < deadline, "{count} rows were expected: {rows:#?}");
        std::thread::yield_now();
    }
}

/// What a request did, as its row says it.
fn seen(row: &Value) -> (String, String, Option<String>) {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    (text("action").unwrap(), text("outcome").unwrap(), text("code"))
}

fn post(path: &str, body: &Value) -> Request {
    Request::post(path, body.to_string())
}

/// Sends each writing request once so that it is done, and returns their actions in order.
fn write_everything(server: &TestServer) -> Vec<&'static str> {
    let send = |request: &Request| {
        let response = server.send(request);
        assert!((200..300).contains(&response.status), "{request:?}: {}", response.everything());
        if response.body().is_empty() { Value::Null } else { response.json() }
    };
    let endpoint = send(&post(ENDPOINTS, &json!({ "url": "https://a.example/hook", "secret": SECRET })));
    let endpoint = format!("{ENDPOINTS}/{}", endpoint["id"].as_str().unwrap());
    let stream = server.create(&sample::stream());
    let stream = stream["id"].as_str().unwrap();
    server.cancel(stream);
    send(&post(&endpoint, &json!({ "description": "payroll" })).with_method("PATCH"));
    send(&post(&format!("{endpoint}/secret/rotate"), &json!({})));
    send(&post(&format!("{endpoint}/test"), &json!({})));
    send(&post(&format!("{endpoint}/pause"), &json!({ "reason": "a free text" })));
    send(&post(&format!("{endpoint}/resume"), &json!({ "from": "now" })));
    let id = endpoint.rsplit('/').next().unwrap();
    let replay = send(&post("/api/webhooks/replays", &json!({ "endpointId": id })));
    send(&post(&format!("/api/webhooks/replays/{}/cancel", replay["id"].as_str().unwrap()), &json!({})));
    send(&Request::delete(&endpoint));
    for ledger in [10, 20] {
        let tip =
            json!({ "events": [], "tip": { "ledger": ledger, "ledgerHash": format!("hash {ledger}") } });
        send(&post("/internal/indexer/contract-events", &tip).header("x-indexer-worker-token", WORKER));
    }
    let rewind = post("/api/admin/indexer/rewind", &json!({ "toLedger": 10, "reason": "a free text" }));
    send(&rewind.header("x-operator-token", OPERATOR));
    let operate = |request: Request| send(&request.header("x-operator-token", OPERATOR));
    let key = operate(post(KEYS, &json!({ "name": "a free text", "role": "reader" })));
    let key = format!("{KEYS}/{}", key["id"].as_str().unwrap());
    operate(post(&format!("{key}/rotate"), &json!({})));
    operate(Request::delete(&key));
    vec![
        "webhook.endpoint.create",
        "stream.create",
        "stream.cancel",
        "webhook.endpoint.update",
        "webhook.endpoint.rotate_secret",
        "webhook.endpoint.test",
        "webhook.endpoint.pause",
        "webhook.endpoint.resume",
        "webhook.replay.create",
        "webhook.replay.cancel",
        "webhook.endpoint.delete",
        "indexer.rewind",
        "key.create",
        "key.rotate",
        "key.revoke",
    ]
}

/// Each route of the table, refused for a parameter that it does not take; those with a token also without one.
fn refuse_everything(server: &TestServer) -> Vec<(String, String, Option<String>)> {
    let mut expect = Vec::new();
    for route in &ROUTES {
        let path = route.path.replace("{id}", UNKNOWN).replace("{address}", UNKNOWN);
        let request = Request::new(route.method.as_str(), &format!("{path}?unknown=1"));
        let token = match route.access.header() {
            Some("x-operator-token") => OPERATOR,
            _ => WORKER,
        };
        let with_token = match route.access.header() {
            Some(header) => {
                expect.extend(refusal(server, route.action.is_some(), &request));
                Request::new(route.method.as_str(), &format!("{path}?unknown=1")).header(header, token)
            }
            None => request,
        };
        expect.extend(refusal(server, route.action.is_some(), &with_token));
    }
    let actions = ROUTES.iter().filter_map(|route| Some((route.action?, route.access.header().is_some())));
    let actions = actions.flat_map(|(action, twice)| vec![action.as_str(); 1 + usize::from(twice)]);
    actions.zip(expect).map(|(action, code)| (action.to_owned(), "refused".to_owned(), Some(code))).collect()
}

/// The code of a refusal that leaves a row.
fn refusal(server: &TestServer, leaves_row: bool, request: &Request) -> Option<String> {
    let response = server.send(request);
    if !leaves_row {
        return None;
    }
    assert!((400..500).contains(&response.status), "{request:?}: {}", response.everything());
    response.json()["error"]["code"].as_str().map(str::to_owned)
}

#[track_caller]
fn one_row_for_each(mut server: TestServer, url: &str) {
    assert_eq!(rows(&server), [Value::Null; 0], "reads leave no row");
    let done = write_everything(&server);
    let found = rows(&server);
    let actions: Vec<_> = found.iter().map(seen).map(|(action, ..)| action).collect();
    assert_eq!(actions, done);
    assert!(found.iter().all(|row| row["outcome"] == "done" && row["target"].is_string()), "{found:#?}");
    assert_eq!(found[11]["actor"], json!({ "kind": "token", "id": "operator", "role": "operator" }));
    assert!(found.iter().all(|row| row["clientAddress"] == "127.0.0.1"));

    let refused = refuse_everything(&server);
    let found = wait_for_rows(&server, done.len() + refused.len());
    assert_eq!(found[done.len()..].iter().map(seen).collect::<Vec<_>>(), refused);

    let secret = json!({ "sender": SECRET_KEY, "depositAmount": SECRET_KEY });
    server.send(&Request::create_json(&secret).header("authorization", format!("Bearer {SECRET_KEY}")));
    server.send(&Request::delete(&format!("/api/streams/{SECRET_KEY}")).header("x-request-id", SECRET_KEY));
    let found = wait_for_rows(&server, done.len() + refused.len() + 2);
    let text = Value::from(found.clone()).to_string();
    for hidden in [SECRET_KEY, SECRET, OPERATOR, WORKER, "a free text", "a.example", "payroll"] {
        assert!(!text.contains(hidden), "{hidden} is in {text}");
    }

    let head = found.last().unwrap();
    let lines =
        format!("{} rows verify\nhead {} {}\n", found.len(), head["seq"], head["hash"].as_str().unwrap());
    verified(url, None, 0, &lines);
    server.create(&sample::stream());
    verified(url, head["hash"].as_str(), 0, &format!("head {}", found.len() + 1));
    server.terminate();
    verified(url, head["hash"].as_str(), 0, &format!("head {}", found.len() + 1));
    verified(url, found[3]["hash"].as_str(), 0, "rows verify");
    verified(url, Some(&"0f".repeat(32)), 65, "no row has the hash");
}

/// Runs `audit verify`: its exit code, and what it says.
#[track_caller]
fn verified(url: &str, expected: Option<&str>, code: i32, says: &str) {
    let mut command = Command::new(binary::server());
    command.env_clear().env("DATABASE_URL", url).args(["audit", "verify"]).current_dir("/");
    command.args(expected.map(|hash| format!("--expect-head={hash}")));
    let Output { status, stdout, stderr } = command.output().unwrap();
    let output = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert_eq!(status.code(), Some(code), "{output}");
    assert!(output.contains(says), "{output}");
}

#[test]
fn every_writing_route_leaves_one_row_for_a_write_and_one_for_a_refusal() {
    let server = TestServer::launch(launch());
    let url = url_of(&server);
    one_row_for_each(server, &url);
}

#[test]
fn every_writing_route_leaves_its_rows_on_postgresql() {
    let Some(cluster) = Cluster::start(Settings::default()) else { return };
    let database = cluster.database();
    let server = TestServer::launch(launch().set("DATABASE_URL", database.url()));
    one_row_for_each(server, &database.url());
}

#[test]
fn a_flood_of_refused_writes_leaves_few_rows_and_one_that_counts_the_rest() {
    const FLOOD: u64 = 500;
    let mut server = TestServer::launch(launch());
    let mut connection = server.connect();
    for _ in 0..FLOOD {
        connection.send(&Request::create("{}")).unwrap().expect(400);
    }
    server.terminate();
    server.restart();
    let rows = rows(&server);
    let (summaries, refused): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row["action"] == "audit.suppressed");
    assert!(refused.len() < 200, "{} rows", refused.len());
    let counted: u64 = summaries.iter().map(|row| row["count"].as_u64().unwrap()).sum();
    assert_eq!(counted + u64::try_from(refused.len()).unwrap(), FLOOD, "{summaries:#?}");
    server.terminate();
}

/// In the file, by someone who can write to it.
#[test]
fn a_row_that_was_changed_or_removed_is_named() {
    let mut server = TestServer::launch(launch());
    for _ in 0..6 {
        server.create(&sample::stream());
    }
    let head = rows(&server).last().unwrap()["hash"].as_str().unwrap().to_owned();
    server.terminate();
    let url = url_of(&server);
    let change = |sql: &str| {
        let database = rusqlite::Connection::open(server.database()).unwrap();
        assert_eq!(database.execute(sql, []).unwrap(), 1, "{sql}");
        database.close().unwrap();
    };
    change("UPDATE audit_log SET actor_role = 'operator' WHERE seq = 4");
    verified(&url, None, 65, "row 4 was changed");
    change("UPDATE audit_log SET actor_role = 'none' WHERE seq = 4");
    verified(&url, Some(&head), 0, "6 rows verify");
    change("DELETE FROM audit_log WHERE seq = 6");
    verified(&url, None, 0, "5 rows verify");
    verified(&url, Some(&head), 65, "no row has the hash");
    change("DELETE FROM audit_log WHERE seq = 2");
    verified(&url, None, 65, "row 2 was expected and row 3 was found");
    change("DELETE FROM audit_log WHERE seq = 1");
    verified(&url, None, 65, "the log begins with row 3");
}

/// A whole chain.
#[track_caller]
pub(crate) fn verify(url: &str) {
    verified(url, None, 0, "rows verify");
}
