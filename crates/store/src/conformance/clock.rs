use fluxora_stream::{LoggedEvent, StatusName, Stream, TermsDraft, UnixTime};
use futures_util::future::join_all;

use super::fixtures::*;
use crate::{Recorded, StreamStore};

fn starting_at(start: i64) -> TermsDraft {
    TermsDraft { start: Some(second(start)), ..draft() }
}

/// The recorded instants are those at which it fell due.
pub async fn a_start_and_an_end_are_recorded_when_they_fall_due(store: &impl StreamStore) {
    put(store, 1, &starting_at(10), t0()).await;
    assert_eq!(store.record_due(t(13), 10).await.unwrap().events, 1);
    assert_eq!(read(store, 1).await.status.name(), StatusName::Active);
    assert_eq!(store.record_due(t(115), 10).await.unwrap().events, 1);
    assert_eq!(read(store, 1).await.status.name(), StatusName::Completed);
    let events = store.stream_events(&stream_id(1), 0, 10).await.unwrap().unwrap().events;
    let occurred: Vec<_> = events.iter().map(|logged| logged.event.occurred_at).collect();
    assert_eq!(occurred, [t0(), second(10).instant(), second(110).instant()]);
    let recorded: Vec<_> = events.iter().map(|logged| logged.event.recorded_at).collect();
    assert_eq!(recorded, [t0(), t(13), t(115)]);
}

/// Nothing is early, and nothing happens twice.
pub async fn what_is_not_due_is_left_alone(store: &impl StreamStore) {
    let stream = put(store, 1, &starting_at(10), t0()).await;
    assert_eq!(store.record_due(t(9), 10).await.unwrap(), Recorded::default());
    assert_eq!(read(store, 1).await, stream);
    store.record_due(t(200), 10).await.unwrap();
    assert_eq!(store.record_due(t(300), 10).await.unwrap(), Recorded::default());
    put(store, 2, &starting_at(10), t0()).await;
    store.cancel_stream(&stream_id(2), still(t(1))).await.unwrap();
    assert_eq!(store.record_due(t(300), 10).await.unwrap(), Recorded::default());
}

/// A backlog is worked off in bounded steps.
pub async fn a_step_of_the_clock_takes_the_longest_due_first_and_says_if_there_is_more(
    store: &impl StreamStore,
) {
    for (n, start) in [(1, 30), (2, 10), (3, 20)] {
        put(store, n, &starting_at(start), t0()).await;
    }
    let step = store.record_due(t(40), 2).await.unwrap();
    assert_eq!((step.streams, step.events, step.more), (2, 2, true));
    assert_eq!(read(store, 1).await.status.name(), StatusName::Scheduled);
    let step = store.record_due(t(40), 2).await.unwrap();
    assert_eq!((step.streams, step.events, step.more), (1, 1, false));
}

/// Times are numbers: 999999999 comes before 1000000000.
pub async fn the_longest_due_is_first_however_many_digits_its_time_has(store: &impl StreamStore) {
    for (n, end) in [(1, 1_000_000_000), (2, 999_999_999), (3, 7)] {
        let (start, end) = (Some(UnixTime::EPOCH), Some(UnixTime::from_seconds(end)));
        put(store, n, &TermsDraft { start, end, ..draft() }, t0()).await;
    }
    for n in [3, 2, 1] {
        assert_eq!(store.record_due(t(1), 1).await.unwrap().more, n > 1);
        assert_eq!(read(store, n).await.status.name(), StatusName::Completed, "stream {n}");
    }
}

/// Two clocks are as good as one.
pub async fn concurrent_steps_of_the_clock_record_each_transition_once(store: &impl StreamStore) {
    for n in 1..=20 {
        put(store, n, &starting_at(10), t0()).await;
    }
    let steps = join_all((0..8).map(|_| store.record_due(t(200), 7))).await;
    let mut events: usize = steps.into_iter().map(|step| step.unwrap().events).sum();
    events += store.record_due(t(200), 100).await.unwrap().events;
    assert_eq!(events, 40, "20 starts and 20 ends");
    for n in 1..=20 {
        assert_eq!(read(store, n).await.event_count, 3);
    }
}

/// 1, 2, 3, in pages.
pub async fn events_are_numbered_and_paged_oldest_first(store: &impl StreamStore) {
    put(store, 1, &starting_at(10), t0()).await;
    store.record_due(t(200), 10).await.unwrap();
    let first = store.stream_events(&stream_id(1), 0, 2).await.unwrap().unwrap();
    let second = store.stream_events(&stream_id(1), 2, 2).await.unwrap().unwrap();
    let numbers = |events: &[LoggedEvent]| events.iter().map(|e| e.event.stream_seq).collect::<Vec<_>>();
    assert_eq!((numbers(&first.events), first.more), (vec![1, 2], true));
    assert_eq!((numbers(&second.events), second.more), (vec![3], false));
    let past = store.stream_events(&stream_id(1), 3, 2).await.unwrap().unwrap();
    assert_eq!((past.events.len(), past.more), (0, false));
}

/// An event counts from the second in which it occurred, whole, however late it was recorded.
pub async fn a_stream_is_read_as_it_was_at_any_second(store: &impl StreamStore) {
    let created = put(store, 1, &starting_at(10), t0()).await;
    store.record_due(t(13), 10).await.unwrap();
    let started = read(store, 1).await;
    store.cancel_stream(&stream_id(1), still(t(40))).await.unwrap();
    let cancelled = read(store, 1).await;
    for (at, expect) in [
        (-1, None),
        (0, Some(&created)),
        (9, Some(&created)),
        (10, Some(&started)),
        (39, Some(&started)),
        (40, Some(&cancelled)),
        (1_000, Some(&cancelled)),
    ] {
        assert_eq!(store.stream_at(&stream_id(1), second(at)).await.unwrap().as_ref(), expect, "at {at}");
    }
    assert_eq!(store.stream_at(&stream_id(2), second(1_000)).await.unwrap(), None);
}

/// The row and its history never disagree.
pub async fn the_events_of_a_stream_make_the_stream(store: &impl StreamStore) {
    put(store, 1, &starting_at(10), t0()).await;
    store.record_due(t(13), 10).await.unwrap();
    store.cancel_stream(&stream_id(1), still(t(40))).await.unwrap();
    let history = history(store, &stream_id(1)).await;
    assert_eq!(Stream::replay(&history).unwrap().unwrap(), read(store, 1).await);
}

/// No stream, no page: not an empty one.
pub async fn an_unknown_stream_has_no_events(store: &impl StreamStore) {
    assert_eq!(store.stream_events(&stream_id(1), 0, 10).await.unwrap(), None);
}
