//! What holds for any text as a payload, and for any sequence of events, also of those that no contract emits.

use fluxora_stream::vesting::Abi;
use fluxora_stream::{ContractId, UnixTime};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::payloads::{RECIPIENT, SENDER, TOKEN};
use super::{ContractHalt, Decoded, EventContext, NotDecoded, StreamCreated, apply, create, decode};
use crate::ChainPosition;

const NAMES: [&str; 13] = [
    "stream_created",
    "withdrawn",
    "cancelled",
    "paused",
    "resumed",
    "topped_up",
    "recipient_transferred",
    "ttl_extended",
    "delegate_granted",
    "delegate_revoked",
    "halt_operator_set",
    "contract_halted",
    "contract_resumed",
];

/// Every field of every event.
const FIELDS: [&str; 26] = [
    "token",
    "deposited",
    "start_time",
    "end_time",
    "cliff_time",
    "cancellable",
    "pausable",
    "transferable",
    "curve",
    "cliff_mode",
    "reference",
    "amount",
    "withdrawn",
    "status",
    "sender",
    "paused_at",
    "paused_total",
    "refunded",
    "vested",
    "paused_duration",
    "recipient",
    "extended_to_ledgers",
    "ops",
    "expires_at",
    "halted_at",
    "stream_id",
];

fn at(seconds: u64) -> EventContext {
    let position = ChainPosition { ledger: 1, transaction: 1, operation: 0, event: 0 };
    EventContext { position, close_time: UnixTime::from_seconds(seconds) }
}

fn any_seconds() -> impl Strategy<Value = u64> {
    prop_oneof![0..1000_u64, any::<u64>(), Just(u64::MAX)]
}

fn any_amount() -> impl Strategy<Value = i128> {
    prop_oneof![0..1000_i128, 0..=i128::MAX, Just(i128::MAX)]
}

fn any_party() -> impl Strategy<Value = Value> {
    prop::sample::select(&[SENDER, RECIPIENT, TOKEN]).prop_map(|party| json!(party))
}

/// A value that fits the field.
fn fitting(field: &'static str) -> BoxedStrategy<Value> {
    let seconds = any_seconds().prop_map(|seconds| json!(seconds.to_string()));
    match field {
        "token" | "sender" | "recipient" => any_party().boxed(),
        "deposited" | "amount" | "withdrawn" | "refunded" | "vested" => {
            any_amount().prop_map(|amount| json!(amount.to_string())).boxed()
        }
        "cancellable" | "pausable" | "transferable" => any::<bool>().prop_map(|flag| json!(flag)).boxed(),
        "curve" => (0..3_u32).prop_map(|code| json!(code)).boxed(),
        "cliff_mode" => (0..2_u32).prop_map(|code| json!(code)).boxed(),
        "status" => (0..4_u32).prop_map(|code| json!(code)).boxed(),
        "reference" => proptest::option::of(".{0,64}").prop_map(|text| json!(text)).boxed(),
        "paused_at" | "expires_at" => prop_oneof![Just(Value::Null), seconds].boxed(),
        "ops" | "extended_to_ledgers" => any::<u32>().prop_map(|number| json!(number)).boxed(),
        _ => seconds.boxed(),
    }
}

/// An event with every field that any event has, so that it is readable under each name.
fn readable_event() -> impl Strategy<Value = Value> {
    let fields: Vec<_> =
        FIELDS.iter().filter(|field| **field != "stream_id").map(|field| fitting(field)).collect();
    let late = (any_seconds(), any_seconds());
    (prop::sample::select(&NAMES[..10]), any_party(), any_party(), fields, late, any::<prop::sample::Index>())
        .prop_map(|(name, one, other, values, (resumed_at, halted_for), drop)| {
            let names = FIELDS.iter().filter(|field| **field != "stream_id");
            let mut map: serde_json::Map<_, _> =
                names.zip(values).map(|(name, value)| ((*name).to_owned(), value)).collect();
            map.insert("resumed_at".to_owned(), json!(resumed_at.to_string()));
            map.insert("halted_for".to_owned(), json!(halted_for.to_string()));
            // `paused` needs a start, and of the fields of ABI 2 any may be absent.
            if name == "paused" && map["paused_at"].is_null() {
                map["paused_at"] = json!("5");
            }
            let optional = ["curve", "cliff_mode", "reference", "sender", "recipient", "none"];
            map.remove(*drop.get(&optional));
            if name == "withdrawn" && drop.index(2) == 0 {
                map.remove("paused_at");
                map.remove("paused_total");
            }
            json!({"topic": [name, "0", one, other], "value": map})
        })
}

/// Any JSON, as a whole or as a part of what an event looks like.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        any_party(),
        prop::sample::select(&NAMES).prop_map(|value| json!(value)),
        "[0-9]{0,3}|.*".prop_map(|value| json!(value)),
    ];
    let json = leaf.prop_recursive(3, 32, 6, |inner| {
        let key = prop::sample::select(&FIELDS).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..8).prop_map(|map| json!(map)),
        ]
    });
    (json.clone(), json, any::<bool>()).prop_map(|(topic, value, whole)| {
        if whole { json!({"topic": topic, "value": value}).to_string() } else { value.to_string() }
    })
}

/// A readable event with one part replaced by any JSON, or cut off.
fn damaged() -> impl Strategy<Value = String> {
    let part = any::<prop::sample::Index>();
    (readable_event(), any_json(), part, any::<bool>()).prop_map(|(mut event, damage, part, cut)| {
        if cut {
            let text = event.to_string();
            let end = part.index(text.len());
            return text.chars().take(end).collect();
        }
        let damage: Value = serde_json::from_str(&damage).unwrap();
        match part.index(FIELDS.len() + 4) {
            topic @ 0..4 => event["topic"][topic] = damage,
            field => event["value"][FIELDS[field - 4]] = damage,
        }
        event.to_string()
    })
}

fn name_of(payload: &str) -> String {
    let payload: Value = serde_json::from_str(payload).unwrap_or_default();
    payload["topic"][0].as_str().unwrap_or("paused").to_owned()
}

fn created() -> StreamCreated {
    let party = |text| fluxora_stream::Address::parse(text).unwrap();
    let second = UnixTime::from_seconds;
    StreamCreated {
        sender: party(SENDER),
        recipient: party(RECIPIENT),
        token: party(TOKEN),
        deposited: 500,
        start: second(100),
        end: second(600),
        cliff: second(200),
        cancellable: true,
        pausable: true,
        transferable: true,
        curve: fluxora_stream::vesting::Curve::FrontLoaded,
        cliff_mode: fluxora_stream::vesting::CliffMode::WallClock,
        reference: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_payload_is_read_or_refused(
        payload in prop_oneof![any_json(), damaged(), ".*".boxed()], name in prop::sample::select(&NAMES),
    ) {
        for topic in [name, &name_of(&payload)] {
            if let Err(NotDecoded::Unreadable(unreadable)) = decode(topic, &payload) {
                prop_assert!(!unreadable.to_string().is_empty());
                let named: Value = serde_json::from_str(&payload).unwrap();
                let id = named["topic"][1].clone();
                let expected = id.as_str().and_then(|id| id.parse().ok()).or(id.as_u64());
                prop_assert!(unreadable.stream.is_none() || unreadable.stream == expected);
            }
        }
    }

    #[test]
    fn an_event_that_has_all_its_fields_is_read(event in readable_event()) {
        let decoded = decode(event["topic"][0].as_str().unwrap(), &event.to_string());
        prop_assert!(matches!(decoded, Ok(Decoded::Stream(_))), "{:?}", decoded);
    }

    #[test]
    fn any_sequence_of_events_is_applied_and_amounts_stay_within_their_bounds(
        events in prop::collection::vec((readable_event(), any_seconds()), 0..12), later in any_seconds(),
    ) {
        let mut stream = create((ContractId::from_hash([1; 32]), 0), &created(), Abi::V2, "hash", at(0));
        for (event, seconds) in events {
            let name = event["topic"][0].as_str().unwrap();
            let Ok(Decoded::Stream(action)) = decode(name, &event.to_string()) else { continue };
            let before = stream.clone();
            let applied = apply(&mut stream, &action, at(seconds));
            prop_assert_eq!(applied.events.is_empty(), before == stream, "{}", event);
            prop_assert!(stream.body.state.abi >= before.body.state.abi);
            for now in [seconds, later].map(UnixTime::from_seconds) {
                let vested = stream.body.state.vested(now);
                prop_assert!((0..=stream.body.state.schedule.deposited).contains(&vested));
                prop_assert_eq!(vested + stream.body.state.refundable(now), stream.body.state.schedule.deposited);
                prop_assert!(stream.body.state.withdrawable(now) >= 0);
                let _ = (stream.body.state.liability(), stream.body.state.average_rate(stream.status.name()), stream.body.state.has_ended(now), stream.body.state.schedule.linear_until(now));
            }
        }
    }
}

#[test]
fn halts_and_resumptions_in_a_wrong_order_are_applied_and_reported() {
    let mut halt = ContractHalt::default();
    let event = |name: &str, value: Value| match decode(
        name,
        &json!({"topic": [name, TOKEN], "value": value}).to_string(),
    ) {
        Ok(Decoded::Contract(action)) => action,
        other => panic!("{other:?}"),
    };
    let max = u64::MAX.to_string();
    let events = [
        event("contract_resumed", json!({"resumed_at": "0", "halted_for": max})),
        event("contract_halted", json!({"halted_at": max})),
        event("contract_halted", json!({"halted_at": "0"})),
        event("contract_resumed", json!({"resumed_at": max, "halted_for": max})),
    ];
    let anomalies = events.map(|event| halt.apply(&event, at(0)).len());
    assert_eq!((anomalies, halt.halted_at), ([2, 2, 2, 2], None));
}
