//! The rules of the table, on values.

use fluxora_stream::{
    AccountId, Cause, Changes, ContractId, EventData, EventKind, LoggedEvent, Retracted, Sequence, Stream,
    StreamEvent, StreamId, TermsDraft, TimeEvent, TimeEventKind, UnixTime,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::instants::{Terms, changes};
use super::{InstantChange, InstantState, StoredInstant, reschedule};

const T0: u64 = 1_767_225_600;
const CLIFF: TimeEvent = event(30, TimeEventKind::CliffReached);
const EXHAUSTED: TimeEvent = event(110, TimeEventKind::Exhausted);
const ENDED: TimeEvent = event(110, TimeEventKind::Ended);

const fn event(second: u64, kind: TimeEventKind) -> TimeEvent {
    TimeEvent { at: UnixTime::from_seconds(T0 + second), kind }
}

fn at(second: u64) -> Timestamp {
    UnixTime::from_seconds(T0 + second).instant()
}

/// From second 10 to second 110, with a cliff at second 30, changed last at `changed`.
fn stream(changed: u64) -> Stream {
    let draft = TermsDraft {
        sender: Some(AccountId::from_public_key([1; 32])),
        recipient: Some(AccountId::from_public_key([2; 32])),
        deposit: Some("100".parse().unwrap()),
        rate: Some("1".parse().unwrap()),
        start: Some(UnixTime::from_seconds(T0 + 10)),
        cliff: Some(UnixTime::from_seconds(T0 + 30)),
        end: None,
    };
    let stream = Stream::create(Uuid::from_u128(7), &draft.settle(at(0)).unwrap(), at(0)).0;
    Stream { updated_at: at(changed), ..stream }
}

fn logged(kind: EventKind, occurred_at: Timestamp, cause: Cause, retracts: Option<Retracted>) -> LoggedEvent {
    let data =
        EventData { cause, changes: Box::new(Changes::default()), settlement: None, retracts, runway: None };
    let stream = stream(0).id();
    let event = StreamEvent { stream, stream_seq: 9, occurred_at, recorded_at: occurred_at, kind, data };
    LoggedEvent { sequence: Sequence(41), event }
}

fn updated() -> LoggedEvent {
    logged(EventKind::Updated, at(1), Cause::Api, None)
}

#[track_caller]
fn check(
    stream: Option<&Stream>,
    stored: &[(TimeEvent, InstantState)],
    log: &LoggedEvent,
    passed: Option<u64>,
    expect: &[InstantChange],
) {
    let id = log.event.stream;
    let stored: Vec<_> = stored
        .iter()
        .map(|(event, state)| StoredInstant { stream: id, event: *event, state: state.clone() })
        .collect();
    let passed = passed.map(|second| UnixTime::from_seconds(T0 + second));
    assert_eq!(reschedule(stream, &stored, &[log], passed), expect);
}

use InstantChange::{Put, Remove};
use InstantState::{Disputed, Due, Emitted, Passed, Unproven};

const SINCE: Sequence = Sequence(41);

fn all(state: &InstantState) -> [(TimeEvent, InstantState); 3] {
    [CLIFF, EXHAUSTED, ENDED].map(|event| (event, state.clone()))
}

/// The instants of `stream`, by terms that changed last at a second.
fn terms(changed: u64, events: &[TimeEvent]) -> Terms {
    Terms { events: events.to_vec(), changed: UnixTime::from_seconds(T0 + changed), are_fixed: false }
}

#[track_caller]
fn check_terms(terms: &Terms, stored: &[(TimeEvent, InstantState)], expect: &[InstantChange]) {
    let log = updated();
    let stored: Vec<_> = stored
        .iter()
        .map(|(event, state)| StoredInstant { stream: log.event.stream, event: *event, state: state.clone() })
        .collect();
    assert_eq!(changes(Some(terms), &stored, &[&log], None), expect);
}

#[test]
fn an_instant_after_the_last_change_is_due_and_one_before_is_proven_first() {
    let every = [CLIFF, EXHAUSTED, ENDED];
    let due = every.map(|event| Put(event, Due));
    check_terms(&terms(0, &every), &[], &due);
    let unproven = Put(CLIFF, Unproven { since: SINCE });
    let expect = [unproven.clone(), Put(EXHAUSTED, Due), Put(ENDED, Due)];
    check_terms(&terms(30, &every), &[], &expect);
    check_terms(&terms(30, &every), &all(&Due), &[unproven]);
}

#[test]
fn the_terms_of_an_api_stream_prove_every_instant() {
    check(Some(&stream(0)), &[], &updated(), None, &[Put(CLIFF, Due), Put(EXHAUSTED, Due), Put(ENDED, Due)]);
    check(Some(&stream(110)), &all(&Due), &updated(), None, &[]);
}

#[test]
fn what_is_over_when_the_table_begins_passes_without_an_event() {
    let expect = [Put(CLIFF, Passed), Put(EXHAUSTED, Due), Put(ENDED, Due)];
    check(Some(&stream(0)), &[], &updated(), Some(109), &expect);
}

#[test]
fn an_instant_of_replaced_terms_goes_unless_it_was_over_before() {
    let (moved, every) = (event(90, TimeEventKind::Ended), [CLIFF, EXHAUSTED, ENDED]);
    let stored = [&all(&Emitted)[..], &[(moved, Due)]].concat();
    check_terms(&terms(89, &every), &stored, &[Remove(moved)]);
    check_terms(&terms(90, &every), &stored, &[Put(moved, Unproven { since: SINCE })]);
}

#[test]
fn a_correction_puts_what_was_emitted_in_doubt() {
    let cause = Cause::Reorg { fork_ledger: 7 };
    let corrected = logged(EventKind::Corrected, at(1), cause.clone(), None);
    let disputed = Disputed { since: SINCE, cause };
    let expect = [CLIFF, EXHAUSTED, ENDED].map(|event| Put(event, disputed.clone()));
    check(Some(&stream(0)), &all(&Emitted), &corrected, None, &expect);
    check(Some(&stream(0)), &all(&Passed), &corrected, None, &[]);
    check(Some(&stream(0)), &all(&Due), &corrected, None, &[]);
}

#[test]
fn an_event_of_other_ledgers_that_occurred_before_an_emitted_instant_puts_it_in_doubt() {
    let contract = ContractId::from_hash([7; 32]);
    let id = StreamId::Chain { contract, number: 0 };
    let at_second = |second: u64| {
        let mut logged = logged(EventKind::Updated, at(second), Cause::Reindex, None);
        logged.event.stream = id;
        logged.event.data.cause = Cause::ContractEvent {
            ledger: 7,
            tx_hash: "tx".to_owned(),
            event_id: "7-1".to_owned(),
            topic: "topped_up".to_owned(),
        };
        logged
    };
    let of = |log: &LoggedEvent| {
        let stored = StoredInstant { stream: id, event: ENDED, state: Emitted };
        reschedule(Some(&stream(0)), &[stored], &[log], None)
    };
    let disputed = |log: &LoggedEvent| Disputed { since: SINCE, cause: log.event.data.cause.clone() };
    let before = at_second(110);
    assert!(of(&before).contains(&Put(ENDED, disputed(&before))));
    let after = at_second(111);
    assert!(!of(&after).iter().any(|change| matches!(change, Put(event, _) if *event == ENDED)));
}

#[test]
fn the_log_says_what_was_emitted_and_taken_back() {
    let emitted = logged(EventKind::CliffReached, CLIFF.at.instant(), Cause::Clock, None);
    check(Some(&stream(0)), &all(&Due), &emitted, None, &[Put(CLIFF, Emitted)]);
    let retracted =
        Retracted { id: "evt".to_owned(), r#type: EventKind::Ended, at: UnixTime::from_seconds(T0 + 90) };
    let gone = event(90, TimeEventKind::Ended);
    let cause = Cause::Reorg { fork_ledger: 7 };
    let taken_back = logged(EventKind::Corrected, at(1), cause, Some(retracted));
    let stored = [&all(&Due)[..], &[(gone, Emitted)]].concat();
    check(Some(&stream(0)), &stored, &taken_back, None, &[Remove(gone)]);
}

#[test]
fn a_removed_stream_has_no_instants() {
    let removed = logged(EventKind::Removed, at(1), Cause::Reorg { fork_ledger: 7 }, None);
    let expect = [CLIFF, EXHAUSTED, ENDED].map(Remove);
    check(None, &all(&Emitted), &removed, None, &expect);
}
