use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fluxora_stream::{LoggedEvent, UnixTime};

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
    let as_of =
        async |number, ledger| store.stream_at(&id(number), UnixTime::of(closed_at(ledger))).await.unwrap();
    assert_eq!(as_of(0, 9).await, None);
    assert_eq!(flow(&as_of(0, 10).await.unwrap()).schedule.rate.stroops(), 2);
    assert_eq!(flow(&as_of(0, 19).await.unwrap()).schedule.rate.stroops(), 2);
    assert_eq!(flow(&as_of(0, 20).await.unwrap()).schedule.rate.stroops(), 1);
    assert_eq!(as_of(1, 29).await, None);
    assert_eq!(flow(&as_of(1, 30).await.unwrap()).withdrawn.stroops(), 0);
    assert_eq!(flow(&as_of(1, 40).await.unwrap()).withdrawn.stroops(), 5);
    assert_eq!(as_of(7, 40).await, None);
}

/// Each event of a history has the new values of what changed: merged in order they are the stream.
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
    for (stream_seq, LoggedEvent { event, .. }) in (1..).zip(&page.events) {
        assert_eq!(event.stream_seq, stream_seq);
        sum.extend(fields(&serde_json::to_value(&event.data.changes).unwrap()));
    }
    assert!(page.events.is_sorted_by_key(|event| event.sequence), "in the order of the event log");
    let stream = stream(store, 0).await.unwrap();
    let whole = fluxora_stream::Changes::between(None, &stream);
    assert_eq!(sum, fields(&serde_json::to_value(&whole).unwrap()));
    assert_eq!(u32::try_from(page.events.len()), Ok(stream.event_count));
}

/// A rebuild corrects the classification that an older version stored, of safe and pending events: here a version that could not decode
/// them. Later events of a stream that begins from another reach it then. `sql` runs a statement on the store's database.
pub async fn a_rebuild_decodes_every_stored_event_again(store: &impl Store, sql: impl AsyncFn(&'static str)) {
    let events = [
        created(At(10, 1, 0), 0, 1_000, 2),
        shared(At(11, 1, 0), 0, 1, 1, 1),
        withdrew(At(12, 1, 0), 1, 5),
        withdrew(At(20, 1, 0), 1, 1),
        unknown(At(20, 2, 0)),
    ];
    let pushed = MAIN.push(store, &events, Some(20)).await;
    assert_eq!(pushed.state.pending, 2);
    sql("UPDATE contract_events SET class = 'unreadable', stream = 0, other = NULL WHERE id = '11-1-0'")
        .await;
    sql("UPDATE contract_events SET class = 'unknown', stream = NULL WHERE id = '20-1-0'").await;
    sql("UPDATE chain_state SET unknown_events = 2, unreadable_events = 1").await;
    let counts = async || {
        let state = store.chain_state().await.unwrap();
        (state.events, state.pending, state.unknown, state.unreadable)
    };
    for (verify_only, reclassified, after) in
        [(true, 2, (5, 2, 2, 1)), (false, 2, (5, 2, 1, 0)), (true, 0, (5, 2, 1, 0))]
    {
        let rebuild = Rebuild { scope: Scope::Everything, verify_only, progress: Arc::new(|_| ()) };
        let report = store.rebuild(rebuild, t(3_000)).await.unwrap();
        assert_eq!((report.events, report.streams, report.differences), (3, 2, vec![]));
        assert_eq!(
            (report.reclassified, counts().await),
            (reclassified, after),
            "verify only: {verify_only}"
        );
    }
    MAIN.push(store, &[withdrew(At(12, 2, 0), 1, 7)], Some(30)).await;
    assert_eq!([withdrawn(store, 0).await, withdrawn(store, 1).await], [Some(0), Some(13)]);
    let then = store.stream_at(&id(1), UnixTime::of(closed_at(11))).await.unwrap();
    assert_eq!(then.map(|stream| flow(&stream).withdrawn.stroops()), Some(0));
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
    // The share depends on the stream, so it is rebuilt with it; the stream does not depend on the share.
    for (scope, streams) in [(Scope::Stream(id(0)), 2), (Scope::Stream(id(1)), 1), (Scope::Everything, 2)] {
        for verify_only in [true, false] {
            let steps = Arc::new(Mutex::new(Vec::new()));
            let reported = Arc::clone(&steps);
            let progress = Arc::new(move |step| reported.lock().unwrap().push(step));
            let report = store.rebuild(Rebuild { scope, verify_only, progress }, t(3_000)).await.unwrap();
            assert_eq!((report.events, report.streams, report.differences), (3, streams, vec![]));
        }
    }
    assert_eq!([stream(store, 0).await, stream(store, 1).await], was);
}
