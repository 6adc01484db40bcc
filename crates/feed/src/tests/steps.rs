use std::time::Duration;

use super::*;
use crate::subscription::{Step, Subscription};

const HEARTBEAT: Duration = Duration::from_secs(15);
const LIFETIME: Duration = Duration::from_secs(100);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn subscription(start: u64, filter: EventFilter) -> Subscription {
    Subscription::new(Sequence(start), filter, 100, HEARTBEAT, LIFETIME)
}

#[track_caller]
fn check(step: &Step, expect: &str) {
    let found = match step {
        Step::Events(events) => {
            format!("{:?}", events.iter().map(|event| event.sequence.0).collect::<Vec<_>>())
        }
        Step::Progress(cursor) => format!("progress {}", cursor.0),
        Step::Heartbeat(cursor) => format!("heartbeat {}", cursor.0),
        Step::Read => "read".to_owned(),
        Step::Wait { until } => format!("wait until {}", until.as_secs()),
        Step::End(reason) => reason.as_str().to_owned(),
    };
    assert_eq!(found, expect);
}

#[test]
fn a_quiet_stream_has_a_heartbeat_at_its_interval_and_ends_after_its_lifetime() {
    let (tail, mut quiet) = (tail(5, 5), subscription(5, EventFilter::default()));
    check(&quiet.next(seconds(0), &tail, false), "wait until 15");
    check(&quiet.next(seconds(15), &tail, false), "heartbeat 5");
    check(&quiet.next(seconds(16), &tail, false), "wait until 30");
    check(&quiet.next(seconds(95), &tail, false), "heartbeat 5");
    check(&quiet.next(seconds(96), &tail, false), "wait until 100");
    check(&quiet.next(seconds(100), &tail, false), "lifetime");
}

#[test]
fn a_filtered_stream_says_how_far_it_is_when_nothing_matches() {
    let (tail, mut filtered) = (tail(3, 4), subscription(3, updates()));
    check(&filtered.next(seconds(0), &tail, false), "wait until 15");
    check(&filtered.next(seconds(15), &tail, false), "progress 4");
    check(&filtered.next(seconds(30), &tail, false), "heartbeat 4");
}

#[test]
fn a_stream_that_stops_says_so_at_once() {
    let mut stopped = subscription(3, EventFilter::default());
    check(&stopped.next(seconds(0), &tail(3, 9), true), "restart");
    assert_eq!(stopped.cursor, Sequence(3), "what was not sent is sent to the next stream");
}

#[test]
fn heartbeats_go_on_while_the_store_is_read() {
    let mut behind = subscription(0, updates());
    check(&behind.next(seconds(0), &tail(50, 60), false), "read");
    behind.replayed(&[], Sequence(10), Sequence(60));
    check(&behind.next(seconds(15), &tail(50, 60), false), "progress 10");
    check(&behind.next(seconds(16), &tail(50, 60), false), "read");
}

#[test]
fn a_subscriber_before_the_tail_reads_the_store_up_to_it_and_joins() {
    let (tail, mut joining) = (tail(4, 6), subscription(2, EventFilter::default()));
    check(&joining.next(seconds(0), &tail, false), "read");
    joining.replayed(&[event(3, None), event(4, None), event(5, None)], Sequence(5), Sequence(5));
    check(&joining.next(seconds(0), &tail, false), "[6]");
    check(&joining.next(seconds(0), &tail, false), "wait until 15");
}

#[test]
fn a_subscriber_at_the_end_of_the_store_waits_for_a_tail_that_has_not_begun() {
    let (mut early, nothing) = (subscription(2, EventFilter::default()), Tail::default());
    early.replayed(&[], Sequence(2), Sequence(2));
    check(&early.next(seconds(0), &nothing, false), "wait until 15");
    early.woken();
    check(&early.next(seconds(0), &nothing, false), "read");
}

#[test]
fn a_live_subscriber_that_stays_behind_is_cut_and_one_that_catches_up_is_not() {
    let mut late = subscription(0, EventFilter { stream: Some(stream(1)), ..EventFilter::default() });
    check(&late.next(seconds(0), &tail(0, 0), false), "wait until 15");
    check(&late.next(seconds(1), &tail(8, 9), false), "read");
    late.replayed(&[], Sequence(8), Sequence(9));
    check(&late.next(seconds(2), &tail(8, 9), false), "wait until 15");
    // Behind for good. Heartbeats are due too.
    for (second, expect) in
        [(15, "progress 9"), (16, "read"), (30, "heartbeat 9"), (46, "heartbeat 9"), (47, "slow")]
    {
        check(&late.next(seconds(second), &tail(80, 90), false), expect);
    }
    let mut replaying = subscription(0, EventFilter::default());
    check(&replaying.next(seconds(0), &tail(8, 9), false), "read");
    replaying.next(seconds(80), &tail(8, 9), false);
    check(&replaying.next(seconds(81), &tail(8, 9), false), "read");
}

#[test]
fn a_delivery_is_cut_by_count_and_by_bytes() {
    let mut few = Subscription::new(Sequence(0), EventFilter::default(), 2, HEARTBEAT, LIFETIME);
    for expect in ["[1, 2]", "[3]", "wait until 15"] {
        check(&few.next(seconds(0), &tail(0, 3), false), expect);
    }
    let large = |n| {
        let json = serde_json::value::to_raw_value(&"x".repeat(40 << 10)).unwrap();
        Arc::new(FeedEvent { json, ..Arc::into_inner(event(n, None)).unwrap() })
    };
    let mut tail = Tail::default();
    tail.restart(Sequence(0));
    tail.append((1..=3).map(large), Sequence(3));
    let mut all = subscription(0, EventFilter::default());
    for expect in ["[1]", "[2]", "[3]", "wait until 15"] {
        check(&all.next(seconds(0), &tail, false), expect);
    }
}

#[test]
fn an_address_is_looked_for_in_the_store_where_the_tail_does_not_know_the_parties() {
    let mut tail = tail(0, 2);
    tail.append([event(3, Some(parties(3))), event(4, None)], Sequence(4));
    let filter = EventFilter { sender: Some(address(3)), ..EventFilter::default() };
    let mut of_sender = subscription(0, filter.clone());
    check(&of_sender.next(seconds(0), &tail, false), "read");
    of_sender.replayed(&[], Sequence(2), Sequence(4));
    check(&of_sender.next(seconds(0), &tail, false), "[3]");
    check(&of_sender.next(seconds(0), &tail, false), "read");
    // The type decides without the parties.
    let kinds = vec![EventKind::Removed];
    check(&subscription(0, EventFilter { kinds, ..filter }).next(seconds(0), &tail, false), "wait until 15");
}

#[test]
fn the_tail_forgets_its_oldest_events_beyond_its_bounds() {
    let mut tail = Tail::bounded(3, 1 << 20);
    tail.restart(Sequence(0));
    tail.append((1..=5).map(|n| event(n, None)), Sequence(5));
    assert!(tail.after(Sequence(1)).is_none());
    let (events, head) = tail.after(Sequence(2)).unwrap();
    assert_eq!((events.count(), head), (3, Sequence(5)));
    let mut tail = Tail::bounded(100, 2);
    tail.restart(Sequence(0));
    tail.append((1..=5).map(|n| event(n, None)), Sequence(5));
    assert_eq!(tail.after(Sequence(3)).unwrap().0.count(), 2, "each has one byte");
}
