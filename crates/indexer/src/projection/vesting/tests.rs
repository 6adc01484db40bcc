//! Single rules of applying, where the recorded scenarios do not name them.

use fluxora_stream::vesting::{Abi, Cancellation, DelegateOperation, Grant, PauseClock, VestingStream};
use fluxora_stream::{Address, ContractId, EventKind, StatusName, UnixTime};
use serde_json::{Value, json};

use super::payloads::{RECIPIENT, SENDER, TOKEN};
use super::{
    Anomaly, Applied, BrokenRule, CheckedField, ContractAction, ContractHalt, Decoded, EventContext,
    HaltAction, StreamAction, apply, create, decode, liabilities,
};
use crate::{ChainPosition, ContractEvent, Opaque};

pub(super) fn second(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

pub(super) fn at(seconds: u32) -> EventContext {
    let position = ChainPosition { ledger: seconds, transaction: 1, operation: 0, event: 0 };
    EventContext { position, close_time: second(seconds.into()) }
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(super) fn action(topics: &[&str], value: &Value) -> StreamAction {
    let topic: Vec<&str> = [&topics[..1], &["0"], &topics[1..]].concat();
    match decode(topics[0], &json!({"topic": topic, "value": value}).to_string()) {
        Ok(Decoded::Stream(action)) => action,
        other => panic!("{other:?}"),
    }
}

/// An event as it is stored.
pub(super) fn stored(contract: ContractId, payload: &Value) -> ContractEvent {
    let opaque = |text: &str| Opaque::new(text).unwrap();
    ContractEvent {
        id: opaque("1-0"),
        position: ChainPosition { ledger: 1, transaction: 1, operation: 0, event: 0 },
        contract: opaque(&contract.to_string()),
        topic: opaque(payload["topic"][0].as_str().unwrap()),
        tx_hash: opaque("hash"),
        happened_at: jiff::Timestamp::UNIX_EPOCH,
        payload: payload.to_string().into(),
        invocation: None,
    }
}

/// 1000 from second 100 to 200, without a cliff.
pub(super) fn stream() -> VestingStream {
    let terms = json!({"token": TOKEN, "deposited": "1000", "start_time": "100", "end_time": "200",
        "cliff_time": "100", "cancellable": true, "pausable": true, "transferable": true});
    let StreamAction { abi, action, .. } = action(&["stream_created", SENDER, RECIPIENT], &terms);
    let ContractAction::Created(created) = action else { panic!("a creation") };
    create((ContractId::from_hash([1; 32]), 0), &created, abi, "hash", at(90))
}

fn paused(stream: &mut VestingStream, since: u32) -> Applied {
    let value = json!({"paused_at": since.to_string(), "paused_total": "0"});
    apply(stream, &action(&["paused", SENDER], &value), at(since))
}

pub(super) fn withdrawn(amount: u32, total: u32, status: u32) -> StreamAction {
    let value = json!({"amount": amount.to_string(), "withdrawn": total.to_string(), "deposited": "1000",
        "status": status});
    action(&["withdrawn", RECIPIENT], &value)
}

fn disagreement(field: CheckedField) -> Vec<Anomaly> {
    vec![Anomaly::Disagreement { field }]
}

fn refused(rule: BrokenRule) -> Vec<Anomaly> {
    vec![Anomaly::Refused { rule }]
}

#[test]
fn a_withdrawal_that_empties_a_paused_stream_ends_the_pause_at_the_close_time() {
    let mut stream = stream();
    paused(&mut stream, 205);
    let applied = apply(&mut stream, &withdrawn(1000, 1000, 3), at(220));
    assert_eq!(applied.events, [EventKind::Withdrawn, EventKind::Depleted]);
    assert_eq!(applied.anomalies, []);
    assert_eq!(stream.body.state.schedule.pauses, PauseClock { paused_at: None, paused_total: 15 });
    assert_eq!((stream.status.name(), stream.body.state.abi), (StatusName::Depleted, Abi::V1));
}

#[test]
fn pause_fields_of_a_withdrawal_are_taken_as_given_each_for_itself() {
    let pauses = |field: &str, given: Value| {
        let mut stream = stream();
        paused(&mut stream, 230);
        let mut value = json!({"amount": "1000", "withdrawn": "1000", "deposited": "1000", "status": 3});
        value[field] = given;
        let applied = apply(&mut stream, &action(&["withdrawn", RECIPIENT], &value), at(240));
        assert_eq!(stream.body.state.abi, Abi::V2);
        (
            stream.body.state.schedule.pauses.paused_at.map(UnixTime::seconds),
            stream.body.state.schedule.pauses.paused_total,
            applied.anomalies,
        )
    };
    assert_eq!(pauses("paused_total", json!("10")), (None, 10, vec![]));
    assert_eq!(pauses("paused_at", Value::Null), (None, 10, vec![]));
    assert_eq!(pauses("paused_total", json!("12")), (None, 12, disagreement(CheckedField::PausedTotal)));
    let kept = [
        Anomaly::Disagreement { field: CheckedField::PausedAt },
        Anomaly::PauseDisagreesWithStatus { status: StatusName::Depleted },
    ];
    assert_eq!(pauses("paused_at", json!("230")), (Some(230), 10, kept.to_vec()));
}

#[test]
fn a_cancelled_stream_stays_cancelled_when_it_is_emptied_and_has_no_rate() {
    let mut stream = stream();
    assert_eq!(stream.body.state.average_rate(stream.status.name()), Some(10));
    let cancelled = json!({"refunded": "600", "vested": "400", "withdrawn": "0", "end_time": "140"});
    let applied = apply(&mut stream, &action(&["cancelled", SENDER, RECIPIENT], &cancelled), at(140));
    assert_eq!((applied.events, applied.anomalies), (&[EventKind::Cancelled][..], vec![]));
    let before = Cancellation { deposited: 1000, end: second(200) };
    assert_eq!((stream.body.state.refunded, stream.body.state.cancellation), (600, Some(before)));
    let value = json!({"amount": "400", "withdrawn": "400", "deposited": "400", "status": 2});
    let applied = apply(&mut stream, &action(&["withdrawn", RECIPIENT], &value), at(141));
    assert_eq!((applied.events, applied.anomalies), (&[EventKind::Withdrawn][..], vec![]));
    assert_eq!(
        (
            stream.status.name(),
            stream.body.state.liability(),
            stream.body.state.average_rate(stream.status.name())
        ),
        (StatusName::Cancelled, 0, None)
    );
}

#[test]
fn a_top_up_and_a_new_recipient_are_updates() {
    let mut stream = stream();
    let value = json!({"amount": "100", "deposited": "1100", "end_time": "210"});
    let applied = apply(&mut stream, &action(&["topped_up", SENDER], &value), at(120));
    assert_eq!((applied.events, applied.anomalies), (&[EventKind::Updated][..], vec![]));
    assert_eq!((stream.body.state.schedule.deposited, stream.body.state.schedule.end), (1100, second(210)));
    let applied =
        apply(&mut stream, &action(&["recipient_transferred", RECIPIENT, SENDER], &json!({})), at(121));
    assert_eq!((applied.events, applied.anomalies), (&[EventKind::Updated][..], vec![]));
    assert_eq!(stream.recipient, address(SENDER));
}

#[test]
fn what_changes_nothing_yields_no_event_and_leaves_no_trace() {
    let mut stream = stream();
    stream.body.state.abi = Abi::V2;
    let before = stream.clone();
    let unchanged = [
        action(&["ttl_extended"], &json!({"extended_to_ledgers": 518_400})),
        action(&["delegate_revoked", SENDER, TOKEN], &json!({})),
    ];
    for event in unchanged {
        assert_eq!(apply(&mut stream, &event, at(120)), Applied::default());
        assert_eq!(stream, before);
    }
}

#[test]
fn the_first_event_that_shows_abi_2_is_an_update_also_if_it_changes_nothing_else() {
    let mut stream = stream();
    let before = stream.clone();
    let revoked = action(&["delegate_revoked", SENDER, TOKEN], &json!({}));
    assert_eq!(apply(&mut stream, &revoked, at(120)).events, [EventKind::Updated]);
    assert_eq!(stream.body.state.abi, Abi::V2);
    stream.body.state.abi = before.body.state.abi;
    assert_eq!(stream, before);
}

#[test]
fn a_grant_replaces_the_delegate_s_older_one_until_it_is_revoked() {
    let mut stream = stream();
    let grant = |ops: u32, expires_at: Value| {
        action(&["delegate_granted", SENDER, TOKEN], &json!({"ops": ops, "expires_at": expires_at}))
    };
    for (event, changed) in
        [(grant(6, Value::Null), true), (grant(6, Value::Null), false), (grant(68, json!("150")), true)]
    {
        assert_eq!(!apply(&mut stream, &event, at(120)).events.is_empty(), changed);
    }
    let expected = Grant { grantor: address(SENDER), operations: 68, expires_at: Some(second(150)) };
    assert_eq!(
        stream.body.state.delegates.clone().into_iter().collect::<Vec<_>>(),
        [(address(TOKEN), expected)]
    );
    assert_eq!(stream.body.state.abi, Abi::V2);
    let applied = apply(&mut stream, &action(&["delegate_revoked", RECIPIENT, TOKEN], &json!({})), at(130));
    assert_eq!((applied.events, stream.body.state.delegates.len()), (&[EventKind::Updated][..], 0));
}

#[test]
fn a_grant_permits_what_its_bits_name_until_it_expires() {
    let grant = Grant { grantor: address(SENDER), operations: 68, expires_at: Some(second(150)) };
    let permitted = |now| DelegateOperation::ALL.map(|operation| grant.permits(operation, second(now)));
    assert_eq!(permitted(150), [false, false, false, true, false, false], "4 is pause, 64 is not known");
    assert_eq!(permitted(151), [false; 6]);
    let bits: u32 = DelegateOperation::ALL.map(DelegateOperation::bit).iter().sum();
    assert_eq!(bits, 63, "each operation has its own bit");
}

#[test]
fn an_event_that_contradicts_the_state_is_applied_and_reported() {
    let mut stream = stream();
    let applied = apply(&mut stream, &withdrawn(5, 25, 0), at(150));
    assert_eq!((stream.body.state.withdrawn, applied.anomalies), (25, disagreement(CheckedField::Withdrawn)));
    let value = json!({"amount": "1", "deposited": "3000", "end_time": "400"});
    let applied = apply(&mut stream, &action(&["topped_up", SENDER], &value), at(150));
    assert_eq!(
        (stream.body.state.schedule.deposited, applied.anomalies),
        (3000, [disagreement(CheckedField::Deposited), refused(BrokenRule::WrongEndAfterTopUp)].concat())
    );
    let value = json!({"paused_at": "151", "paused_total": "7"});
    let applied = apply(&mut stream, &action(&["paused", RECIPIENT], &value), at(150));
    let fields = [CheckedField::Sender, CheckedField::PausedAt, CheckedField::PausedTotal];
    let mut expected: Vec<_> = fields.map(|field| Anomaly::Disagreement { field }).to_vec();
    expected.push(Anomaly::VestedFell { before: 500, after: 440 });
    assert_eq!(applied.anomalies, expected);
    let value = json!({"paused_duration": "3", "paused_total": "9"});
    let applied = apply(&mut stream, &action(&["resumed", SENDER], &value), at(160));
    let fields = [CheckedField::PausedDuration, CheckedField::PausedTotal];
    assert_eq!(applied.anomalies, fields.map(|field| Anomaly::Disagreement { field }));
    let value =
        json!({"refunded": "1", "vested": "2", "withdrawn": "24", "end_time": "400", "paused_total": "1"});
    let applied = apply(&mut stream, &action(&["cancelled", SENDER, SENDER], &value), at(160));
    let fields = [
        CheckedField::Recipient,
        CheckedField::Withdrawn,
        CheckedField::Deposited,
        CheckedField::Vested,
        CheckedField::End,
        CheckedField::PausedTotal,
    ];
    assert_eq!(applied.anomalies[..6], fields.map(|field| Anomaly::Disagreement { field }));
    assert_eq!((stream.status.name(), stream.body.state.schedule.deposited), (StatusName::Cancelled, 2));
}

#[test]
fn withdrawable_is_0_where_more_was_withdrawn_than_has_vested() {
    let mut stream = stream();
    let applied = apply(&mut stream, &withdrawn(700, 700, 0), at(150));
    assert_eq!(applied.anomalies, [Anomaly::WithdrawnExceedsVested { withdrawn: 700, vested: 500 }]);
    assert_eq!(
        (stream.body.state.withdrawable(second(150)), stream.body.state.withdrawable(second(180))),
        (0, 100)
    );
    let applied = apply(&mut stream, &withdrawn(600, 1300, 3), at(200));
    let expected = [
        Anomaly::WithdrawnExceedsVested { withdrawn: 1300, vested: 1000 },
        Anomaly::WithdrawnExceedsDeposited { withdrawn: 1300, deposited: 1000 },
    ];
    assert_eq!((stream.body.state.liability(), applied.anomalies), (-300, expected.to_vec()));
}

#[test]
fn a_final_status_that_is_left_and_a_depleted_stream_that_is_not_empty_are_reported() {
    let mut stream = stream();
    let applied = apply(&mut stream, &withdrawn(10, 10, 3), at(150));
    let status = Anomaly::Disagreement { field: CheckedField::Status };
    let expected = [status, Anomaly::DepletedButNotEmpty { withdrawn: 10, deposited: 1000 }];
    assert_eq!(applied.anomalies, expected);
    let applied = apply(&mut stream, &withdrawn(10, 20, 0), at(150));
    let left = Anomaly::FinalStatusLeft { from: StatusName::Depleted, to: StatusName::Active };
    assert_eq!(applied.anomalies, [status, left]);
}

#[test]
fn a_second_creation_changes_nothing_and_is_reported() {
    let mut stream = stream();
    let before = stream.clone();
    let terms = json!({"token": TOKEN, "deposited": "1", "start_time": "1", "end_time": "2", "cliff_time": "1",
        "cancellable": true, "pausable": true, "transferable": true});
    let applied = apply(&mut stream, &action(&["stream_created", SENDER, RECIPIENT], &terms), at(120));
    assert_eq!(applied, Applied { events: &[], anomalies: vec![Anomaly::CreatedAgain] });
    assert_eq!(stream, before);
}

#[test]
fn the_emergency_stop_lasts_from_its_halt_to_its_end() {
    let mut halt = ContractHalt::default();
    let operator = address(TOKEN);
    assert_eq!(halt.apply(&HaltAction::OperatorSet { operator }, at(100)), []);
    assert_eq!(halt.apply(&HaltAction::Halted { operator, halted_at: second(110) }, at(110)), []);
    assert_eq!(halt, ContractHalt { operator: Some(operator), halted_at: Some(second(110)) });
    let resumed = |halted_for| HaltAction::Resumed { operator, resumed_at: second(130), halted_for };
    assert_eq!(halt.clone().apply(&resumed(20), at(130)), []);
    assert_eq!(halt.apply(&resumed(19), at(130)), disagreement(CheckedField::HaltTime));
    assert_eq!(halt, ContractHalt { operator: Some(operator), halted_at: None });
    let other = address(SENDER);
    let applied = halt.apply(&HaltAction::Halted { operator: other, halted_at: second(140) }, at(140));
    assert_eq!(applied, disagreement(CheckedField::HaltOperator));
    let applied = halt.apply(&HaltAction::OperatorSet { operator: other }, at(150));
    assert_eq!(applied, disagreement(CheckedField::HaltOperator));
}

#[test]
fn liabilities_are_added_for_each_token_and_not_across_tokens() {
    let (mut one, mut two) = (stream(), stream());
    one.body.state.withdrawn = 1200;
    two.body.state.withdrawn = 100;
    let mut other = stream();
    other.body.state.token = address(SENDER);
    let totals: Vec<_> = liabilities([&one, &two, &other]).into_values().collect();
    assert_eq!(totals.iter().sum::<i128>(), 1700);
    assert_eq!(liabilities([&one, &two, &other])[&address(TOKEN)], 700);
}
