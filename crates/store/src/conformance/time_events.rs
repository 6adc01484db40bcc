//! What every backend must make of the instants of streams.

use fluxora_stream::{
    Cause, EventKind, LoggedEvent, Origin, Sequence, StreamId, TermsDraft, TimeEvent, TimeEventKind, UnixTime,
};
use futures_util::future::join_all;
use jiff::Timestamp;

use std::collections::{BTreeMap, BTreeSet};

use super::chain::{Branch, MAIN, closed_at, vesting_steps as vesting};
use super::fixtures::*;
use crate::time_events::StoredInstant;
use crate::{EventFilter, Store, StreamStore};

/// From second 10 to second 110, with a cliff at second 30.
fn with_a_cliff() -> TermsDraft {
    TermsDraft { start: Some(second(10)), cliff: Some(second(30)), ..draft() }
}

/// One tick of the stream clock, as its worker makes it.
pub(super) async fn tick(store: &impl Store, now: Timestamp) -> usize {
    store.record_due(now, 100).await.unwrap();
    while store.schedule_time_events(now, 3).await.unwrap().more {}
    let before = store.head().await.unwrap();
    let mut last: Option<StoredInstant> = None;
    loop {
        let open = store.open_instants(last.as_ref(), 2).await.unwrap();
        for instant in &open {
            let then = store.stream_at(&instant.stream, instant.event.at).await.unwrap();
            let holds = then.is_some_and(|then| then.time_events().contains(&instant.event));
            store.settle_instant(instant, holds, now).await.unwrap();
        }
        let Some(newest) = open.last() else { break };
        last = Some(newest.clone());
    }
    let mut events = 0;
    loop {
        let step = store.emit_time_events(now, 2).await.unwrap();
        events += step.events;
        if !step.more {
            break;
        }
    }
    none_is_early(store, before, now).await;
    events
}

/// The time events after a position of the log: none is after the clock that its stream goes by.
async fn none_is_early(store: &impl Store, after: Sequence, now: Timestamp) {
    let safe = store.chain_state().await.unwrap().frontier.last_safe;
    let page = store.events_after(after, &EventFilter::default(), 1_000).await.unwrap();
    for LoggedEvent { event, .. } in &page.events {
        let Some(TimeEvent { at, .. }) = event.time_event() else { continue };
        match event.stream.origin() {
            Origin::Api => assert!(at <= UnixTime::of(now), "{event:?}"),
            Origin::Chain => assert!(Some(at) <= safe.map(|safe| UnixTime::of(closed_at(safe))), "{event:?}"),
        }
    }
}

/// Makes a ledger safe whose close is known.
async fn close(store: &impl Store, branch: &Branch<'_>, ledger: u32) {
    branch.push(store, &[], Some(ledger)).await;
    branch.push(store, &[], Some(ledger + 1)).await;
}

async fn log_of(store: &impl StreamStore, id: &StreamId) -> Vec<LoggedEvent> {
    store.stream_events(id, 0, 1_000).await.unwrap().unwrap().events
}

/// The types of a stream's events, each with the second at which it occurred.
async fn emitted(store: &impl StreamStore, id: &StreamId) -> Vec<(&'static str, i64)> {
    let since = t0().as_second();
    let of = |logged: &LoggedEvent| (logged.event.kind.name(), logged.event.occurred_at.as_second() - since);
    log_of(store, id).await.iter().map(of).collect()
}

/// No instant is early, and none is emitted twice. The status changes as without them.
pub async fn each_time_event_of_an_api_stream_is_emitted_once_at_its_instant(store: &impl Store) {
    tick(store, t0()).await;
    let created = put(store, 1, &with_a_cliff(), t0()).await;
    for now in [1, 9, 10, 29, 30, 31, 109, 110, 200, 300] {
        tick(store, t(now)).await;
    }
    let expect = [
        ("stream.created", 0),
        ("stream.started", 10),
        ("stream.cliff_reached", 30),
        ("stream.completed", 110),
        ("stream.exhausted", 110),
        ("stream.ended", 110),
    ];
    assert_eq!(emitted(store, &stream_id(1)).await, expect);
    let log = log_of(store, &stream_id(1)).await;
    let numbers: Vec<_> = log.iter().map(|logged| logged.event.stream_seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    let cliff = &log[2].event;
    assert_eq!((cliff.recorded_at, cliff.data.changes.is_empty()), (t(30), true));
    let at = second(30).seconds();
    assert_eq!(
        cliff.id(),
        format!("evt_{}_c{at:x}", uuid(1)),
        "the id follows from stream, kind and instant"
    );
    // They change no field: the replay of the history is the stream, at any second.
    let stream = read(store, 1).await;
    assert_eq!(
        fluxora_stream::Stream::replay(&history(store, &stream_id(1)).await).unwrap().unwrap(),
        stream
    );
    for at in [0, 9, 29, 30, 60, 109, 110] {
        let then = store.stream_at(&stream_id(1), second(at)).await.unwrap().unwrap();
        assert_eq!(then.body, created.body);
    }
}

/// A server that was away emits what fell due meanwhile, with the instants at which it was due.
pub async fn what_fell_due_while_no_clock_ran_is_emitted_afterwards(store: &impl Store) {
    tick(store, t0()).await;
    put(store, 1, &with_a_cliff(), t0()).await;
    store.schedule_time_events(t0(), 10).await.unwrap();
    tick(store, t(500)).await;
    let emitted = emitted(store, &stream_id(1)).await;
    for expect in [("stream.cliff_reached", 30), ("stream.exhausted", 110), ("stream.ended", 110)] {
        assert_eq!(emitted.iter().filter(|event| **event == expect).count(), 1, "{emitted:?}");
    }
    let stream = read(store, 1).await;
    assert_eq!(
        fluxora_stream::Stream::replay(&history(store, &stream_id(1)).await).unwrap().unwrap(),
        stream
    );
    let then = store.stream_at(&stream_id(1), second(60)).await.unwrap().unwrap();
    assert_eq!(then.status, fluxora_stream::Status::Active, "a history with a late event is replayed");
}

/// Nothing follows a cancellation but what was due before it.
pub async fn a_cancelled_stream_has_no_time_events_to_come(store: &impl Store) {
    tick(store, t0()).await;
    put(store, 1, &with_a_cliff(), t0()).await;
    tick(store, t(1)).await;
    store.cancel_stream(&stream_id(1), still(t(40))).await.unwrap();
    tick(store, t(500)).await;
    let emitted = emitted(store, &stream_id(1)).await;
    assert_eq!(emitted.last(), Some(&("stream.cliff_reached", 30)), "it was due before: {emitted:?}");
    assert_eq!(emitted.len(), 4, "{emitted:?}");
}

/// Replicas that take steps at the same time.
pub async fn concurrent_steps_emit_each_time_event_once(store: &impl Store) {
    tick(store, t0()).await;
    for n in 1..=20 {
        put(store, n, &with_a_cliff(), t0()).await;
    }
    while store.schedule_time_events(t0(), 100).await.unwrap().more {}
    join_all((0..8).map(|_| store.emit_time_events(t(200), 7))).await;
    join_all((0..4).map(|_| tick(store, t(200)))).await;
    for n in 1..=20 {
        let emitted = emitted(store, &stream_id(n)).await;
        let of = |name: &str| emitted.iter().filter(|(kind, _)| *kind == name).count();
        let counts = ["stream.cliff_reached", "stream.exhausted", "stream.ended"].map(of);
        assert_eq!(counts, [1, 1, 1], "{emitted:?}");
        let log = log_of(store, &stream_id(n)).await;
        assert!(log.iter().zip(1..).all(|(logged, number)| logged.event.stream_seq == number));
    }
}

/// An upgrade of a database with a history.
pub async fn what_was_over_when_the_table_began_is_not_emitted(store: &impl Store) {
    put(store, 1, &with_a_cliff(), t0()).await;
    put(store, 2, &TermsDraft { start: Some(second(300)), ..draft() }, t0()).await;
    tick(store, t(50)).await;
    tick(store, t(1_000)).await;
    let emitted_first = emitted(store, &stream_id(1)).await;
    assert!(!emitted_first.contains(&("stream.cliff_reached", 30)), "{emitted_first:?}");
    assert!(emitted_first.contains(&("stream.ended", 110)), "{emitted_first:?}");
    assert!(emitted(store, &stream_id(2)).await.contains(&("stream.ended", 400)));
}

/// Ledgers close every five seconds: the stream of ledger 10 begins at second 50, its cliff is at second 60, its end at 150.
pub async fn time_events_of_a_chain_stream_go_by_the_close_of_safe_ledgers(store: &impl Store) {
    tick(store, t0()).await;
    MAIN.push(store, &[vesting::created(10)], Some(12)).await;
    tick(store, t(100_000)).await;
    assert_eq!(
        emitted(store, &vesting::id()).await,
        [("stream.created", 50)],
        "the clock of the server does not count"
    );
    // The tip is not safe yet.
    MAIN.push(store, &[], Some(12)).await;
    tick(store, t(100_000)).await;
    assert_eq!(emitted(store, &vesting::id()).await.len(), 1);
    MAIN.push(store, &[], Some(13)).await;
    tick(store, t(100_000)).await;
    let expect = [("stream.created", 50), ("stream.cliff_reached", 60)];
    assert_eq!(emitted(store, &vesting::id()).await, expect);
    let before = store.stream(&vesting::id()).await.unwrap().unwrap();
    MAIN.push(store, &[vesting::withdrawn(20)], None).await;
    close(store, &MAIN, 30).await;
    tick(store, t(100_000)).await;
    let emitted = emitted(store, &vesting::id()).await;
    let ended = [("stream.withdrawn", 100), ("stream.exhausted", 150), ("stream.ended", 150)];
    assert_eq!(emitted, [&expect[..], &ended].concat());
    assert!(before.event_count == 2 && emitted.len() == 5);
}

/// A top-up moves the end; what was emitted before stays.
pub async fn terms_that_change_move_the_instants(store: &impl Store) {
    tick(store, t0()).await;
    MAIN.push(store, &[vesting::created(10)], Some(12)).await;
    tick(store, t0()).await;
    // Ledger 20: the end is 200 seconds after its close, at second 300.
    MAIN.push(store, &[vesting::topped_up(20)], Some(32)).await;
    tick(store, t0()).await;
    let expect = [("stream.created", 50), ("stream.updated", 100), ("stream.cliff_reached", 60)];
    assert_eq!(emitted(store, &vesting::id()).await, expect);
    close(store, &MAIN, 60).await;
    tick(store, t0()).await;
    let ended = [("stream.exhausted", 300), ("stream.ended", 300)];
    assert_eq!(emitted(store, &vesting::id()).await, [&expect[..], &ended].concat());
}

/// By the old branch the stream ended at second 150; by the new one it was topped up before.
pub async fn a_reorg_that_moves_an_instant_takes_its_event_back(store: &impl Store) {
    tick(store, t0()).await;
    MAIN.push(store, &[vesting::created(10)], Some(20)).await;
    close(store, &MAIN, 39).await;
    tick(store, t0()).await;
    let old = [
        ("stream.created", 50),
        ("stream.cliff_reached", 60),
        ("stream.exhausted", 150),
        ("stream.ended", 150),
    ];
    assert_eq!(emitted(store, &vesting::id()).await, old);
    let other = MAIN.forked("b", 20);
    other.push(store, &[vesting::topped_up(20)], Some(41)).await;
    tick(store, t(900)).await;
    let log = log_of(store, &vesting::id()).await;
    let corrected: Vec<_> = log.iter().filter(|logged| logged.event.kind == EventKind::Corrected).collect();
    let taken_back: Vec<_> =
        corrected.iter().filter_map(|logged| logged.event.data.retracts.clone()).collect();
    let kinds: Vec<_> = taken_back.iter().map(|retracted| (retracted.r#type, retracted.at)).collect();
    assert_eq!(
        kinds,
        [(EventKind::Exhausted, second(150)), (EventKind::Ended, second(150))],
        "the cliff stays"
    );
    assert_eq!(taken_back[1].id, log[3].event.id());
    let causes: Vec<_> = corrected.iter().map(|logged| &logged.event.data.cause).collect();
    assert!(
        matches!(
            causes[..],
            [Cause::ContractEvent { ledger: 20, .. }, Cause::ContractEvent { ledger: 20, .. }]
        ),
        "the top-up moved them: {causes:?}"
    );
    close(store, &other, 60).await;
    tick(store, t(1_000)).await;
    let emitted = emitted(store, &vesting::id()).await;
    assert_eq!(emitted[emitted.len() - 2..], [("stream.exhausted", 300), ("stream.ended", 300)]);
    let ended = emitted.iter().filter(|(kind, _)| *kind == "stream.ended").count();
    assert_eq!(ended, 2, "{emitted:?}");
    // What is right stays: the same chain again, and a rebuild, emit nothing.
    let before = emitted.len();
    tick(store, t(2_000)).await;
    assert_eq!(log_of(store, &vesting::id()).await.len(), before);
}

/// By the old branch the stream was topped up; by the new one it ended before that was emitted.
pub async fn a_reorg_that_takes_a_top_up_away_moves_the_instants_back(store: &impl Store) {
    tick(store, t0()).await;
    MAIN.push(store, &[vesting::created(10), vesting::topped_up(20)], None).await;
    close(store, &MAIN, 62).await;
    tick(store, t0()).await;
    let old = emitted(store, &vesting::id()).await;
    assert_eq!(old[old.len() - 2..], [("stream.exhausted", 300), ("stream.ended", 300)]);
    let other = MAIN.forked("b", 20);
    other.push(store, &[], Some(20)).await;
    close(store, &other, 63).await;
    tick(store, t(900)).await;
    let log = log_of(store, &vesting::id()).await;
    let retracted: Vec<_> = log
        .iter()
        .filter_map(|logged| Some((logged.event.data.retracts.as_ref()?, &logged.event.data.cause)))
        .map(|(retracted, cause)| (retracted.r#type, retracted.at, cause.clone()))
        .collect();
    let cause = Cause::Reorg { fork_ledger: 20 };
    let expect = [EventKind::Exhausted, EventKind::Ended].map(|kind| (kind, second(300), cause.clone()));
    assert_eq!(retracted, expect);
    let emitted = emitted(store, &vesting::id()).await;
    for expect in [("stream.exhausted", 150), ("stream.ended", 150)] {
        assert_eq!(emitted.iter().filter(|event| **event == expect).count(), 1, "{emitted:?}");
    }
}

/// The events after a position of the log, by stream.
async fn logs_after(store: &impl Store, mut after: Sequence) -> BTreeMap<StreamId, Vec<LoggedEvent>> {
    let mut logs = BTreeMap::<_, Vec<_>>::new();
    while after < store.head().await.unwrap() {
        let page = store.events_after(after, &EventFilter::default(), 1_000).await.unwrap();
        after = page.next;
        page.events.into_iter().for_each(|logged| logs.entry(logged.event.stream).or_default().push(logged));
    }
    logs
}

/// After a random history that began at a position of the log: what was emitted and not retracted are the instants that the terms had then, up to the close of the last
/// safe ledger.
pub(super) async fn emitted_what_the_terms_say(
    store: &impl Store,
    ids: &[StreamId],
    since: Sequence,
    now: Timestamp,
    context: &str,
) {
    tick(store, now).await;
    let state = store.chain_state().await.unwrap();
    let mut logs = logs_after(store, since).await;
    for id in ids {
        let log = logs.remove(id).unwrap_or_default();
        // A stream that was removed begins again with its next creation.
        let begin = log.iter().rposition(|logged| logged.event.kind == EventKind::Created).unwrap_or(0);
        let mut standing = BTreeSet::new();
        for LoggedEvent { event, .. } in &log[begin..] {
            if let Some(event) = event.time_event() {
                assert!(standing.insert(event), "{context}, {id}: {event:?} twice");
            }
            if let Some(retracted) = &event.data.retracts {
                let kind = TimeEventKind::of(retracted.r#type).unwrap();
                let event = TimeEvent { at: retracted.at, kind };
                assert!(standing.remove(&event), "{context}, {id}: {event:?} was not emitted");
            }
        }
        for event in &standing {
            let then = store.stream_at(id, event.at).await.unwrap();
            let holds = then.is_some_and(|then| then.time_events().contains(event));
            assert!(holds, "{context}, {id}: {event:?} was emitted and is not retracted");
        }
        let stream = store.stream(id).await.unwrap().unwrap();
        let until = state.frontier.last_safe.map(|safe| UnixTime::of(closed_at(safe)));
        let changed = UnixTime::of(stream.updated_at);
        for event in stream.time_events().into_iter().filter(|event| event.at > changed) {
            assert!(
                Some(event.at) > until || standing.contains(&event),
                "{context}, {id}: {event:?} is missing"
            );
        }
    }
}

/// A reorg that touches the stream and leaves its instants takes nothing back.
pub async fn a_reorg_that_leaves_an_instant_emits_nothing_about_it(store: &impl Store) {
    tick(store, t0()).await;
    MAIN.push(store, &[vesting::created(10), vesting::withdrawn(20)], None).await;
    close(store, &MAIN, 39).await;
    tick(store, t0()).await;
    let before = emitted(store, &vesting::id()).await;
    assert_eq!(before.len(), 5, "{before:?}");
    let other = MAIN.forked("b", 20);
    other.push(store, &[], Some(20)).await;
    other.push(store, &[], Some(41)).await;
    tick(store, t(900)).await;
    let after = emitted(store, &vesting::id()).await;
    let added: Vec<_> = after[before.len()..].iter().map(|(kind, _)| *kind).collect();
    assert_eq!(added, ["stream.corrected"], "the withdrawal alone");
}

/// Also once the log has events.
pub async fn time_events_begin_on_an_empty_log_for_good(store: &impl Store) {
    assert!(store.begin_time_events().await.unwrap());
    store.create_stream(create(1, &with_a_cliff(), t(0))).await.unwrap();
    assert!(store.begin_time_events().await.unwrap(), "they are begun");
}

/// They begin with the first step that an operator has asked for.
pub async fn time_events_do_not_begin_by_themselves_on_a_log_with_events(store: &impl Store) {
    store.create_stream(create(1, &with_a_cliff(), t(0))).await.unwrap();
    assert!(!store.begin_time_events().await.unwrap());
    assert_eq!(store.emit_time_events(t(1_000), 9).await.unwrap().events, 0);
    while store.schedule_time_events(t(0), 9).await.unwrap().more {}
    assert!(store.begin_time_events().await.unwrap());
}
