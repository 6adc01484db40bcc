//! A stream beside the changes of its events, applied in order.

use fluxora_indexer::projection::{Streams, project};
use fluxora_indexer::{ChainPosition, ContractEvent, Opaque};
use fluxora_stream::{Stream, UnixTime};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::StreamView;
use crate::Tokens;

const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";
const SENDER: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
const RECIPIENT: &str = "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H";

/// Fields that only the stream has, as `docs/API.md` lists them.
const DERIVED: [&str; 24] = [
    "id",
    "origin",
    "cancelledAt",
    "phase",
    "nextPhase",
    "nextPhaseAt",
    "chain",
    "asOf",
    "createdAt",
    "updatedAt",
    "streamedAmount",
    "withdrawableAmount",
    "remainingAmount",
    "refundedAmount",
    "ended",
    "linearUntil",
    "averageRatePerSecond",
    "contractId",
    "streamId",
    "family",
    "uncertain",
    "effectiveEndTime",
    "cliffOpensAt",
    "cliffTime",
];

fn event(second: u32, payload: &Value) -> ContractEvent {
    let opaque = |text: &str| Opaque::new(text).unwrap();
    ContractEvent {
        id: opaque(&second.to_string()),
        position: ChainPosition { ledger: second, transaction: 1, operation: 0, event: 0 },
        contract: opaque(CONTRACT),
        topic: opaque(payload["topic"][0].as_str().unwrap()),
        tx_hash: opaque("hash"),
        happened_at: Timestamp::from_second(second.into()).unwrap(),
        payload: payload.to_string().into(),
        invocation: None,
    }
}

fn vesting() -> Vec<(u32, Value)> {
    let created = json!({"token": CONTRACT, "deposited": "1000", "start_time": "100", "end_time": "200",
        "cliff_time": "120", "cancellable": true, "pausable": true, "transferable": true, "reference": "rent"});
    vec![
        (90, json!({"topic": ["stream_created", "0", SENDER, RECIPIENT], "value": created})),
        (
            100,
            json!({"topic": ["delegate_granted", "0", SENDER, CONTRACT], "value": {"ops": 6, "expires_at": "150"}}),
        ),
        (
            130,
            json!({"topic": ["withdrawn", "0", RECIPIENT],
                "value": {"amount": "50", "withdrawn": "50", "deposited": "1000", "status": 0}}),
        ),
        (135, json!({"topic": ["paused", "0", SENDER], "value": {"paused_at": "135", "paused_total": "0"}})),
        (
            140,
            json!({"topic": ["resumed", "0", SENDER], "value": {"paused_duration": "5", "paused_total": "5"}}),
        ),
        (
            141,
            json!({"topic": ["topped_up", "0", SENDER],
                "value": {"amount": "100", "deposited": "1100", "end_time": "210"}}),
        ),
        (142, json!({"topic": ["recipient_transferred", "0", RECIPIENT, CONTRACT], "value": {}})),
        (143, json!({"topic": ["withdrawn", "0", RECIPIENT], "value": {}})),
        (
            145,
            json!({"topic": ["cancelled", "0", SENDER, CONTRACT],
                "value": {"refunded": "700", "vested": "400", "withdrawn": "50", "end_time": "140"}}),
        ),
        (146, json!({"topic": ["delegate_revoked", "0", SENDER, CONTRACT], "value": {}})),
        (147, json!({"topic": ["paused", "0", SENDER], "value": {"paused_at": "147", "paused_total": "5"}})),
    ]
}

fn v9() -> Vec<(u32, Value)> {
    let created = json!({"stream_id": "0", "sender": SENDER, "recipient": RECIPIENT, "deposit_amount": "1000",
        "rate_per_second": "10", "start_time": "100", "cliff_time": "100", "end_time": "200",
        "withdraw_dust_threshold": "3", "memo": "0x01", "metadata": {"0x02": "0x03"}});
    vec![
        (90, json!({"topic": ["created", "0"], "value": created})),
        (
            120,
            json!({"topic": ["withdrew", "0"], "value": {"stream_id": "0", "recipient": RECIPIENT, "amount": "50"}}),
        ),
        (125, json!({"topic": ["paused", "0"], "value": {"stream_id": "0", "reason": "Operational"}})),
        (130, json!({"topic": ["resumed", "0"], "value": ["Resumed", "0"]})),
        (132, json!({"topic": ["recp_upd", "0"], "value": {"stream_id": "0", "new_recipient": SENDER}})),
        (140, json!({"topic": ["cancelled", "0"], "value": ["StreamCancelled", "0"]})),
        (150, json!({"topic": ["closed", "0"], "value": ["StreamClosed", "0"]})),
    ]
}

/// A recorded value in the form in which the stream shows it; `None` for what is no field of the stream.
fn shown(name: &str, value: &Value) -> Option<(String, Value)> {
    let instant = |seconds: &Value| {
        let at = UnixTime::from_seconds(seconds.as_u64().unwrap());
        Value::from(format!("{:.3}", at.instant()))
    };
    let value = match (name, value) {
        (_, Value::Null) | ("statusSince" | "cliffTime", _) => return None,
        ("pausedAt", seconds) => instant(seconds),
        ("token", contract) => json!({"contract": contract, "code": null, "decimals": null}),
        ("delegates", grants) => grants.as_object().unwrap().iter().map(grant).collect(),
        (_, value) => value.clone(),
    };
    Some((name.to_owned(), value))
}

fn grant((delegate, grant): (&String, &Value)) -> Value {
    let ops = grant["operations"].as_u64().unwrap();
    let words =
        [(1, "withdraw"), (32, "transfer"), (2, "cancel"), (4, "pause"), (8, "resume"), (16, "top_up")];
    let words: Vec<_> = words.into_iter().filter(|(bit, _)| ops & bit != 0).map(|(_, word)| word).collect();
    json!({"delegate": delegate, "grantor": grant["grantor"], "operations": words, "ops": ops,
        "expiresAt": grant["expiresAt"]})
}

/// The fields of a stream that its events record, by name.
fn recorded(view: &Value, also_derived: &[&str]) -> Map<String, Value> {
    let fields = [view, &view["chain"]].into_iter().flat_map(|level| level.as_object().unwrap());
    let recorded = fields.filter(|(name, value)| {
        !value.is_null() && !DERIVED.contains(&name.as_str()) && !also_derived.contains(&name.as_str())
    });
    recorded.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Checks the stream after each event, and returns every name that the changes had.
fn check(history: Vec<(u32, Value)>, also_derived: &[&str]) -> Vec<String> {
    let (mut streams, mut folded) = (Streams::new(), Map::new());
    for (second, payload) in history {
        let event = event(second, &payload);
        for emitted in project(&mut streams, |_| true, [&event]).emitted {
            let Value::Object(changes) = serde_json::to_value(&*emitted.data.changes).unwrap() else {
                panic!("changes are an object")
            };
            folded.extend(changes);
        }
        let stream = Stream::from(streams.values().next().unwrap().clone());
        let at = UnixTime::from_seconds(second.into());
        let view = serde_json::to_value(StreamView::of(&stream, at, &Tokens::default())).unwrap();
        let expected: Map<_, _> = folded.iter().filter_map(|(name, value)| shown(name, value)).collect();
        assert_eq!(Value::Object(recorded(&view, also_derived)), Value::Object(expected), "{payload}");
    }
    folded.keys().cloned().collect()
}

#[test]
fn the_changes_of_a_vesting_stream_are_the_stream_but_for_the_forms_that_are_documented() {
    let derived = ["depositAmount", "ratePerSecond", "withdrawnAmount"];
    let names = check(vesting(), &derived);
    for name in ["cancelledDeposit", "cancelledEndTime", "pausedAt", "delegates", "token", "abi"] {
        assert!(names.contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn the_changes_of_a_stream_of_version_9_are_the_stream_but_for_the_forms_that_are_documented() {
    let names = check(v9(), &["pausedAt"]);
    assert!(names.contains(&"closedLedger".to_owned()));
}

#[test]
fn a_time_beyond_what_javascript_reads_is_shown_exactly() {
    let (mut created, far) = (vesting().remove(0).1, (1_u64 << 53) + 1);
    created["value"]["end_time"] = json!(far.to_string());
    created["value"]["deposited"] = json!((1_u64 << 60).to_string());
    let event = event(90, &created);
    let mut streams = Streams::new();
    assert_eq!(project(&mut streams, |_| true, [&event]).anomalies, [], "the contract accepts it");
    let stream = Stream::from(streams.into_values().next().unwrap());
    let view =
        serde_json::to_string(&StreamView::of(&stream, UnixTime::from_seconds(90), &Tokens::default()))
            .unwrap();
    for field in ["endTime", "effectiveEndTime"] {
        assert!(view.contains(&format!(r#""{field}":{far}"#)), "{view}");
    }
}

#[test]
fn a_deposit_beyond_its_type_is_shown_as_the_most_and_the_stream_as_uncertain() {
    let most = i128::MAX.to_string();
    let mut history = vesting();
    let (mut created, mut cancelled) = (history.remove(0).1, history.remove(7).1);
    created["value"]["deposited"] = json!(most);
    cancelled["topic"][3] = json!(RECIPIENT);
    for field in ["refunded", "vested"] {
        cancelled["value"][field] = json!(most);
    }
    let mut streams = Streams::new();
    project(&mut streams, |_| true, [&event(90, &created), &event(145, &cancelled)]);
    let stream = Stream::from(streams.into_values().next().unwrap());
    let view = StreamView::of(&stream, UnixTime::from_seconds(145), &Tokens::default());
    let view = serde_json::to_value(view).unwrap();
    assert_eq!((&view["status"], &view["depositAmount"]), (&json!("cancelled"), &json!(most)));
    assert_eq!((&view["refundedAmount"], &view["chain"]["uncertain"]), (&json!(most), &json!(true)));
}
