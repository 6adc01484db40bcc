//! Laws that hold for API streams with any terms and any history.

use fluxora_decimal::Amount;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::{
    AccountId, Body, CancelRefused, Cause, ChainBody, Change, ContractId, ContractState, EventKind, OnChain,
    Status, StatusName, Stream, StreamEvent, StreamId, TermsDraft, UnixTime, V9State,
};

fn id() -> uuid::Uuid {
    uuid::Uuid::from_u128(7)
}

fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_767_225_600_250).unwrap() + SignedDuration::from_secs(seconds)
}

fn second(seconds: i64) -> UnixTime {
    UnixTime::of(instant(seconds))
}

fn draft(deposit: i128, rate: i128, start: i64) -> TermsDraft {
    TermsDraft {
        sender: Some(AccountId::from_public_key([1; 32])),
        recipient: Some(AccountId::from_public_key([2; 32])),
        deposit: Some(Amount::from_stroops(deposit)),
        rate: Some(Amount::from_stroops(rate)),
        start: Some(second(start)),
        ..TermsDraft::default()
    }
}

fn create(draft: TermsDraft) -> (Stream, StreamEvent) {
    Stream::create(id(), &draft.settle(instant(0)).unwrap(), instant(0))
}

/// A stream of 100 stroops at 1 stroop a second from `start` on, seen from instant 0.
fn hundred_seconds(start: i64) -> Stream {
    create(draft(100, 1, start)).0
}

/// Terms and steps: `(seconds after the step before, cancel or catch up)`.
fn any_steps() -> impl Strategy<Value = (TermsDraft, Vec<(i64, bool)>)> {
    let terms = (1..10_000_i128, 1..200_i128, -200..200_i64, proptest::option::of(1..400_i64), 0..3_i64);
    let draft = terms.prop_map(|(deposit, rate, start, length, cliff)| {
        let end = length.map(|length| second(start + length));
        let cliff =
            (cliff > 0).then(|| second(start + cliff)).filter(|cliff| end.is_none_or(|end| *cliff <= end));
        TermsDraft { end, cliff, ..draft(deposit.max(rate), rate, start) }
    });
    let steps = proptest::collection::vec((0..120_i64, proptest::bool::weighted(0.2)), 0..6);
    (draft.prop_filter("a sound draft", |draft| draft.settle(instant(0)).is_ok()), steps)
}

/// Runs the steps. Each version of the stream comes with the second from which on it held.
fn run(draft: TermsDraft, steps: &[(i64, bool)]) -> (Vec<(i64, Stream)>, Vec<StreamEvent>) {
    let (stream, created) = create(draft);
    let (mut versions, mut events, mut now) = (vec![(0, stream)], vec![created], 0);
    for (wait, cancel) in steps {
        now += wait;
        let (_, stream) = versions.last().unwrap();
        let change = if *cancel { stream.cancel(instant(now)) } else { Ok(stream.catch_up(instant(now))) };
        if let Ok(Change { stream, events: more }) = change {
            versions.push((now, stream));
            events.extend(more);
        }
    }
    (versions, events)
}

proptest! {
    #[test]
    fn streamed_remaining_and_refunded_are_the_deposit((draft, steps) in any_steps(), at in -300..900_i64) {
        for (since, stream) in run(draft, &steps).0 {
            let balance = stream.balance_at(second(at.max(since))).unwrap();
            let sum = balance.streamed.stroops() + balance.remaining.stroops() + balance.refunded.stroops();
            prop_assert_eq!(sum, stream.details().flow().unwrap().schedule.deposit.stroops());
            prop_assert_eq!(balance.withdrawable.stroops() + balance.withdrawn.stroops(), balance.streamed.stroops());
            prop_assert!(balance.remaining.stroops() >= 0 && balance.refunded.stroops() >= 0);
        }
    }

    #[test]
    fn streamed_never_falls((draft, steps) in any_steps()) {
        let mut last = Amount::ZERO;
        for (since, stream) in run(draft, &steps).0 {
            let streamed = stream.balance_at(second(since)).unwrap().streamed;
            prop_assert!(last <= streamed);
            last = streamed;
        }
    }

    #[test]
    fn an_ended_stream_never_changes_its_balance((draft, steps) in any_steps(), later in 0..10_000_i64) {
        for (since, stream) in run(draft, &steps).0 {
            let ended = stream.status_at(second(since)).is_terminal();
            if ended {
                let then = stream.balance_at(second(since)).unwrap();
                prop_assert_eq!(then, stream.balance_at(second(since + later)).unwrap());
                prop_assert_eq!(then.remaining, Amount::ZERO);
            }
        }
    }

    #[test]
    fn the_events_make_the_stream((draft, steps) in any_steps()) {
        let (versions, events) = run(draft, &steps);
        let replayed = Stream::replay(&events).unwrap();
        prop_assert_eq!(replayed.as_ref(), versions.last().map(|(_, stream)| stream));
        prop_assert!(events.windows(2).all(|pair| pair[0].occurred_at <= pair[1].occurred_at));
        prop_assert!(events.iter().all(|event| event.occurred_at <= event.recorded_at));
    }

    #[test]
    fn a_replay_of_the_history_is_the_stream_at_any_past_second((draft, steps) in any_steps()) {
        let (versions, events) = run(draft, &steps);
        for pair in versions.windows(2) {
            let ((since, stream), (until, _)) = (&pair[0], &pair[1]);
            for at in [*since, (since + until) / 2, until - 1].into_iter().filter(|at| (since..until).contains(&at)) {
                let at = second(at);
                let known = events.iter().filter(|event| UnixTime::of(event.occurred_at) <= at);
                let then = Stream::replay(known).unwrap().unwrap();
                prop_assert_eq!(then.balance_at(at).unwrap(), stream.balance_at(at).unwrap());
                prop_assert_eq!(then.status_at(at), stream.status_at(at));
            }
        }
    }

    #[test]
    fn a_due_transition_counts_before_the_clock_records_it(
        (draft, steps) in any_steps(), at in 0..900_i64,
    ) {
        for (since, stream) in run(draft, &steps).0 {
            let at = at.max(since);
            let caught_up = stream.catch_up(instant(at)).stream;
            prop_assert_eq!(stream.status_at(second(at)), caught_up.status.name());
            prop_assert_eq!(stream.balance_at(second(at)).unwrap(), caught_up.balance_at(second(at)).unwrap());
        }
    }
}

#[test]
fn a_cancelled_stream_stops_accruing_and_refunds_the_rest() {
    let Change { stream, events } = hundred_seconds(0).cancel(instant(40)).unwrap();
    assert_eq!(stream.status, Status::Cancelled { at: instant(40) });
    let [event] = events.as_slice() else { panic!("one event: {events:?}") };
    assert_eq!((event.kind, &event.data.cause), (EventKind::Cancelled, &Cause::Api));
    let settlement = event.data.settlement.unwrap();
    assert_eq!((settlement.streamed_amount.stroops(), settlement.refunded_amount.stroops()), (40, 60));
}

#[test]
fn a_stream_cancelled_before_its_start_refunds_everything() {
    let stream = hundred_seconds(50).cancel(instant(10)).unwrap().stream;
    assert_eq!(stream.balance_at(UnixTime::MAX).unwrap().refunded.stroops(), 100);
}

#[test]
fn an_end_before_the_deposit_is_used_up_refunds_the_rest_at_the_end() {
    let (stream, _) = create(TermsDraft { end: Some(second(30)), ..draft(100, 1, 0) });
    let balance = stream.catch_up(instant(30)).stream.balance_at(UnixTime::MAX).unwrap();
    assert_eq!((balance.streamed.stroops(), balance.refunded.stroops()), (30, 70));
}

#[test]
fn an_ended_stream_cannot_be_cancelled() {
    let refused = |name| Err(CancelRefused::Ended(name));
    let cancelled = hundred_seconds(0).cancel(instant(1)).unwrap().stream;
    assert_eq!(cancelled.cancel(instant(2)), refused(StatusName::Cancelled));
    assert_eq!(hundred_seconds(0).cancel(instant(100)), refused(StatusName::Completed));
}

#[test]
fn a_chain_stream_never_changes_by_the_clock_or_a_cancellation() {
    let api = hundred_seconds(0);
    let flow = *api.details().flow().unwrap();
    let state = ContractState::V9(Box::new(V9State { flow, on_chain: OnChain::default() }));
    let body = ChainBody { contract: ContractId::from_hash([3; 32]), number: 0, state };
    let stream = Stream { body: Body::Chain(Box::new(body)), ..api };
    assert_eq!(stream.cancel(instant(1)), Err(CancelRefused::ChainManaged));
    assert_eq!(stream.catch_up(instant(1_000)).events, []);
    assert_eq!(stream.status_at(second(1_000)), StatusName::Active);
}

#[test]
fn every_event_names_its_cause_and_what_changed() {
    let (stream, created) = create(draft(100, 1, 50));
    let Change { stream, events } = stream.cancel(instant(70)).unwrap();
    assert_eq!(stream.status, Status::Cancelled { at: instant(70) });
    let parts = |event: &StreamEvent| {
        let data = serde_json::to_value(&event.data).unwrap();
        (event.kind, data["cause"]["type"].as_str().unwrap().to_owned(), data["changes"].clone())
    };
    let [started, cancelled] = events.as_slice() else { panic!("two events: {events:?}") };
    assert_eq!(
        parts(started),
        (EventKind::Started, "clock".to_owned(), serde_json::json!({ "status": "active" }))
    );
    let changes = serde_json::json!({ "status": "cancelled", "statusSince": second(70) });
    assert_eq!(parts(cancelled), (EventKind::Cancelled, "api".to_owned(), changes));
    let (kind, cause, changes) = parts(&created);
    assert_eq!(
        (kind, cause.as_str(), changes["status"].as_str()),
        (EventKind::Created, "api", Some("scheduled"))
    );
    assert_eq!(changes.as_object().unwrap().len(), 10, "{changes}");
}

#[test]
fn an_event_out_of_order_is_refused_and_changes_nothing() {
    let (stream, created) = create(draft(100, 1, 50));
    let started = stream.catch_up(instant(60)).events.remove(0);
    for event in [
        StreamEvent { kind: EventKind::Completed, ..started.clone() },
        StreamEvent { kind: EventKind::Paused, ..started.clone() },
        StreamEvent { stream_seq: 3, ..started.clone() },
        StreamEvent { stream: StreamId::api(uuid::Uuid::nil()), ..started.clone() },
        StreamEvent { stream_seq: 2, ..created.clone() },
    ] {
        let mut unchanged = stream.clone();
        let refused = unchanged.apply(&event).unwrap_err();
        assert_eq!((refused.stream_seq, refused.after), (event.stream_seq, 1));
        assert_eq!(unchanged, stream);
    }
    assert!(Stream::replay([&started]).is_err(), "a history begins with its creation");
    let mut incomplete = created;
    incomplete.data.changes.end_time = None;
    assert!(Stream::replay([&incomplete]).is_err(), "a creation gives every term");
}

#[test]
fn an_event_has_an_id_that_fits_a_header() {
    let (_, created) = create(draft(100, 1, 0));
    let id = created.id();
    assert_eq!(id, "evt_00000000-0000-0000-0000-000000000007_1");
    assert!(id.len() <= 64);

    let contract = ContractId::parse("CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE").unwrap();
    let last = StreamEvent { stream: StreamId::chain(contract, u64::MAX), stream_seq: u32::MAX, ..created };
    assert_eq!(last.id(), "evt_CA3D5KRYM6CB7OWQ6TWYRR3Z4T_18446744073709551615_4294967295");
    assert!(last.id().len() <= 64);
}
