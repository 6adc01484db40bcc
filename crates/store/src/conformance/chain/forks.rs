use fluxora_indexer::{Refusal, RewindRefused, Rules};

use super::events::*;
use super::ingesting::rebuilt_from_scratch;
use super::*;
use crate::chain::{ReorgCause, Rewind, Rewound};

/// A fork among ledgers that no stream has seen costs nothing.
pub async fn a_fork_at_the_tip_takes_back_what_was_stored(store: &impl Store) {
    MAIN.push(store, &[created(At(10, 1, 0), 0, 100, 1), withdrew(At(11, 1, 0), 0, 5)], None).await;
    let other = MAIN.forked("b", 11);
    let ingested = other.push(store, &[withdrew(At(11, 2, 0), 0, 7)], None).await;
    let reorg = ingested.reorg.unwrap();
    assert_eq!((reorg.number, reorg.fork_ledger, reorg.depth, reorg.tip_before), (1, 11, 0, Some(11)));
    assert_eq!((reorg.events_removed, reorg.streams_rebuilt), (1, 0));
    let (existing_hash, incoming_hash) = (MAIN.hash(11), other.hash(11));
    assert_eq!(reorg.cause, ReorgCause::Fork { existing_hash, incoming_hash });
    assert_eq!(reached(&ingested.state), (Some(11), Some(10), 1));
    assert!(ingested.state.reorg_detected());

    other.push(store, &[], Some(12)).await;
    assert_eq!(withdrawn(store, 0).await, Some(7));
    assert_eq!(emitted(store, &id(0)).await, ["stream.created", "stream.withdrawn"]);
    let state = other.push(store, &[], Some(16)).await.state;
    assert!(!state.reorg_detected(), "the tip is five ledgers past the fork");
    assert_eq!(store.reorgs(10).await.unwrap(), [reorg]);
}

/// A fork below the safe ledger changes what streams were made of, and says so.
pub async fn a_fork_below_the_safe_ledger_rebuilds_the_streams_it_touches(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 100, 1),
        created(At(10, 2, 0), 1, 100, 1),
        withdrew(At(12, 1, 0), 0, 5),
        withdrew(At(13, 1, 0), 0, 6),
    ];
    MAIN.push(store, &events, Some(15)).await;
    let untouched = stream(store, 1).await;
    let other = MAIN.forked("b", 13);
    let ingested = other.push(store, &[paused(At(14, 1, 0), 0)], None).await;
    let reorg = ingested.reorg.unwrap();
    assert_eq!(
        (reorg.fork_ledger, reorg.depth, reorg.events_removed),
        (13, 2, 1),
        "found by the link alone, without an event"
    );
    assert_eq!(reorg.streams_rebuilt, 1);
    assert_eq!(reached(&ingested.state), (Some(14), Some(12), 1), "ledger 13 of the fork is missing");
    assert_eq!(withdrawn(store, 0).await, Some(5));
    assert_eq!(stream(store, 1).await, untouched);
    let history = ["stream.created", "stream.withdrawn", "stream.withdrawn", "stream.corrected"];
    assert_eq!(emitted(store, &id(0)).await, history);
}

/// A fork can leave a stream's events without the one that made it.
pub async fn a_stream_whose_creation_is_forked_away_goes_and_comes_back_in_its_place(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 100, 1),
        created(At(12, 1, 0), 1, 100, 1),
        withdrew(At(13, 1, 0), 1, 5),
        created(At(13, 2, 0), 2, 100, 1),
    ];
    MAIN.push(store, &events, Some(15)).await;
    let was = stream(store, 1).await.unwrap();
    let other = MAIN.forked("b", 12);
    other.push(store, &[withdrew(At(13, 1, 0), 1, 5), created(At(13, 2, 0), 2, 100, 1)], Some(15)).await;
    assert_eq!(stream(store, 1).await, None);
    assert_eq!(emitted(store, &id(1)).await, [""; 0], "what is not there has no history");
    MAIN.push(store, &events, Some(16)).await;
    let back = stream(store, 1).await.unwrap();
    assert_eq!(back.body, was.body);
    let history = ["stream.created", "stream.withdrawn", "stream.removed", "stream.created"];
    assert_eq!(emitted(store, &id(1)).await, history);
    assert_eq!(listed(store).await, [2, 1, 0].map(id), "each in the place it had");
    // The next stream must not get a sequence that was used before.
    other.push(store, &[created(At(13, 1, 0), 3, 100, 1)], Some(18)).await;
    assert_eq!(listed(store).await, [3, 0].map(id));
}

/// A fork brings a share of an earlier ledger than the events that it removes. The child begins from its parent in that
/// ledger, not from the parent at the end of the batch.
pub async fn a_stream_of_a_new_branch_begins_from_its_parent_at_that_time(store: &impl Store) {
    MAIN.push(store, &[created(At(10, 1, 0), 0, 1_000, 2)], Some(12)).await;
    MAIN.push(store, &[withdrew(At(13, 1, 0), 0, 5)], Some(15)).await;
    assert_eq!(withdrawn(store, 0).await, Some(5));
    let ingested = MAIN.forked("b", 12).push(store, &[shared(At(12, 1, 0), 0, 1, 1, 1)], Some(14)).await;
    assert_eq!((ingested.reorg.unwrap().fork_ledger, withdrawn(store, 0).await), (12, Some(0)));
    let streams = [stream(store, 0).await.unwrap(), stream(store, 1).await.unwrap()];
    assert_eq!(rebuilt_from_scratch(store).await, streams);
    assert_eq!(emitted(store, &id(1)).await, ["stream.created"]);
}

async fn listed(store: &impl Store) -> Vec<StreamId> {
    let query = crate::StreamQuery {
        filter: crate::StreamFilter::default(),
        at: crate::conformance::fixtures::second(0),
        before: None,
        limit: 100,
    };
    store.list_streams(&query).await.unwrap().streams.iter().map(Stream::id).collect()
}

/// A to B and back to A: the events of A are part of the chain again, under the ids they had.
pub async fn a_chain_that_returns_has_its_events_again(store: &impl Store) {
    let events =
        [created(At(10, 1, 0), 0, 100, 1), withdrew(At(11, 1, 0), 0, 5), withdrew(At(12, 1, 0), 0, 5)];
    MAIN.push(store, &events, Some(14)).await;
    let was = stream(store, 0).await.unwrap();
    let other = MAIN.forked("b", 11);
    let with_other_contents = withdrew(At(11, 1, 0), 0, 50);
    other.push(store, &[with_other_contents], Some(14)).await;
    assert_eq!(withdrawn(store, 0).await, Some(50));
    let ingested = MAIN.push(store, &events, Some(14)).await;
    assert_eq!((ingested.inserted, ingested.duplicates), (vec![1, 2], vec![0]));
    let back = stream(store, 0).await.unwrap();
    assert_eq!(back, Stream { event_count: back.event_count, ..was });
    assert_eq!(store.reorgs(10).await.unwrap().len(), 2);
}

/// Only a hash contradicts: a source that is behind, or silent about ledgers, proves nothing.
pub async fn a_shorter_chain_is_no_fork(store: &impl Store) {
    MAIN.push(store, &[created(At(10, 1, 0), 0, 100, 1)], Some(20)).await;
    let ingested = MAIN.push(store, &[], Some(12)).await;
    assert_eq!(ingested.reorg, None);
    assert_eq!(reached(&ingested.state), (Some(20), Some(19), 0));
}

/// What lies deeper than the limit is final: the batch is refused, nothing changes, and the refusal is remembered.
pub async fn a_fork_into_final_ledgers_is_refused_and_remembered(store: &impl Store) {
    let rules = Rules { safety_margin: 1, max_reorg_depth: 3, ..Rules::default() };
    let push = |branch: Branch<'static>, ledger| {
        let batch = branch.batch(&[], Some(ledger));
        async move { store.ingest(batch, rules, t(1_000)).await.unwrap() }
    };
    for ledger in 1..=20 {
        push(MAIN, ledger).await.unwrap();
    }
    let before = store.chain_state().await.unwrap();
    assert_eq!(before.frontier.final_ledger, Some(16));
    static MAIN_CHAIN: Branch<'static> = MAIN;
    let refused = push(MAIN_CHAIN.forked("b", 16), 16).await.unwrap_err();
    assert!(matches!(refused, Refusal::TooDeep { final_ledger: 16, .. }), "{refused:?}");
    let after = store.chain_state().await.unwrap();
    assert_eq!(after.refused.as_ref().map(|refused| refused.fork_ledger), Some(16));
    assert_eq!(ChainState { refused: None, ..after }, before);

    let deepest = push(MAIN_CHAIN.forked("b", 17), 17).await.unwrap();
    assert_eq!(deepest.reorg.unwrap().depth, 3);
    assert_eq!(deepest.state.refused, None);
    assert_eq!(
        deepest.state.frontier.final_ledger,
        Some(16),
        "what was final stays final, though the tip went down"
    );
    let refused = push(MAIN_CHAIN.forked("c", 16), 16).await.unwrap_err();
    assert!(matches!(refused, Refusal::TooDeep { .. }), "{refused:?}");
}

/// An operator goes where no batch can.
pub async fn a_rewind_goes_below_the_final_ledger(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 1), withdrew(At(12, 1, 0), 0, 5)];
    MAIN.push(store, &events, Some(500)).await;
    let rewind = Rewind { to_ledger: 11, reason: "wrong network".to_owned() };
    let Rewound { reorg, state: answered } =
        store.rewind(rewind, Rules::default(), t(2_000)).await.unwrap().unwrap();
    assert_eq!((reorg.fork_ledger, reorg.tip_before, reorg.events_removed), (12, Some(500), 1));
    assert_eq!((reorg.streams_rebuilt, reorg.at), (1, t(2_000)));
    assert_eq!(reorg.cause, ReorgCause::Rewind { reason: "wrong network".to_owned() });
    assert_eq!(withdrawn(store, 0).await, None, "its ledger is the tip, and not safe");
    let state = store.chain_state().await.unwrap();
    assert_eq!((reached(&state), state.frontier.final_ledger), ((Some(10), Some(9), 1), None));
    assert_eq!(answered, state, "a rewind answers the state after it");
    assert_eq!(state.last_reorg, Some(reorg));

    let other = MAIN.forked("b", 11);
    other.push(store, &[withdrew(At(11, 1, 0), 0, 8)], Some(13)).await;
    assert_eq!(withdrawn(store, 0).await, Some(8));
    let streams = [stream(store, 0).await.unwrap()];
    assert_eq!(rebuilt_from_scratch(store).await, streams);
}

/// Refused inside the transaction that would have removed ledgers: nothing is recorded.
pub async fn a_rewind_that_removes_no_ledger_is_refused_and_leaves_no_trace(store: &impl Store) {
    let rewind = |to_ledger| {
        let rewind = Rewind { to_ledger, reason: "mistyped".to_owned() };
        async move { store.rewind(rewind, Rules::default(), t(2_000)).await.unwrap().unwrap_err() }
    };
    assert_eq!(rewind(0).await, RewindRefused::NothingToUndo { to_ledger: 0, tip: None });
    MAIN.push(store, &[created(At(10, 1, 0), 0, 100, 1)], Some(20)).await;
    let before = store.chain_state().await.unwrap();
    for to_ledger in [20, 21, u32::MAX] {
        assert_eq!(rewind(to_ledger).await, RewindRefused::NothingToUndo { to_ledger, tip: Some(20) });
    }
    assert_eq!(store.chain_state().await.unwrap(), before);
    assert_eq!(store.reorgs(10).await.unwrap(), []);
}

/// A wider margin leaves more ledgers pending; a fork moves the safe ledger back below them.
pub async fn a_wide_margin_is_kept_through_a_fork(store: &impl Store) {
    let rules = Rules { safety_margin: 3, ..Rules::default() };
    let events = [created(At(10, 1, 0), 0, 100, 1), withdrew(At(17, 1, 0), 0, 5)];
    store.ingest(MAIN.batch(&events, Some(19)), rules, t(0)).await.unwrap().unwrap();
    let ingested = store.ingest(MAIN.batch(&[], Some(20)), rules, t(0)).await.unwrap().unwrap();
    assert_eq!(reached(&ingested.state), (Some(20), Some(17), 0));
    assert_eq!(withdrawn(store, 0).await, Some(5));
    let other = MAIN.forked("b", 19);
    let ingested = store.ingest(other.batch(&[], Some(19)), rules, t(0)).await.unwrap().unwrap();
    assert_eq!(reached(&ingested.state), (Some(19), Some(16), 1));
    assert_eq!(withdrawn(store, 0).await, Some(0), "ledger 17 waits again");
}
