//! Laws that hold for any history of contract events, hostile ones included.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use fluxora_stream::{AccountId, Address, ChainStream, ContractId, StreamId, UnixTime};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::projection::{Class, Projected, Streams, classify, project};
use crate::{ChainPosition, ContractEvent, Opaque};

/// Topics whose value is a map. One map with all fields serves for each topic: fields that a topic does not need are
/// ignored.
const MAPS: [&str; 21] = [
    "created",
    "withdrew",
    "wdraw_to",
    "ac_trig",
    "paused",
    "kp_cncl",
    "rate_upd",
    "rate_dec",
    "end_shrt",
    "end_ext",
    "top_up",
    "recp_upd",
    "claim_own",
    "sndr_xfr",
    "del_share",
    "cloned",
    "renewed",
    "decomm",
    "ac_set",
    "ac_revoke",
    "health",
];

/// Topics whose value is a list.
const LISTS: [(&str, &str); 4] = [
    ("completed", "StreamCompleted"),
    ("cancelled", "StreamCancelled"),
    ("closed", "StreamClosed"),
    ("resumed", "Resumed"),
];

fn contract(seed: u8) -> ContractId {
    ContractId::from_hash([seed; 32])
}

fn any_amount() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..20_000_i128).prop_map(|amount| amount.to_string()),
        1 => prop_oneof![Just(i128::MAX), Just(i128::MIN), Just(-1)].prop_map(|amount| amount.to_string()),
    ]
}

fn any_second() -> impl Strategy<Value = String> {
    prop_oneof![8 => 0..1000_u64, 1 => Just(u64::MAX)].prop_map(|second| second.to_string())
}

/// Three accounts and two contracts. Their strkeys cost more to compute than the rest of a test.
static PARTIES: LazyLock<[String; 5]> = LazyLock::new(|| {
    let account = |seed| Address::from(AccountId::from_public_key([seed; 32])).to_string();
    [account(1), account(2), account(3), contract(0).to_string(), contract(1).to_string()]
});

fn any_party() -> impl Strategy<Value = &'static str> {
    (0..PARTIES.len()).prop_map(|place| PARTIES[place].as_str())
}

/// A withdrawal with its transfers to the recipient and to a relayer, or some of these events.
fn any_withdrawal() -> impl Strategy<Value = Vec<(u8, Value)>> {
    let amounts = (prop::sample::select(&["0", "100"]), prop::sample::select(&["7", "100"]));
    (0..5_u64, any_party(), amounts, any::<[bool; 3]>()).prop_map(|(id, to, (net, fee), parts)| {
        let by = PARTIES[3].as_str();
        let withdrew = json!({"stream_id": id.to_string(), "recipient": to, "amount": net});
        let events = [
            json!({"topic": ["transfer", by, to, "native"], "value": net}),
            json!({"topic": ["transfer", by, PARTIES[0], "native"], "value": fee}),
            json!({"topic": ["withdrew", id.to_string()], "value": withdrew}),
        ];
        events.into_iter().zip(parts).filter(|(_, there)| *there).map(|(event, _)| (0, event)).collect()
    })
}

prop_compose! {
    fn any_map()(
        amounts in prop::collection::vec(any_amount(), 13),
        seconds in prop::collection::vec(any_second(), 5),
        parties in prop::collection::vec(any_party(), 8),
        flag: bool,
    ) -> Value {
        json!({
            "sender": parties[0], "recipient": parties[1], "deposit_amount": amounts[0], "rate_per_second": amounts[1],
            "start_time": seconds[0], "cliff_time": seconds[1], "end_time": seconds[2], "withdraw_dust_threshold": "0",
            "memo": flag.then_some("0x6d"), "metadata": flag.then(|| json!({"0x01": "0x02"})),
            "amount": amounts[2], "keeper_fee": amounts[3], "recipient_amount": amounts[4], "sender_refund": amounts[5],
            "new_rate_per_second": amounts[6], "effective_time": seconds[3], "refund_amount": amounts[7],
            "checkpointed_amount": amounts[8], "new_end_time": seconds[4], "new_deposit_amount": amounts[9],
            "new_recipient": parties[2], "new_owner": parties[3], "new_sender": parties[4], "delegatee": parties[5],
            "new_parent_rate": amounts[10], "child_rate": amounts[11], "decommissioned": flag, "is_underfunded": flag,
            "destination": parties[6],
        })
    }
}

/// An event of the contract, sometimes with a missing or a wrong field.
fn any_payload() -> impl Strategy<Value = Value> {
    let broken = prop_oneof![6 => Just(None), 1 => any::<(prop::sample::Index, bool)>().prop_map(Some)];
    let map = (prop::sample::select(&MAPS), 0..5_u64, 0..5_u64, any_map(), broken).prop_map(map_event);
    let list = (prop::sample::select(&LISTS), 0..5_u64).prop_map(
        |((topic, name), id)| json!({"topic": [topic, id.to_string()], "value": [name, id.to_string()]}),
    );
    let protocol = Just(json!({"topic": ["gl_pause"], "value": {"paused": true}}));
    let transfer = (any_party(), any_party(), any_amount())
        .prop_map(|(from, to, amount)| json!({"topic": ["transfer", from, to, "native"], "value": amount}));
    prop_oneof![12 => map, 4 => list, 1 => protocol, 4 => transfer]
}

type Broken = Option<(prop::sample::Index, bool)>;

fn map_event((topic, id, other, mut value, broken): (&str, u64, u64, Value, Broken)) -> Value {
    let (id, other) = (id.to_string(), other.to_string());
    let fields = value.as_object_mut().unwrap();
    if let Some((place, gone)) = broken {
        let name = place.get(&fields.keys().cloned().collect::<Vec<_>>()).clone();
        if gone {
            fields.remove(&name)
        } else {
            fields.insert(name, json!([{}]))
        };
    }
    for name in ["stream_id", "parent_stream_id", "old_stream_id"] {
        fields.insert(name.to_owned(), json!(id));
    }
    for name in ["child_stream_id", "source_stream_id"] {
        fields.insert(name.to_owned(), json!(other));
    }
    fields.insert("new_stream_id".to_owned(), json!(if topic == "cloned" { &id } else { &other }));
    let topics = if topic == "renewed" { vec![topic, &id, &other] } else { vec![topic, &id] };
    json!({"topic": topics, "value": value})
}

/// Transactions, each with its events, in chain order.
fn any_history() -> impl Strategy<Value = Vec<Vec<ContractEvent>>> {
    let transaction = prop_oneof![
        2 => prop::collection::vec((0..2_u8, any_payload()), 1..5),
        1 => any_withdrawal(),
    ];
    // Four streams are created first, so later events have streams to change.
    let creation =
        (0..5_u64, any_map()).prop_map(|(id, map)| vec![(0, map_event(("created", id, 0, map, None)))]);
    let history =
        (prop::collection::vec(creation, 4), prop::collection::vec((0..40_u32, transaction), 0..20));
    history.prop_map(|(creations, rest)| {
        let all = creations.into_iter().map(|creation| (0, creation)).chain(rest);
        let mut ledger = 1;
        all.enumerate()
            .map(|(transaction, (later, events))| {
                ledger += later;
                let events = events.into_iter().enumerate();
                events.map(|(place, (by, payload))| event(ledger, transaction, place, by, &payload)).collect()
            })
            .collect()
    })
}

fn event(ledger: u32, transaction: usize, place: usize, by: u8, payload: &Value) -> ContractEvent {
    let opaque = |text: &str| Opaque::new(text).unwrap();
    ContractEvent {
        id: opaque(&format!("{ledger}-{transaction}-{place}")),
        position: ChainPosition {
            ledger,
            transaction: transaction.try_into().unwrap(),
            operation: 0,
            event: place.try_into().unwrap(),
        },
        contract: opaque(&PARTIES[3 + usize::from(by)]),
        topic: opaque(payload["topic"][0].as_str().unwrap()),
        tx_hash: opaque(&format!("tx{transaction}")),
        happened_at: Timestamp::from_second(ledger.into()).unwrap(),
        payload: payload.to_string().into(),
        invocation: None,
    }
}

fn everything(history: &[Vec<ContractEvent>]) -> (Streams, Projected) {
    let mut streams = Streams::new();
    let projected = project(&mut streams, |_| true, history.iter().flatten());
    (streams, projected)
}

/// The streams that events about two streams link with this one, directly or through others.
fn linked_to(of: StreamId, history: &[Vec<ContractEvent>]) -> BTreeSet<StreamId> {
    let mut linked = BTreeSet::from([of]);
    loop {
        let before = linked.len();
        for subjects in history.iter().flatten().map(|event| classify(event).subjects) {
            if let (Some(one), Some(other)) = (subjects.stream, subjects.other)
                && (linked.contains(&one) || linked.contains(&other))
            {
                linked.extend([one, other]);
            }
        }
        if linked.len() == before {
            return linked;
        }
    }
}

fn concerns(transaction: &[ContractEvent], linked: &BTreeSet<StreamId>) -> bool {
    let subjects = transaction.iter().map(|event| classify(event).subjects);
    subjects.flat_map(|subjects| [subjects.stream, subjects.other]).flatten().any(|id| linked.contains(&id))
}

proptest! {
    #[test]
    fn transactions_projected_in_any_number_of_calls_give_the_same_streams(
        history in any_history(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let (whole, at_once) = everything(&history);
        let cuts: BTreeSet<usize> = cuts.iter().map(|cut| cut.index(history.len())).collect();
        let mut streams = Streams::new();
        let mut parts = Projected::default();
        let mut rest = history.as_slice();
        for cut in cuts.into_iter().chain([history.len()]) {
            let done = history.len() - rest.len();
            let (now, later) = rest.split_at(cut - done);
            let part = project(&mut streams, |_| true, now.iter().flatten());
            parts.emitted.extend(part.emitted);
            parts.unprojected.extend(part.unprojected);
            parts.anomalies.extend(part.anomalies);
            rest = later;
        }
        prop_assert_eq!(streams, whole);
        prop_assert_eq!(parts, at_once);
    }

    #[test]
    fn linked_streams_projected_alone_are_the_same_as_among_all(history in any_history(), of in 0..5_u64, by in 0..2_u8) {
        let (whole, all) = everything(&history);
        let linked = linked_to(StreamId::chain(contract(by), of), &history);
        let own = history.iter().filter(|transaction| concerns(transaction, &linked)).flatten();
        let mut streams = Streams::new();
        let alone = project(&mut streams, |id| linked.contains(id), own);
        let expect: Streams = whole.into_iter().filter(|(id, _)| linked.contains(id)).collect();
        prop_assert_eq!(streams, expect);
        let expect: Vec<_> = all.emitted.into_iter().filter(|event| linked.contains(&event.stream)).collect();
        prop_assert_eq!(alone.emitted, expect);
    }

    #[test]
    fn a_stream_has_changed_exactly_if_an_event_is_emitted_for_it(history in any_history()) {
        let mut streams = Streams::new();
        for event in history.iter().flatten() {
            let before = streams.clone();
            let projected = project(&mut streams, |_| true, [event]);
            let changed: BTreeSet<_> = projected.emitted.iter().map(|event| event.stream).collect();
            prop_assert_eq!(changed.len(), projected.emitted.len(), "once");
            prop_assert!(projected.emitted.iter().all(|event| !event.data.changes.is_empty()));
            for (id, stream) in &streams {
                prop_assert!(before.get(id) == Some(stream) || changed.contains(id));
            }
            let subjects = classify(event).subjects;
            let about = [subjects.stream, subjects.other];
            prop_assert!(changed.iter().all(|id| about.contains(&Some(*id))), "only of those it is about");
        }
    }

    #[test]
    fn amounts_stay_within_their_bounds_in_any_history(history in any_history(), at: u64) {
        for stream in everything(&history).0.values() {
            check_bounds(stream, UnixTime::from_seconds(at))?;
        }
    }

    #[test]
    fn any_text_is_of_a_class_and_projects(
        topic in prop::sample::select(&MAPS),
        payload in prop_oneof![".*", any_json(), any_payload().prop_flat_map(|value| cut(value.to_string()))],
    ) {
        let sample = event(1, 0, 0, 0, &json!({"topic": [topic]}));
        let event = ContractEvent { payload: payload.into(), ..sample };
        let mut streams = Streams::new();
        let projected = project(&mut streams, |_| true, [&event]);
        let class = classify(&event).class;
        prop_assert_eq!(projected.unprojected.len(), usize::from(class == Class::Unreadable));
    }
}

fn check_bounds(stream: &ChainStream, at: UnixTime) -> Result<(), TestCaseError> {
    let balance = stream.balance_at(at).unwrap();
    let flow = stream.details().flow().unwrap();
    let amounts = [
        flow.withdrawn,
        flow.schedule.deposit,
        balance.streamed,
        balance.withdrawable,
        balance.remaining,
        balance.refunded,
    ];
    prop_assert!(amounts.iter().all(|amount| !amount.is_negative()));
    prop_assert!(balance.streamed <= flow.schedule.deposit);
    Ok(())
}

/// Any JSON, as a whole or as topic and value of a payload.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        prop::sample::select(&MAPS).prop_map(|value| json!(value)),
        "[0-9]{0,3}|.*".prop_map(|value| json!(value)),
    ];
    let json = leaf.prop_recursive(3, 24, 5, |inner| {
        let key =
            prop_oneof![Just("topic".to_owned()), Just("value".to_owned()), Just("stream_id".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|map| json!(map)),
        ]
    });
    (json.clone(), json, any::<bool>()).prop_map(|(topic, value, whole)| {
        if whole { json!({"topic": topic, "value": value}).to_string() } else { value.to_string() }
    })
}

/// A text, cut at some character.
fn cut(text: String) -> impl Strategy<Value = String> {
    any::<prop::sample::Index>().prop_map(move |end| text.chars().take(end.index(text.len())).collect())
}
