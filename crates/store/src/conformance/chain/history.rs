use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fluxora_stream::{Fact, UnixTime};

use super::events::*;
use super::*;
use crate::chain::{Rebuild, Scope};
use crate::conformance::fixtures::t;

/// What a stream was at any second is read from the contract's events.
pub async fn what_a_stream_was_is_read_from_its_contracts_events(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 1_000, 2),
        rate_updated(At(20, 1, 0), 0, 2, 1),
        shared(At(30, 1, 0), 0, 1, 1, 1),
        withdrew(At(40, 1, 0), 1, 5),
    ];
    MAIN.push(store, &events, Some(50)).await;
    let as_of = async |number, ledger| {
        store.stream_as_of(&id(number), UnixTime::of(closed_at(ledger))).await.unwrap()
    };
    assert_eq!(as_of(0, 9).await, None);
    assert_eq!(as_of(0, 10).await.unwrap().schedule.rate.stroops(), 2);
    assert_eq!(as_of(0, 19).await.unwrap().schedule.rate.stroops(), 2);
    assert_eq!(as_of(0, 20).await.unwrap().schedule.rate.stroops(), 1);
    assert_eq!(as_of(1, 29).await, None);
    assert_eq!(as_of(1, 30).await.unwrap().withdrawn.stroops(), 0);
    assert_eq!(as_of(1, 40).await.unwrap().withdrawn.stroops(), 5);
    assert_eq!(as_of(7, 40).await, None);
}

/// Each event of a history tells the new values of what changed: put together they are the stream.
pub async fn what_is_told_adds_up_to_the_stream(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 1_000, 2),
        withdrew(At(11, 1, 0), 0, 5),
        paused(At(12, 1, 0), 0),
        resumed(At(13, 1, 0), 0),
        rate_updated(At(14, 1, 0), 0, 2, 1),
        unreadable(At(15, 1, 0), 0),
        cancelled(At(16, 1, 0), 0),
    ];
    for event in &events {
        MAIN.push(store, std::slice::from_ref(event), None).await;
    }
    MAIN.forked("b", 16).push(store, &[completed(At(17, 1, 0), 0)], Some(20)).await;
    let mut sum = BTreeMap::new();
    let page = store.stream_events(&id(0), 0, 100).await.unwrap().unwrap();
    for (number, event) in (1..).zip(&page.events) {
        assert_eq!(event.number, number);
        let Fact::Chain(fact) = &event.fact else { panic!("{event:?}") };
        sum.extend(fields(&serde_json::to_value(&fact.changes).unwrap()));
    }
    let stream = stream(store, 0).await.unwrap();
    let whole = fluxora_stream::Changes::between(None, &stream);
    assert_eq!(sum, fields(&serde_json::to_value(&whole).unwrap()));
    assert_eq!(u32::try_from(page.events.len()), Ok(stream.events));
}

fn fields(changes: &serde_json::Value) -> BTreeMap<String, serde_json::Value> {
    serde_json::from_value(changes.clone()).unwrap()
}

/// A rebuild of what is right finds nothing to change, whether of one stream or of all.
pub async fn a_rebuild_of_what_is_right_changes_nothing(store: &impl Store) {
    let events =
        [created(At(10, 1, 0), 0, 1_000, 2), shared(At(11, 1, 0), 0, 1, 1, 1), withdrew(At(12, 1, 0), 0, 1)];
    MAIN.push(store, &events, Some(20)).await;
    let was = [stream(store, 0).await, stream(store, 1).await];
    // The share began from the stream, so it is built again with it, and not the other way round.
    for (scope, streams) in [(Scope::Stream(id(0)), 2), (Scope::Stream(id(1)), 1), (Scope::Everything, 2)] {
        for verify_only in [true, false] {
            let steps = Arc::new(Mutex::new(Vec::new()));
            let told = Arc::clone(&steps);
            let progress = Arc::new(move |step| told.lock().unwrap().push(step));
            let report = store.rebuild(Rebuild { scope, verify_only, progress }, t(3_000)).await.unwrap();
            assert_eq!((report.events, report.streams, report.differences), (3, streams, vec![]));
        }
    }
    assert_eq!([stream(store, 0).await, stream(store, 1).await], was);
}
