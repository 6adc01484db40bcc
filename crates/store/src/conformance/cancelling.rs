use fluxora_stream::{CancelRefused, StatusName, TermsDraft};
use futures_util::future::join_all;

use super::fixtures::*;
use crate::{Outcome, StreamStore};

/// What had streamed stays streamed.
pub async fn a_cancelled_stream_stays_as_it_was_when_cancelled(store: &impl StreamStore) {
    put(store, 1, &draft(), t0()).await;
    let Outcome::Done(cancelled) = store.cancel_stream(&stream_id(1), still(t(40))).await.unwrap() else {
        panic!("an active stream can be cancelled");
    };
    assert_eq!(read(store, 1).await, cancelled);
    let balance = cancelled.balance_at(second(1_000)).unwrap();
    assert_eq!((balance.streamed.to_string(), balance.refunded.to_string()), ("40".into(), "60".into()));
}

/// One call cancels, the others are refused.
pub async fn a_stream_is_cancelled_once_however_many_ask(store: &impl StreamStore) {
    put(store, 1, &draft(), t0()).await;
    let id = stream_id(1);
    let outcomes = join_all((0..16).map(|n| store.cancel_stream(&id, still(t(n))))).await;
    let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Done(_)))).count();
    let refused = Outcome::Refused(CancelRefused::Ended(StatusName::Cancelled));
    let refused_calls =
        outcomes.iter().filter(|outcome| matches!(outcome, Ok(outcome) if *outcome == refused)).count();
    assert_eq!((done, refused_calls), (1, 15), "{outcomes:?}");
    assert_eq!(read(store, 1).await.event_count, 2);
}

/// Completed is as final as cancelled.
pub async fn an_ended_stream_cannot_be_cancelled(store: &impl StreamStore) {
    put(store, 1, &draft(), t0()).await;
    store.record_due(t(100), 10).await.unwrap();
    let outcome = store.cancel_stream(&stream_id(1), still(t(101))).await.unwrap();
    assert_eq!(outcome, Outcome::Refused(CancelRefused::Ended(StatusName::Completed)));
}

/// The end counts when it comes, not when it is noticed.
pub async fn a_stream_whose_end_has_come_cannot_be_cancelled_before_the_clock_notices(
    store: &impl StreamStore,
) {
    let before = put(store, 1, &draft(), t0()).await;
    let outcome = store.cancel_stream(&stream_id(1), still(t(100))).await.unwrap();
    assert_eq!(outcome, Outcome::Refused(CancelRefused::Ended(StatusName::Completed)));
    assert_eq!(read(store, 1).await, before, "a refusal writes nothing");
}

/// Each transition is an event, also the one that the clock was about to record.
pub async fn cancelling_records_a_start_that_has_fallen_due(store: &impl StreamStore) {
    put(store, 1, &TermsDraft { start: Some(second(10)), ..draft() }, t0()).await;
    store.cancel_stream(&stream_id(1), still(t(15))).await.unwrap();
    let page = store.stream_events(&stream_id(1), 0, 10).await.unwrap().unwrap();
    let facts: Vec<_> = page.events.iter().map(|event| event.event.kind.name()).collect();
    assert_eq!(facts, ["stream.created", "stream.started", "stream.cancelled"]);
    let settlement = page.events.last().unwrap().event.data.settlement.unwrap();
    assert_eq!(settlement.streamed_amount.to_string(), "5");
}

/// Absence is an outcome.
pub async fn cancelling_an_unknown_stream_is_not_found(store: &impl StreamStore) {
    assert_eq!(store.cancel_stream(&stream_id(1), still(t0())).await.unwrap(), Outcome::NotFound);
}
