use fluxora_indexer::{ContractEvent, Refusal, Rules};
use fluxora_stream::{CancelRefused, StatusName, StreamNumber};
use futures_util::future::join_all;

use super::events::*;
use super::*;
use crate::conformance::fixtures::{second, still};
use crate::{Outcome, StreamFilter};

/// Events of a ledger are stored when they arrive and projected when the next ledger has arrived.
pub async fn an_event_waits_until_its_ledger_is_safe(store: &impl Store) {
    let ingested = MAIN.push(store, &[created(At(10, 1, 0), 0, 100, 1)], None).await;
    assert_eq!((ingested.inserted, ingested.duplicates), (vec![0], vec![]));
    assert_eq!(reached(&ingested.state), (Some(10), Some(9), 1));
    assert_eq!(stream(store, 0).await, None);

    let ingested = MAIN.push(store, &[withdrew(At(11, 1, 0), 0, 5)], None).await;
    assert_eq!(reached(&ingested.state), (Some(11), Some(10), 1));
    assert_eq!(withdrawn(store, 0).await, Some(0));
    assert_eq!(store.chain_state().await.unwrap(), ingested.state);
}

/// A ledger without events makes the ones before it safe as well.
pub async fn a_tip_without_events_makes_earlier_ledgers_safe(store: &impl Store) {
    MAIN.push(store, &[created(At(10, 1, 0), 0, 100, 1)], None).await;
    let ingested = MAIN.push(store, &[], Some(12)).await;
    assert_eq!(reached(&ingested.state), (Some(12), Some(11), 0));
    assert_eq!(withdrawn(store, 0).await, Some(0));
    assert_eq!(emitted(store, &id(0)).await, ["stream.created"]);
}

/// Duplicates are counted and change nothing.
pub async fn known_events_are_counted_and_change_nothing(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 1), withdrew(At(11, 1, 0), 0, 5)];
    MAIN.push(store, &events, Some(12)).await;
    let before = (stream(store, 0).await, store.chain_state().await.unwrap());
    let more = [events[0].clone(), withdrew(At(12, 1, 0), 0, 5), events[1].clone()];
    let ingested = MAIN.push(store, &more, None).await;
    assert_eq!((ingested.inserted, ingested.duplicates), (vec![1], vec![0, 2]));
    assert_eq!(stream(store, 0).await, before.0);
    assert_eq!(ingested.state.events, before.1.events + 1);
    assert_eq!(emitted(store, &id(0)).await, ["stream.created", "stream.withdrawn"]);
}

/// A payload is compared as a value: the order of its fields and its blanks do not matter.
pub async fn the_same_payload_in_another_notation_is_a_duplicate(store: &impl Store) {
    let event = withdrew(At(10, 1, 0), 0, 5);
    MAIN.push(store, std::slice::from_ref(&event), None).await;
    let value: serde_json::Value = serde_json::from_str(&event.payload).unwrap();
    let rewritten = ContractEvent { payload: format!(" {value:#} ").into(), ..event.clone() };
    let ingested = MAIN.push(store, &[rewritten], None).await;
    assert_eq!((ingested.inserted, ingested.duplicates), (vec![], vec![0]));
}

/// Numbers are compared by their digits: no float stands between a payload and its duplicate.
pub async fn payloads_that_differ_beyond_the_precision_of_a_float_are_a_conflict(store: &impl Store) {
    let of = |number: &str| ContractEvent {
        payload: format!(r#"{{"topic":["moon"],"value":{{"phase":{number}}}}}"#).into(),
        ..unknown(At(10, 1, 0))
    };
    MAIN.push(store, &[of("9007199254740993")], None).await;
    let ingested = MAIN.push(store, &[of("9007199254740993.0")], None).await;
    assert_eq!((ingested.inserted, ingested.duplicates), (vec![], vec![0]));
    for other in ["9007199254740992", "9007199254740993.0000000000000001"] {
        let refused = MAIN.try_push(store, &[of(other)], None).await;
        assert_eq!(refused, Err(Refusal::EventConflict { indices: vec![0] }), "{other}");
    }
}

/// Other contents at the same position, or the same id at another position, are refused. Nothing of the batch is written.
pub async fn an_event_with_other_contents_is_a_conflict(store: &impl Store) {
    MAIN.push(store, &[withdrew(At(10, 1, 0), 0, 5)], None).await;
    let before = store.chain_state().await.unwrap();
    let batch = [created(At(11, 1, 0), 1, 100, 1), withdrew(At(10, 1, 0), 0, 6)];
    let refused = MAIN.try_push(store, &batch, Some(12)).await;
    assert_eq!(refused, Err(Refusal::EventConflict { indices: vec![1] }));
    let moved =
        ContractEvent { position: withdrew(At(11, 1, 0), 0, 5).position, ..withdrew(At(10, 1, 0), 0, 5) };
    let refused = MAIN.try_push(store, &[moved], None).await;
    assert_eq!(refused, Err(Refusal::EventConflict { indices: vec![0] }));
    assert_eq!(store.chain_state().await.unwrap(), before);
}

/// Unknown events are stored and counted; unreadable events of the contract mark their stream.
pub async fn unknown_and_unreadable_events_are_kept_and_counted(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 100, 1),
        unknown(At(10, 1, 1)),
        unreadable(At(10, 1, 2), 0),
        withdrew(At(10, 2, 0), 0, 5),
    ];
    let ingested = MAIN.push(store, &events, Some(11)).await;
    assert_eq!((ingested.state.events, ingested.state.unknown, ingested.state.unreadable), (4, 1, 1));
    assert_eq!(ingested.unprojected.len(), 1);
    assert_eq!(ingested.unprojected[0].event, events[2].id);
    let stream = stream(store, 0).await.unwrap();
    assert_eq!(v9(&stream).unprojected_events, 1);
    assert_eq!(
        flow(&stream).withdrawn.stroops(),
        5,
        "one event that cannot be read does not stop the others"
    );
}

/// An event that arrives after its ledger was projected is applied in the order of the chain.
pub async fn a_late_event_rebuilds_the_streams_it_touches(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 1), withdrew(At(12, 1, 0), 0, 5)];
    MAIN.push(store, &events, Some(14)).await;
    MAIN.push(store, &[created(At(10, 2, 0), 1, 100, 1), rate_updated(At(11, 1, 0), 0, 1, 2)], None).await;
    let late = stream(store, 0).await.unwrap();
    assert_eq!((flow(&late).withdrawn.stroops(), flow(&late).schedule.rate.stroops()), (5, 2));
    assert_eq!(emitted(store, &id(0)).await, ["stream.created", "stream.withdrawn", "stream.corrected"]);
    assert_eq!(emitted(store, &id(1)).await, ["stream.created"]);
    assert_eq!(store.chain_state().await.unwrap().last_reorg, None);
}

/// A late transfer shows the amount that a withdrawal took out.
pub async fn a_late_transfer_rebuilds_the_withdrawal_beside_it(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 1), withdrew(At(11, 1, 2), 0, 5)];
    MAIN.push(store, &events, Some(14)).await;
    assert_eq!(withdrawn(store, 0).await, Some(5));
    MAIN.push(store, &[transfer(At(11, 1, 0), 5), transfer(At(11, 1, 1), 2)], None).await;
    assert_eq!(withdrawn(store, 0).await, Some(7));
}

/// A late event of no stream separates the transfer before it from the withdrawal after it, as it would have in time.
pub async fn a_late_event_of_no_stream_rebuilds_the_withdrawal_beside_it(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 100, 1),
        transfer(At(11, 1, 0), 5),
        transfer(At(11, 1, 1), 2),
        withdrew(At(11, 1, 3), 0, 5),
    ];
    MAIN.push(store, &events, Some(14)).await;
    assert_eq!(withdrawn(store, 0).await, Some(7));
    MAIN.push(store, &[unknown(At(11, 1, 2))], None).await;
    assert_eq!(withdrawn(store, 0).await, Some(5));
    assert_eq!(rebuilt_from_scratch(store).await, [stream(store, 0).await.unwrap()]);
}

/// Events that have become safe are emitted as themselves, also for a stream that a late event corrects.
pub async fn a_late_event_swallows_no_news(store: &impl Store) {
    let events =
        [created(At(10, 1, 0), 0, 100, 1), created(At(10, 1, 1), 1, 100, 1), withdrew(At(14, 1, 0), 0, 5)];
    MAIN.push(store, &events, None).await;
    MAIN.push(store, &[paused(At(11, 1, 0), 0), cancelled(At(15, 1, 0), 0)], Some(16)).await;
    let expect = ["stream.created", "stream.corrected", "stream.withdrawn", "stream.cancelled"];
    assert_eq!(emitted(store, &id(0)).await, expect);
    assert_eq!(emitted(store, &id(1)).await, ["stream.created"]);
}

/// What cannot be read is named also where it comes late, and once.
pub async fn a_late_event_that_cannot_be_read_is_named_once(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 1), unreadable(At(11, 1, 0), 0)];
    assert_eq!(MAIN.push(store, &events, Some(14)).await.unprojected.len(), 1);
    let late = MAIN.push(store, &[unreadable(At(12, 1, 0), 0)], None).await;
    let named: Vec<_> = late.unprojected.iter().map(|one| one.event.as_str()).collect();
    assert_eq!(named, ["12-1-0"], "not the one that was named before");
    assert_eq!(v9(&stream(store, 0).await.unwrap()).unprojected_events, 2);
}

/// Nothing makes the instants of a pusher's events grow: a later event may say that it happened earlier.
pub async fn an_event_that_says_it_happened_before_the_last_is_taken(store: &impl Store) {
    let mut early = paused(At(11, 1, 0), 0);
    early.happened_at = closed_at(9);
    MAIN.push(store, &[created(At(10, 1, 0), 0, 100, 1), early], Some(14)).await;
    let stream = stream(store, 0).await.unwrap();
    assert!(stream.updated_at < stream.created_at, "{stream:?}");
}

/// A late event of a stream reaches the streams that began from it.
pub async fn a_late_event_reaches_the_shares_of_its_stream(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 2), shared(At(20, 1, 0), 0, 1, 1, 1)];
    MAIN.push(store, &events, Some(30)).await;
    assert_eq!(v9(&stream(store, 1).await.unwrap()).parent_stream_id, Some(StreamNumber(0)));
    let before = stream(store, 1).await.unwrap();
    MAIN.push(store, &[rate_updated(At(15, 1, 0), 0, 2, 1)], None).await;
    let after = stream(store, 1).await.unwrap();
    assert_ne!(
        flow(&before).schedule,
        flow(&after).schedule,
        "the share is cut from what the stream then was"
    );
    let streams = [stream(store, 0).await.unwrap(), after];
    assert_eq!(rebuilt_from_scratch(store).await, streams);
}

/// A clone inherits from what its source was: a change of the source reaches the clones made after it, through clones of
/// clones, and leaves those made before it alone.
pub async fn a_change_of_a_stream_rebuilds_the_clones_made_after_it(store: &impl Store) {
    let events = [
        with_cliff(At(10, 1, 0), 0),
        with_cliff(At(11, 1, 0), 1),
        cloned(At(11, 1, 1), 1, 0),
        with_cliff(At(20, 1, 0), 2),
        cloned(At(20, 1, 1), 2, 0),
        with_cliff(At(21, 1, 0), 3),
        cloned(At(21, 1, 1), 3, 2),
    ];
    MAIN.push(store, &events, Some(30)).await;
    // Only a linear stream has its rate changed: this proves the kind, which was inferred.
    MAIN.push(store, &[rate_updated(At(15, 1, 0), 0, 1, 1)], None).await;
    let mut streams = Vec::new();
    for number in 0..4 {
        streams.push(stream(store, number).await.unwrap());
    }
    assert_eq!(rebuilt_from_scratch(store).await, streams);
    for (number, corrected) in [(0, true), (1, false), (2, true), (3, true)] {
        assert_eq!(emitted(store, &id(number)).await.contains(&"stream.corrected"), corrected, "{number}");
    }
}

/// Of two batches at once the second is planned after the first: every event is written once.
pub async fn two_ingesters_take_turns(store: &impl Store) {
    let events: Vec<_> = (0..40_u32)
        .map(|n| match n % 4 {
            0 => created(At(10 + n / 4, 1, 0), u64::from(n / 4), 100, 1),
            step => withdrew(At(10 + n / 4, 1, step), u64::from(n / 4), i128::from(step)),
        })
        .collect();
    let pushes = events.chunks(4).flat_map(|events| [events, events]).map(|events| {
        let batch = MAIN.batch(events, None);
        store.ingest(batch, Rules::default(), t(1_000))
    });
    let taken: Vec<_> = join_all(pushes).await.into_iter().map(|taken| taken.unwrap().unwrap()).collect();
    MAIN.push(store, &[], Some(100)).await;
    assert_eq!(taken.iter().map(|taken| taken.inserted.len()).sum::<usize>(), 40);
    assert_eq!(taken.iter().map(|taken| taken.duplicates.len()).sum::<usize>(), 40);
    for number in 0..10 {
        assert_eq!(withdrawn(store, number).await, Some(6), "stream {number}");
    }
}

/// Streams of the chain are listed with the others, and only their contract changes them.
pub async fn streams_of_the_chain_are_listed_and_left_to_their_contract(store: &impl Store) {
    let events =
        [created(At(10, 1, 0), 0, 100, 1), created(At(10, 1, 1), 1, 100, 1), cancelled(At(12, 1, 0), 1)];
    MAIN.push(store, &events, Some(14)).await;
    let of = |contract: &str| StreamFilter { contract: Some(contract.to_owned()), ..StreamFilter::default() };
    let contract = contract().to_string();
    for (filter, expect) in [
        (of(&contract), vec![id(1), id(0)]),
        (of("CNOTHING"), vec![]),
        (StreamFilter { status: Some(StatusName::Cancelled), ..of(&contract) }, vec![id(1)]),
    ] {
        let query = crate::StreamQuery { filter, at: second(9_999), before: None, limit: 10 };
        let page = store.list_streams(&query).await.unwrap();
        assert_eq!(page.streams.iter().map(Stream::id).collect::<Vec<_>>(), expect, "{query:?}");
    }
    let refused = store.cancel_stream(&id(0), still(t(2_000))).await.unwrap();
    assert_eq!(refused, Outcome::Refused(CancelRefused::ChainManaged));
    assert_eq!(store.record_due(t(99_999), 10).await.unwrap().streams, 0);
}

/// Builds every stream from the events that the store lists, in plain collections.
pub(super) async fn rebuilt_from_scratch(store: &impl Store) -> Vec<Stream> {
    let state = store.chain_state().await.unwrap();
    let query = crate::chain::ContractEventQuery {
        to_ledger: state.frontier.last_safe,
        limit: 1_000_000,
        ..crate::chain::ContractEventQuery::default()
    };
    let page = store.contract_events(&query).await.unwrap();
    let mut streams = fluxora_indexer::projection::Streams::new();
    let safe = page.events.iter().map(|listed| &listed.event).filter(|_| state.frontier.last_safe.is_some());
    fluxora_indexer::projection::project(&mut streams, |_| true, safe);
    let mut streams: Vec<_> = streams.into_values().map(Stream::from).collect();
    streams.sort_by_key(Stream::id);
    for stream in &mut streams {
        let stored = store.stream(&stream.id()).await.unwrap();
        stream.event_count = stored.map_or(0, |stored| stored.event_count);
    }
    streams
}
