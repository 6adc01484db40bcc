//! Single rules that the recorded scenarios do not cover or do not name.

use fluxora_stream::{Changes, EventKind, Kind, Status, StreamId, V9State, V9Stream};
use jiff::Timestamp;

use crate::projection::{Anomaly, Class, Projected, Streams, classify, project};
use crate::{ChainPosition, ContractEvent, Opaque};

const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";
pub(super) const SENDER: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
pub(super) const RECIPIENT: &str = "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H";

/// From second 0 to 100 with a cliff at 50; the deposit is enough for one in each second.
pub(super) fn created(id: u64) -> String {
    format!(
        r#"{{"topic":["created","{id}"],"value":{{"stream_id":"{id}","sender":"{SENDER}","recipient":"{RECIPIENT}",
        "deposit_amount":"100","rate_per_second":"1","start_time":"0","cliff_time":"50","end_time":"100",
        "withdraw_dust_threshold":"0","memo":null,"metadata":null,"added":{{"later":[1]}}}}}}"#
    )
}

fn withdrew(amount: u64) -> String {
    let value = format!(r#"{{"stream_id":"0","recipient":"{RECIPIENT}","amount":"{amount}"}}"#);
    format!(r#"{{"topic":["withdrew","0"],"value":{value}}}"#)
}

pub(super) fn transfer(to: &str, amount: u64) -> String {
    format!(r#"{{"topic":["transfer","{CONTRACT}","{to}","native"],"value":{{"amount":"{amount}"}}}}"#)
}

pub(super) fn named(topic: &str, name: &str) -> String {
    format!(r#"{{"topic":["{topic}","0"],"value":["{name}","0"]}}"#)
}

fn event(second: u32, place: u32, topic: &str, payload: &str) -> ContractEvent {
    let opaque = |text: &str| Opaque::new(text).unwrap();
    ContractEvent {
        id: opaque(&format!("{second}-{place}")),
        position: ChainPosition { ledger: second, transaction: 1, operation: 0, event: place },
        contract: opaque(CONTRACT),
        topic: opaque(topic),
        tx_hash: opaque(&format!("tx{second}")),
        happened_at: Timestamp::from_millisecond(i64::from(second) * 1000 + 999).unwrap(),
        payload: payload.into(),
        invocation: None,
    }
}

/// One transaction: its payloads, whose topics are read from them.
pub(super) fn transaction(second: u32, payloads: impl IntoIterator<Item = String>) -> Vec<ContractEvent> {
    let topic = |payload: &str| payload.split('"').nth(3).unwrap().to_owned();
    let events = (0..).zip(payloads);
    events.map(|(place, payload)| event(second, place, &topic(&payload), &payload)).collect()
}

pub(super) fn id() -> StreamId {
    StreamId::parse(&format!("{CONTRACT}-0")).unwrap()
}

pub(super) fn all(streams: &mut Streams, transactions: &[Vec<ContractEvent>]) -> Projected {
    project(streams, |_| true, transactions.iter().flatten())
}

/// Stream 0 after these transactions, and the result of the projection.
fn one(transactions: &[Vec<ContractEvent>]) -> (V9Stream, Projected) {
    let mut streams = Streams::new();
    let projected = all(&mut streams, transactions);
    (streams.remove(&id()).unwrap().of_family().unwrap(), projected)
}

fn kinds(projected: &Projected) -> Vec<EventKind> {
    projected.emitted.iter().map(|event| event.kind).collect()
}

#[track_caller]
fn check_class(topic: &str, payload: &str, class: Class, stream: bool) {
    let found = classify(&event(1, 0, topic, payload));
    let subjects = found.subjects;
    let expect = (class, stream.then(id), None);
    assert_eq!((found.class, subjects.stream, subjects.other), expect, "{payload}");
}

#[test]
fn the_class_of_an_event_follows_from_its_topic_and_the_shape_of_its_payload() {
    check_class("created", &created(0), Class::Stream, true);
    check_class("closed", &named("closed", "StreamClosed"), Class::Stream, true);
    check_class("offr_acc", r#"{"topic":["offr_acc","0"],"value":{}}"#, Class::Protocol, false);
    check_class("AdminUpd", r#"{"topic":["AdminUpd"],"value":["a","b"]}"#, Class::Protocol, false);
    check_class("transfer", &transfer(RECIPIENT, 1), Class::Transfer, false);
    for payload in ["", "{}", "[]", "null", r#"{"topic":"created","value":{}}"#, r#"{"topic":[],"value":{}}"#]
    {
        check_class("created", payload, Class::Unknown, false);
    }
    check_class("mint", r#"{"topic":["mint","a","b"],"value":"1"}"#, Class::Unknown, false);
    check_class("closed", &created(0), Class::Unknown, false);
    check_class("transfer", r#"{"topic":["transfer","a"],"value":"1"}"#, Class::Unknown, false);
    let elsewhere =
        ContractEvent { contract: Opaque::new("contract-1").unwrap(), ..event(1, 0, "created", &created(0)) };
    assert_eq!(classify(&elsewhere).class, Class::Unknown);
}

#[test]
fn a_field_that_is_missing_or_wrong_makes_an_event_unreadable() {
    let payload = created(0);
    for (was, is) in [
        (r#""100","rate"#, r#"100,"rate"#),
        (r#""deposit_amount":"100","#, ""),
        (r#""100","rate"#, r#""-100","rate"#),
        (r#""100","rate"#, r#""0100","rate"#),
        (r#""100","rate"#, r#""170141183460469231731687303715884105728","rate"#),
        (r#""stream_id":"0""#, r#""stream_id":"1""#),
        (SENDER, CONTRACT.trim_start_matches('C')),
        (r#""memo":null"#, r#""memo":"0x0""#),
        (r#""created","0""#, r#""created","0","1""#),
    ] {
        check_class("created", &payload.replace(was, is), Class::Unreadable, true);
    }
    check_class(
        "created",
        &payload.replace(r#"["created","0"]"#, r#"["created",0]"#),
        Class::Unreadable,
        false,
    );
    check_class("closed", &named("closed", "StreamCompleted"), Class::Unreadable, true);
}

#[test]
fn an_unreadable_event_is_counted_on_its_stream_and_reported() {
    let broken = || r#"{"topic":["top_up","0"],"value":{"stream_id":"0"}}"#.to_owned();
    let (stream, projected) = one(&[transaction(0, [created(0)]), transaction(2, [broken(), broken()])]);
    assert_eq!(stream.body.state.on_chain.unprojected_events, 2);
    assert_eq!(kinds(&projected), [EventKind::Created, EventKind::Updated, EventKind::Updated]);
    let changes = Changes { unprojected_events: Some(2), ..Changes::default() };
    assert_eq!(projected.emitted[2].data.changes, Box::new(changes));
    let reported: Vec<_> = projected.unprojected.iter().map(|it| (it.event.as_str(), it.stream)).collect();
    assert_eq!(reported, [("2-0", Some(id())), ("2-1", Some(id()))]);
    assert!(projected.unprojected[0].reason.contains("new_deposit_amount"), "{projected:?}");
}

#[test]
fn an_event_of_an_unknown_stream_changes_nothing() {
    let mut streams = Streams::new();
    let projected = all(&mut streams, &[transaction(2, [withdrew(5), named("closed", "StreamClosed")])]);
    assert_eq!((streams.len(), projected), (0, Projected::default()));
}

#[test]
fn a_withdrawal_takes_out_the_gross_amount_of_its_transfers() {
    let paid = |before: &[String]| {
        let events = transaction(60, before.iter().cloned().chain([withdrew(40)]));
        let (stream, _) = one(&[transaction(0, [created(0)]), events]);
        (stream.body.state.flow.withdrawn.stroops(), stream.body.state.on_chain.inferred.withdrawn)
    };
    assert_eq!(paid(&[transfer(RECIPIENT, 40), transfer(SENDER, 3)]), (43, false));
    assert_eq!(paid(&[transfer(SENDER, 3), transfer(RECIPIENT, 40)]), (40, false), "the fee comes last");
    assert_eq!(paid(&[transfer(SENDER, 3), transfer(SENDER, 3)]), (40, true));
    assert_eq!(paid(&[transfer(RECIPIENT, 40), named("resumed", "Resumed")]), (40, true), "paid for another");
}

#[test]
fn a_completion_settles_an_inferred_withdrawal() {
    let history = [
        transaction(0, [created(0)]),
        transaction(100, [withdrew(98), named("completed", "StreamCompleted")]),
    ];
    let (stream, projected) = one(&history);
    assert_eq!((stream.body.state.flow.withdrawn.stroops(), stream.status), (100, Status::Completed));
    assert!(!stream.body.state.on_chain.inferred.withdrawn);
    assert_eq!(kinds(&projected), [EventKind::Created, EventKind::Withdrawn, EventKind::Completed]);
}

#[test]
fn a_refund_settles_the_kind() {
    let cancelled = |refund| {
        let end = transaction(70, [transfer(SENDER, refund), named("cancelled", "StreamCancelled")]);
        let (stream, _) = one(&[transaction(0, [created(0)]), end]);
        (stream.body.state.flow.schedule.kind, stream.body.state.on_chain.inferred.kind)
    };
    assert_eq!(cancelled(30), (Kind::Linear, false));
    assert_eq!(cancelled(80), (Kind::CliffSlope, false));
    assert_eq!(cancelled(55), (Kind::Linear, true), "neither");
}

#[test]
fn a_withdrawal_makes_a_kind_likelier_and_a_larger_one_proves_the_other() {
    let history =
        [transaction(0, [created(0)]), transaction(70, [withdrew(20)]), transaction(71, [withdrew(30)])];
    let (likelier, _) = one(&history[..2]);
    assert_eq!(
        (likelier.body.state.flow.schedule.kind, likelier.body.state.on_chain.inferred.kind),
        (Kind::CliffSlope, true)
    );
    let (proven, _) = one(&history);
    assert_eq!(
        (proven.body.state.flow.schedule.kind, proven.body.state.on_chain.inferred.kind),
        (Kind::Linear, false)
    );
}

#[test]
fn a_recipient_paid_by_a_keeper_and_paid_again_is_reported() {
    let cancelled = r#"{"topic":["kp_cncl","0"],"value":{"stream_id":"0","keeper":"x","keeper_fee":"0",
        "recipient_amount":"100","sender_refund":"0"}}"#;
    let history = [
        transaction(0, [created(0)]),
        transaction(700_000, [cancelled.to_owned()]),
        transaction(700_001, [withdrew(100)]),
    ];
    let (stream, projected) = one(&history);
    let chain = &stream.body.state.on_chain;
    assert_eq!(
        (stream.body.state.flow.withdrawn.stroops(), chain.keeper_paid_amount.unwrap().stroops()),
        (100, 100)
    );
    let Anomaly::PaidTwice { keeper_paid, again } = projected.anomalies[0].what else {
        panic!("{projected:?}")
    };
    assert_eq!((keeper_paid.stroops(), again.stroops()), (100, 100));
    assert_eq!((projected.anomalies.len(), projected.anomalies[0].event.as_str()), (1, "700001-0"));
}

#[test]
fn a_stream_under_a_reused_id_replaces_the_earlier_one() {
    let mut streams = Streams::new();
    all(&mut streams, &[transaction(0, [created(0)]), transaction(9, [named("closed", "StreamClosed")])]);
    let closed = streams.get_mut(&id()).unwrap();
    assert_eq!(closed.of_family::<V9State>().unwrap().body.state.on_chain.closed_ledger, Some(9));
    closed.event_count = 2;
    let projected = all(&mut streams, &[transaction(10, [created(0)])]);
    let stream = &streams[&id()].of_family::<V9State>().unwrap();
    let chain = &stream.body.state.on_chain;
    assert_eq!((chain.created_ledger, chain.closed_ledger, stream.event_count), (10, None, 2));
    assert_eq!(kinds(&projected), [EventKind::Created]);
    assert_eq!(
        projected.emitted[0].data.changes,
        Box::new(Changes::between(None, stream)),
        "every field is emitted"
    );
}

#[test]
fn seconds_count_and_milliseconds_are_recorded() {
    let (stream, projected) =
        one(&[transaction(0, [created(0)]), transaction(70, [named("cancelled", "StreamCancelled")])]);
    assert_eq!(stream.status, Status::Cancelled { at: Timestamp::from_second(70).unwrap() });
    assert_eq!(stream.updated_at, Timestamp::from_millisecond(70_999).unwrap());
    assert_eq!(projected.emitted[1].at, stream.updated_at);
}

#[test]
fn a_text_with_escapes_is_unescaped() {
    let escaped =
        created(0).replace("created\"", "cre\\u0061ted\"").replace("\"100\"", "\"\\u0031\\u00300\"");
    let (stream, _) = one(&[vec![event(1, 0, "created", &escaped)]]);
    assert_eq!(stream.body.state.flow.schedule.deposit.stroops(), 100);
}

#[test]
fn a_stream_that_paid_out_more_than_its_deposit_is_uncertain_and_reported() {
    let history = [transaction(0, [created(0)]), transaction(60, [withdrew(200)])];
    let (stream, projected) = one(&history);
    let amount = |stroops| fluxora_decimal::Amount::from_stroops(stroops);
    let expect = Anomaly::WithdrawnExceedsDeposit { withdrawn: amount(200), deposit: amount(100) };
    assert_eq!(projected.anomalies.iter().map(|found| found.what).collect::<Vec<_>>(), [expect]);
    assert_eq!(stream.body.state.on_chain.anomalies, 1);
    assert_eq!(projected.emitted[1].data.changes.anomalies, Some(1));
    assert_eq!(stream.balance_at(stream.body.state.flow.schedule.end).unwrap().withdrawable.stroops(), 0);
}

#[test]
fn a_final_status_that_is_left_is_reported() {
    let history = [
        transaction(0, [created(0)]),
        transaction(70, [named("cancelled", "StreamCancelled")]),
        transaction(71, [named("resumed", "Resumed")]),
    ];
    let (stream, projected) = one(&history);
    assert_eq!(
        projected.anomalies[0].what.to_string(),
        "the status changed from cancelled to active, although cancelled is final"
    );
    assert_eq!((stream.status, stream.body.state.on_chain.anomalies), (Status::Active, 1));
}

/// Classes of an event whose text is changed.
fn class_of(topic: &str, payload: &str) -> (Class, Option<StreamId>) {
    let classified = classify(&event(1, 0, topic, payload));
    (classified.class, classified.subjects.stream)
}

#[test]
fn a_part_that_cannot_be_parsed_does_not_make_an_event_unknown() {
    let readable = withdrew(5);
    let amount = |value: &str| readable.replace(r#""amount":"5""#, &format!(r#""amount":{value}"#));
    for unparseable in ["1e999", r#""\ud800""#] {
        let unreadable = (Class::Unreadable, Some(id()));
        assert_eq!(class_of("withdrew", &amount(unparseable)), unreadable);
        let extra = readable.replace("\"value\":{", &format!("\"value\":{{\"zz\":{unparseable},"));
        assert_eq!(class_of("withdrew", &extra), (Class::Stream, Some(id())), "{extra}");
        let topic = readable.replacen(']', &format!(",{unparseable}]"), 1);
        assert_eq!(class_of("withdrew", &topic), unreadable, "{topic}");
        for again in [unparseable, "[]", r#"["withdrew","1"]"#] {
            let after = format!("{},\"topic\":{again}}}", readable.strip_suffix('}').unwrap());
            assert_eq!(class_of("withdrew", &after), unreadable, "{after}");
        }
        let before = format!("{{\"topic\":[],{}", readable.strip_prefix('{').unwrap());
        assert_eq!(class_of("withdrew", &before), unreadable, "{before}");
    }
}
