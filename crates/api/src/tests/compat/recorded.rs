//! The rules of the front end over every recorded scenario of both contracts, after each ledger and at later instants.

use std::collections::BTreeMap;
use std::fs;

use fluxora_decimal::Amount;

use super::rules::faults;
use super::*;

/// The number of the first ledger. The recordings skip ledgers; here they are numbered one after the other.
const FIRST: u32 = 1_000;
/// Events of a batch.
const BATCH: usize = 100;

/// The events of a scenario by close time, in the order of the chain.
struct Scenario {
    name: String,
    contract: ContractId,
    ledgers: BTreeMap<i64, Vec<Value>>,
}

fn scenarios(folder: &str) -> Vec<Scenario> {
    let folder = format!("{}/../indexer/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    let mut scenarios = Vec::<Scenario>::new();
    for line in paths.iter().flat_map(|path| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    }) {
        match line["kind"].as_str().unwrap() {
            "header" => scenarios.push(Scenario {
                name: line["scenario"].as_str().unwrap().to_owned(),
                contract: ContractId::parse(line["contractId"].as_str().unwrap()).unwrap(),
                ledgers: BTreeMap::new(),
            }),
            // What a probe emits is outside of any transaction.
            "step" => {
                let scenario = scenarios.last_mut().unwrap();
                let events = scenario.ledgers.entry(line["closeTime"].as_i64().unwrap()).or_default();
                if line["op"] != "probe" {
                    events.extend(line["events"].as_array().unwrap().iter().cloned());
                }
            }
            _ => {}
        }
    }
    scenarios
}

impl Scenario {
    fn pushed(&self, ledger: u32, closed: i64, place: usize, event: &Value) -> Value {
        let closed = Timestamp::from_second(closed).unwrap();
        json!({
            "eventId": event["id"], "ledger": ledger, "ledgerHash": format!("{}-{ledger}", self.name),
            "contractId": event["contractId"], "topic": event["decoded"]["topic"][0],
            "txHash": format!("{}-{ledger}-{place}", self.name), "txIndex": place + 1, "operationIndex": 0, "eventIndex": 0,
            "payload": event["decoded"], "happenedAt": closed.to_string(),
        })
    }

    /// Pushes a ledger and the next one as the tip, which makes it safe.
    async fn push(&self, server: &Server, ledger: u32, closed: i64, events: &[Value]) {
        let events: Vec<_> = events
            .iter()
            .enumerate()
            .map(|(place, event)| self.pushed(ledger, closed, place, event))
            .collect();
        let tip = |ledger: u32| json!({"ledger": ledger, "ledgerHash": format!("{}-{ledger}", self.name)});
        let bodies = events.chunks(BATCH).map(|events| json!({ "events": events }));
        for body in bodies.chain([json!({"events": [], "tip": tip(ledger + 1)})]) {
            let request = TestRequest::post().uri("/internal/indexer/contract-events");
            let request = request.insert_header(("x-indexer-worker-token", SECRET)).set_json(body);
            let answered = server.send(request).await;
            assert_eq!(answered.status, StatusCode::OK, "{}: {}", self.name, answered.text);
        }
    }
}

/// What was checked over all scenarios.
#[derive(Default)]
struct Checked {
    rows: usize,
    left_out: usize,
    statuses: BTreeMap<String, usize>,
}

impl Checked {
    /// Every stream of the server as a row that the front end accepts, or left out because a party is a contract.
    async fn look(&mut self, server: &Server, place: &str) {
        let streams = server.get("/api/streams?limit=100").await.body["streams"].as_array().unwrap().clone();
        let list = server.get("/compat/frontend/streams").await;
        let (mut shown, mut left_out) = (rows(&list).iter(), 0);
        for stream in &streams {
            let party = |name: &str| stream[name].as_str().unwrap().starts_with('G');
            if !(party("sender") && party("recipient")) {
                left_out += 1;
                continue;
            }
            let row = shown.next().unwrap_or_else(|| panic!("{place}: no row of {stream}"));
            assert_eq!(faults(row), [""; 0], "{place}: {row}\nof {stream}");
            self.compare(place, stream, row);
        }
        assert!(shown.next().is_none(), "{place}: more rows than streams");
        assert_eq!(header(&list, "x-streams-left-out"), left_out.to_string(), "{place}");
        self.left_out += left_out;
    }

    fn compare(&mut self, place: &str, stream: &Value, row: &Value) {
        let status = stream["status"].as_str().unwrap();
        let word = match status {
            "scheduled" | "active" => "Active",
            "paused" => "Paused",
            _ => "Completed",
        };
        assert_eq!(row["status"], word, "{place}: {stream}");
        assert_eq!(row["id"], stream["chain"]["streamId"], "{place}: {stream}");
        // Tokens of the recordings are unknown: their amounts are integers, which are read as stroops here.
        let units = |value: &Value| {
            let text = value.as_str().unwrap();
            text.split_once('.')
                .map_or_else(|| text.parse().unwrap(), |_| text.parse::<Amount>().unwrap().stroops())
        };
        let of = |name: &str| units(&stream[name]);
        let pairs = [
            ("depositAmount", of("depositAmount")),
            ("streamedAmount", of("streamedAmount")),
            ("withdrawableAmount", of("withdrawableAmount")),
            ("remainingAmount", of("depositAmount") - of("withdrawnAmount") - of("refundedAmount")),
        ];
        for (name, expect) in pairs {
            let shown: i128 = units(&row[name]);
            assert_eq!(shown, expect.max(0), "{place} {name}: {row}\nof {stream}");
        }
        self.rows += 1;
        *self.statuses.entry(status.to_owned()).or_default() += 1;
    }
}

async fn check(folder: &str) -> Checked {
    let mut checked = Checked::default();
    for scenario in scenarios(folder) {
        let frontend = Frontend { contract: Some(scenario.contract), ..Frontend::default() };
        let server = Server::with_frontend(Arc::new(Model::default()), SECRET, frontend);
        for (ledger, (closed, events)) in (FIRST..).step_by(2).zip(&scenario.ledgers) {
            server.clock.set(*closed);
            scenario.push(&server, ledger, *closed, events).await;
            checked.look(&server, &format!("{} at {closed}", scenario.name)).await;
        }
        let last = scenario.ledgers.keys().last().unwrap();
        for later in [1, 60, 3_600, 86_400, 30 * 86_400, 40 * 365 * 86_400] {
            server.clock.set(last + later);
            checked.look(&server, &format!("{}, {later} s after its end", scenario.name)).await;
        }
    }
    checked
}

#[actix_web::test]
async fn the_front_end_accepts_every_list_of_a_contract_of_version_9() {
    let checked = check("oracle").await;
    assert!(checked.rows > 700 && checked.left_out > 50, "{} and {}", checked.rows, checked.left_out);
    for status in ["active", "paused", "completed", "cancelled"] {
        assert!(checked.statuses.contains_key(status), "{status}: {:?}", checked.statuses);
    }
}

#[actix_web::test]
async fn the_front_end_accepts_every_list_of_a_vesting_contract() {
    let checked = check("vesting").await;
    assert!(checked.rows > 1_000, "{}", checked.rows);
    for status in ["active", "paused", "cancelled", "depleted"] {
        assert!(checked.statuses.contains_key(status), "{status}: {:?}", checked.statuses);
    }
}
