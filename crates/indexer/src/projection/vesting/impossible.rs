//! Events that the contract cannot emit: each is applied, and each is reported.

use fluxora_stream::vesting::VestingStream;
use fluxora_stream::{ContractId, StatusName};
use serde_json::{Value, json};

use super::payloads::{RECIPIENT, SENDER, TOKEN};
use super::tests::{action, at, stream, withdrawn};
use super::{Anomaly, BrokenRule, CheckedField, ContractAction, apply, creation_anomalies};

fn refused(rule: BrokenRule) -> Anomaly {
    Anomaly::Refused { rule }
}

fn disagrees(field: CheckedField) -> Anomaly {
    Anomaly::Disagreement { field }
}

/// Applies an event that the contract can emit.
#[track_caller]
fn possible(stream: &mut VestingStream, topics: &[&str], value: &Value, now: u32) {
    assert_eq!(apply(stream, &action(topics, value), at(now)).anomalies, [], "{topics:?}");
}

const PAUSED: [&str; 2] = ["paused", SENDER];
const RESUMED: [&str; 2] = ["resumed", SENDER];
const CANCELLED: [&str; 3] = ["cancelled", SENDER, RECIPIENT];
const TOPPED_UP: [&str; 2] = ["topped_up", SENDER];
const TRANSFERRED: [&str; 3] = ["recipient_transferred", RECIPIENT, TOKEN];

fn paused_stream() -> VestingStream {
    let mut stream = stream();
    possible(&mut stream, &PAUSED, &json!({"paused_at": "110", "paused_total": "0"}), 110);
    stream
}

fn cancelled_stream() -> VestingStream {
    let mut stream = stream();
    let value = json!({"refunded": "600", "vested": "400", "withdrawn": "0", "end_time": "140"});
    possible(&mut stream, &CANCELLED, &value, 140);
    stream
}

fn depleted_stream() -> VestingStream {
    let mut stream = stream();
    assert_eq!(apply(&mut stream, &withdrawn(1000, 1000, 3), at(200)).anomalies, []);
    stream
}

fn with(change: impl FnOnce(&mut VestingStream)) -> VestingStream {
    let mut stream = stream();
    change(&mut stream);
    stream
}

fn paid(amount: u32, total: u32, status: u32) -> Value {
    json!({"amount": amount.to_string(), "withdrawn": total.to_string(), "deposited": "1000", "status": status})
}

fn top_up(amount: u32, deposited: u32, end: u32) -> Value {
    json!({"amount": amount.to_string(), "deposited": deposited.to_string(), "end_time": end.to_string()})
}

/// One impossible event: the stream before it, its topics, value and close time, and what is reported.
type Case<'a> = (VestingStream, &'a [&'a str], Value, u32, Anomaly);

fn withdrawals() -> Vec<Case<'static>> {
    let topics: &[&str] = &["withdrawn", RECIPIENT];
    let status = || disagrees(CheckedField::Status);
    let excess = Anomaly::WithdrawnExceedsVested { withdrawn: 501, vested: 500 };
    vec![
        (stream(), topics, paid(0, 0, 0), 150, refused(BrokenRule::AmountNotPositive)),
        (stream(), topics, paid(501, 501, 0), 150, excess),
        (stream(), topics, paid(1000, 1000, 0), 200, status()),
        (stream(), topics, paid(5, 5, 1), 150, status()),
        (stream(), topics, paid(5, 5, 2), 150, status()),
        (stream(), topics, paid(5, 5, 3), 150, status()),
        (paused_stream(), topics, paid(5, 5, 0), 150, status()),
        (depleted_stream(), topics, paid(1, 1001, 0), 210, status()),
        (cancelled_stream(), topics, paid(400, 400, 3), 150, status()),
        (stream(), &["withdrawn", SENDER], paid(5, 5, 0), 150, disagrees(CheckedField::Recipient)),
    ]
}

fn pauses_and_cancellations() -> Vec<Case<'static>> {
    let pause = |at: u32| json!({"paused_at": at.to_string(), "paused_total": "0"});
    let resume = json!({"paused_duration": "0", "paused_total": "0"});
    let cancel = json!({"refunded": "500", "vested": "500", "withdrawn": "0", "end_time": "150"});
    let is_final = || refused(BrokenRule::StreamIsFinal);
    let fixed = with(|stream| stream.body.state.cancellable = false);
    let running = with(|stream| stream.body.state.pausable = false);
    vec![
        (paused_stream(), &PAUSED, pause(150), 150, disagrees(CheckedField::PausedAt)),
        (running, &PAUSED, pause(150), 150, refused(BrokenRule::NotPausable)),
        (cancelled_stream(), &PAUSED, pause(150), 150, is_final()),
        (depleted_stream(), &PAUSED, pause(250), 250, is_final()),
        (stream(), &RESUMED, resume.clone(), 150, disagrees(CheckedField::PausedDuration)),
        (cancelled_stream(), &RESUMED, resume, 150, is_final()),
        (fixed, &CANCELLED, cancel.clone(), 150, refused(BrokenRule::NotCancellable)),
        (cancelled_stream(), &CANCELLED, cancel.clone(), 150, is_final()),
        (depleted_stream(), &CANCELLED, cancel, 250, is_final()),
    ]
}

fn top_ups_and_transfers() -> Vec<Case<'static>> {
    let wrong_end = || refused(BrokenRule::WrongEndAfterTopUp);
    let step = || with(|stream| stream.body.state.schedule.curve = fluxora_stream::vesting::Curve::Step);
    let fixed = with(|stream| stream.body.state.transferable = false);
    let abi_2 = json!({"sender": SENDER});
    let same: &[&str] = &["recipient_transferred", RECIPIENT, RECIPIENT];
    let other: &[&str] = &["recipient_transferred", SENDER, TOKEN];
    vec![
        (cancelled_stream(), &TOPPED_UP, top_up(500, 900, 190), 150, refused(BrokenRule::StreamIsFinal)),
        (depleted_stream(), &TOPPED_UP, top_up(500, 1500, 250), 250, refused(BrokenRule::StreamIsFinal)),
        (stream(), &TOPPED_UP, top_up(0, 1000, 200), 150, refused(BrokenRule::AmountNotPositive)),
        (stream(), &TOPPED_UP, top_up(100, 1100, 210), 200, refused(BrokenRule::ScheduleEnded)),
        (stream(), &TOPPED_UP, top_up(100, 1100, 190), 150, wrong_end()),
        (stream(), &TOPPED_UP, top_up(100, 1100, 200), 150, wrong_end()),
        (stream(), &TOPPED_UP, top_up(100, 1100, 211), 150, wrong_end()),
        (stream(), &TOPPED_UP, top_up(9, 1009, 200), 150, wrong_end()),
        (step(), &TOPPED_UP, top_up(100, 1100, 205), 150, wrong_end()),
        (stream(), &TOPPED_UP, top_up(100, 1101, 210), 150, disagrees(CheckedField::Deposited)),
        (fixed, &TRANSFERRED, json!({}), 150, refused(BrokenRule::NotTransferable)),
        (stream(), same, json!({}), 150, refused(BrokenRule::RecipientUnchanged)),
        (stream(), other, json!({}), 150, disagrees(CheckedField::Recipient)),
        (depleted_stream(), &TRANSFERRED, abi_2, 250, refused(BrokenRule::NothingLeftToPay)),
    ]
}

fn grants() -> Vec<Case<'static>> {
    let ops = |ops: u32| json!({"ops": ops, "expires_at": null});
    let by_sender: &[&str] = &["delegate_granted", SENDER, TOKEN];
    let by_recipient: &[&str] = &["delegate_granted", RECIPIENT, TOKEN];
    let revoked: &[&str] = &["delegate_revoked", TOKEN, TOKEN];
    let wrong = || refused(BrokenRule::WrongGrantor);
    vec![
        (stream(), by_sender, ops(0), 150, refused(BrokenRule::NoKnownOperation)),
        (stream(), by_sender, ops(64), 150, refused(BrokenRule::NoKnownOperation)),
        (stream(), by_sender, ops(1), 150, wrong()),
        (stream(), by_sender, ops(3), 150, wrong()),
        (stream(), by_recipient, ops(2), 150, wrong()),
        (stream(), revoked, json!({}), 150, wrong()),
    ]
}

#[test]
fn each_event_that_the_contract_cannot_emit_is_reported() {
    let cases = [withdrawals(), pauses_and_cancellations(), top_ups_and_transfers(), grants()].concat();
    for (mut stream, topics, value, now, expected) in cases {
        let status = stream.status.name();
        let applied = apply(&mut stream, &action(topics, &value), at(now));
        assert!(
            applied.anomalies.contains(&expected),
            "{topics:?} {value} on {status}: {:?}",
            applied.anomalies
        );
    }
}

#[test]
fn a_sum_beyond_its_type_never_agrees_with_an_event() {
    let most = i128::MAX.to_string();
    let longest = u64::MAX.to_string();
    let full = || {
        with(|stream| {
            stream.body.state.schedule.deposited = i128::MAX;
            stream.body.state.withdrawn = i128::MAX;
            stream.body.state.schedule.pauses.paused_total = u64::MAX;
        })
    };
    let value = json!({"amount": most, "withdrawn": most, "deposited": most, "status": 3, "refunded": most,
        "vested": most, "end_time": longest, "paused_duration": longest, "paused_total": longest});
    let cases: [(&[&str], CheckedField); 4] = [
        (&["withdrawn", RECIPIENT], CheckedField::Withdrawn),
        (&CANCELLED, CheckedField::Deposited),
        (&TOPPED_UP, CheckedField::Deposited),
        (&RESUMED, CheckedField::PausedTotal),
    ];
    for (topics, field) in cases {
        let applied = apply(&mut full(), &action(topics, &value), at(150));
        assert!(applied.anomalies.contains(&disagrees(field)), "{topics:?}: {:?}", applied.anomalies);
    }
}

#[test]
fn what_the_contract_permits_is_not_reported() {
    let step = with(|stream| stream.body.state.schedule.curve = fluxora_stream::vesting::Curve::Step);
    let both = [&["delegate_granted", SENDER, TOKEN], &["delegate_granted", RECIPIENT, TOKEN]];
    let cancel = json!({"refunded": "0", "vested": "1000", "withdrawn": "0", "end_time": "250"});
    let pause = json!({"paused_at": "250", "paused_total": "0"});
    let cases: [(VestingStream, &[&str], Value, u32); 9] = [
        (step.clone(), &TOPPED_UP, top_up(100, 1100, 200), 150),
        (step, &TOPPED_UP, top_up(100, 1100, 210), 160),
        (paused_stream(), &TOPPED_UP, top_up(100, 1100, 210), 150),
        (stream(), &CANCELLED, cancel, 250),
        (stream(), &PAUSED, pause, 250),
        (cancelled_stream(), &TRANSFERRED, json!({}), 150),
        (stream(), both[0], json!({"ops": 94, "expires_at": null}), 150),
        (stream(), both[1], json!({"ops": 97, "expires_at": "160"}), 150),
        (stream(), &["delegate_revoked", RECIPIENT, TOKEN], json!({}), 150),
    ];
    for (mut stream, topics, value, now) in cases {
        possible(&mut stream, topics, &value, now);
    }
}

#[test]
fn each_term_that_the_contract_refuses_on_creation_is_reported() {
    let rules = |field: &str, value: Value| {
        let mut terms = json!({"token": TOKEN, "deposited": "1000", "start_time": "100", "end_time": "200",
            "cliff_time": "100", "cancellable": true, "pausable": true, "transferable": true});
        terms[field] = value;
        let recipient = if field == "same" { SENDER } else { RECIPIENT };
        match action(&["stream_created", SENDER, recipient], &terms).action {
            ContractAction::Created(created) => creation_anomalies(&created),
            other => panic!("{other:?}"),
        }
    };
    let cases = [
        ("same", json!(true), vec![BrokenRule::SenderIsRecipient]),
        ("deposited", json!("0"), vec![BrokenRule::DepositNotPositive, BrokenRule::DepositBelowDuration]),
        ("deposited", json!("99"), vec![BrokenRule::DepositBelowDuration]),
        ("deposited", json!(i128::MAX.to_string()), vec![BrokenRule::DepositTimesDurationTooLarge]),
        ("end_time", json!("99"), vec![BrokenRule::EndNotAfterStart, BrokenRule::CliffOutsideSchedule]),
        ("cliff_time", json!("99"), vec![BrokenRule::CliffOutsideSchedule]),
        ("cliff_time", json!("201"), vec![BrokenRule::CliffOutsideSchedule]),
        ("reference", json!("x".repeat(65)), vec![BrokenRule::ReferenceTooLong]),
        ("reference", json!("x".repeat(64)), vec![]),
        ("deposited", json!("100"), vec![]),
        ("cliff_time", json!("200"), vec![]),
    ];
    for (field, value, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(refused).collect();
        assert_eq!(rules(field, value.clone()), expected, "{field} {value}");
    }
}

#[test]
fn a_stream_with_the_status_cancelled_has_no_rate_also_without_a_cancellation() {
    let mut stream = stream();
    apply(&mut stream, &withdrawn(5, 5, 2), at(150));
    let status = stream.status.name();
    let state = &stream.body.state;
    assert_eq!((status, state.cancellation), (StatusName::Cancelled, None));
    assert_eq!((state.average_rate(status), state.exact_rate(status)), (None, None));
}

#[test]
fn a_creation_with_refused_terms_is_projected_and_marked_uncertain() {
    let contract = ContractId::from_hash([1; 32]);
    let payload = json!({"topic": ["stream_created", "0", SENDER, SENDER], "value": {"token": TOKEN,
        "deposited": "1000", "start_time": "100", "end_time": "200", "cliff_time": "100",
        "cancellable": true, "pausable": true, "transferable": true}});
    let event = super::tests::stored(contract, &payload);
    let mut streams = crate::projection::Streams::new();
    let projected = crate::projection::project(&mut streams, |_| true, [&event]);
    let reported: Vec<_> = projected.anomalies.iter().map(|one| one.what.to_string()).collect();
    let expected = "the contract refuses the call that the event reports: sender and recipient are the same";
    assert_eq!(reported, [expected]);
    let stream = streams.into_values().next().unwrap();
    assert_eq!(stream.details().vesting().unwrap().anomalies, 1);
}
