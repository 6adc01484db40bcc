//! Ledgers and creations that are missing, and tips that cannot be.

use fluxora_indexer::{Hole, Refusal, Rules};

use super::events::*;
use super::ingesting::rebuilt_from_scratch;
use super::vesting_events::*;
use super::*;
use crate::chain::{RefusedTip, Rewind};

/// A later ledger of a branch arrives first. When an earlier one shows the fork, what links to it stays.
pub async fn stored_ledgers_of_a_new_branch_stay_when_an_earlier_one_arrives(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 1), withdrew(At(12, 1, 0), 0, 5)];
    MAIN.push(store, &events, Some(12)).await;
    let other = LINKED.forked("b", 12);
    other.push(store, &[withdrew(At(14, 1, 0), 0, 7)], Some(15)).await;
    let ingested = other.push(store, &[withdrew(At(13, 1, 0), 0, 20)], None).await;
    assert_eq!(ingested.reorg.as_ref().map(|reorg| (reorg.fork_ledger, reorg.events_removed)), Some((12, 1)));
    assert!(ingested.state.resync.0.is_empty(), "{:?}", ingested.state);
    other.push(store, &[], Some(12)).await;
    let state = other.push(store, &[], Some(16)).await.state;
    assert_eq!(withdrawn(store, 0).await, Some(27), "{state:?}");
    assert_eq!(rebuilt_from_scratch(store).await, [stream(store, 0).await.unwrap()]);
}

/// Without links nothing shows which branch a ledger belongs to: what had events has to be pushed again.
pub async fn a_removed_ledger_of_an_unknown_branch_has_to_be_pushed_again(store: &impl Store) {
    let resync = |ingested: &Ingested| ingested.state.resync.0.iter().copied().collect::<Vec<_>>();
    MAIN.push(store, &[created(At(10, 1, 0), 0, 100, 1), withdrew(At(13, 1, 0), 0, 5)], Some(13)).await;
    // So far above its first ledger that it has no link.
    let other = MAIN.forked("b", 11);
    let first = other.push(store, &[withdrew(At(14, 1, 0), 0, 7)], Some(15)).await;
    assert_eq!((first.reorg, first.state.resync.0.len()), (None, 0));
    let forked = other.push(store, &[withdrew(At(13, 1, 0), 0, 20)], None).await;
    assert_eq!((forked.reorg.as_ref().unwrap().events_removed, resync(&forked)), (2, vec![14]));
    assert_eq!(resync(&other.push(store, &[], Some(15)).await), [14]);
    assert_eq!(store.chain_state().await.unwrap().resync, forked.state.resync, "it is stored");
    let again = other.push(store, &[withdrew(At(14, 1, 0), 0, 7)], None).await;
    assert_eq!((resync(&again), again.inserted.len()), (vec![], 1));
    assert_eq!(withdrawn(store, 0).await, Some(27));
}

/// The pusher sends the chain from the rewind on.
pub async fn a_rewind_ends_the_wait_for_ledgers_after_it(store: &impl Store) {
    a_removed_ledger_of_an_unknown_branch_has_to_be_pushed_again(store).await;
    MAIN.forked("c", 11).push(store, &[withdrew(At(13, 1, 0), 0, 1)], None).await;
    assert_eq!(store.chain_state().await.unwrap().resync.0.len(), 1);
    let rewind = Rewind { to_ledger: 12, reason: "resync".to_owned() };
    let rewound = store.rewind(rewind, Rules::default(), t(2_000)).await.unwrap().unwrap();
    assert_eq!(rewound.state.resync.0.len(), 0);
    assert_eq!(store.chain_state().await.unwrap(), rewound.state);
}

/// A link to a ledger that was never pushed: later ledgers wait until it is.
pub async fn the_last_safe_ledger_stays_below_a_proven_hole(store: &impl Store) {
    LINKED.push(store, &[created(At(10, 1, 0), 0, 100, 1)], None).await;
    let state = LINKED.push(store, &[withdrew(At(12, 1, 0), 0, 5)], None).await.state;
    assert_eq!(
        (reached(&state), state.frontier.hole),
        ((Some(12), Some(10), 1), Some(Hole { from: 11, to: 11 }))
    );
    let state = LINKED.push(store, &[], Some(13)).await.state;
    assert_eq!(
        (reached(&state), state.frontier.hole),
        ((Some(13), Some(10), 1), Some(Hole { from: 11, to: 11 }))
    );
    assert_eq!(store.chain_state().await.unwrap(), state);
    assert_eq!(withdrawn(store, 0).await, Some(0));

    let state = LINKED.push(store, &[withdrew(At(11, 1, 0), 0, 20)], None).await.state;
    assert_eq!((reached(&state), state.frontier.hole), ((Some(13), Some(12), 0), None));
    assert_eq!(withdrawn(store, 0).await, Some(25));
    assert_eq!(emitted(store, &id(0)).await, ["stream.created", "stream.withdrawn", "stream.withdrawn"]);
}

/// Without links a quiet ledger and a missing one look alike.
pub async fn a_ledger_without_a_link_proves_no_hole(store: &impl Store) {
    let state = MAIN.push(store, &[created(At(10, 1, 0), 0, 100, 1)], Some(15)).await.state;
    assert_eq!((reached(&state), state.frontier.hole), ((Some(15), Some(14), 0), None));
}

/// A hole goes with the ledger that proves it.
pub async fn a_rewind_below_a_hole_closes_it(store: &impl Store) {
    LINKED.push(store, &[created(At(10, 1, 0), 0, 100, 1)], Some(11)).await;
    LINKED.push(store, &[], Some(15)).await;
    let rewind = |to_ledger| {
        let rewind = Rewind { to_ledger, reason: "hole".to_owned() };
        async move { store.rewind(rewind, Rules::default(), t(2_000)).await.unwrap().unwrap().state }
    };
    assert_eq!(store.chain_state().await.unwrap().frontier.hole, Some(Hole { from: 12, to: 14 }));
    assert_eq!(rewind(14).await.frontier.hole, None);
    assert_eq!(LINKED.push(store, &[], Some(12)).await.state.frontier.last_safe, Some(11));
}

/// Events of a stream whose creation was never pushed are counted; with its creation they are events of a stream.
pub async fn events_of_a_stream_that_was_never_created_are_counted(store: &impl Store) {
    let events = [withdrew(At(10, 1, 0), 0, 5), withdrew(At(11, 1, 0), 0, 6), withdrew(At(11, 2, 0), 7, 1)];
    let ingested = MAIN.push(store, &events, Some(13)).await;
    let orphans: Vec<_> =
        ingested.orphans.iter().map(|orphan| (orphan.event.as_str(), orphan.stream)).collect();
    assert_eq!(orphans, [("10-1-0", id(0)), ("11-1-0", id(0)), ("11-2-0", id(7))]);
    assert_eq!(ingested.state.orphans, 3);
    let late = MAIN.push(store, &[withdrew(At(12, 1, 0), 7, 2)], None).await;
    assert_eq!((late.orphans.len(), late.state.orphans), (1, 4));
    let created_late = MAIN.push(store, &[created(At(9, 1, 0), 0, 100, 1)], None).await;
    assert_eq!((created_late.orphans.len(), created_late.state.orphans), (0, 2));
    assert_eq!(withdrawn(store, 0).await, Some(11));
    let created_next = MAIN.push(store, &[created(At(14, 1, 0), 7, 100, 1)], Some(15)).await;
    assert_eq!(created_next.state.orphans, 0, "its stream exists");
    assert_eq!(store.chain_state().await.unwrap(), created_next.state);
    let fork = MAIN.forked("b", 14).push(store, &[], Some(14)).await;
    assert_eq!(fork.state.orphans, 2, "its stream is gone");
}

/// The same in a vesting contract, and where the creation was pushed and cannot be read.
pub async fn events_of_a_stream_whose_creation_is_unreadable_are_counted(store: &impl Store) {
    let events = [
        vesting_created(At(10, 1, 0), 0, 1_000, 0),
        vesting_unreadable(At(10, 2, 0), 1),
        vesting_withdrawn(At(11, 1, 0), 1, 5, 5, 1_000),
        vesting_withdrawn(At(11, 2, 0), 7, 5, 5, 1_000),
        vesting_unreadable(At(11, 3, 0), 0),
    ];
    let ingested = MAIN.push(store, &events, Some(13)).await;
    let orphans: Vec<_> =
        ingested.orphans.iter().map(|orphan| (orphan.event.as_str(), orphan.stream)).collect();
    let [one, seven] = [1, 7].map(vesting_id);
    assert_eq!(orphans, [("10-2-0", one), ("11-1-0", one), ("11-2-0", seven)]);
    assert_eq!((ingested.state.orphans, store.chain_state().await.unwrap().orphans), (3, 3));
    let reported: Vec<_> = ingested.unprojected.iter().map(|one| (one.stream, one.marks_stream)).collect();
    assert_eq!(reported, [(Some(one), false), (Some(vesting_id(0)), true)]);
}

/// Unix seconds in place of a ledger: refused, remembered, and forgotten with the next batch.
pub async fn an_implausible_tip_is_refused_and_remembered(store: &impl Store) {
    let rules = Rules { max_tip_jump: 100, ..Rules::default() };
    let push = |batch| async move { store.ingest(batch, rules, t(1_000)).await.unwrap() };
    push(MAIN.batch(&[created(At(10, 1, 0), 0, 100, 1)], Some(12))).await.unwrap();
    let before = store.chain_state().await.unwrap();
    let seconds = u32::try_from((t(1_000).as_second() - closed_at(12).as_second()).max(0)).unwrap();
    let highest = 12 + seconds + 100;
    let refused = |ledger| Err(Refusal::ImplausibleTip { ledger, tip: Some(12), highest });
    assert_eq!(push(MAIN.batch(&[], Some(highest + 1))).await, refused(highest + 1));
    let event = withdrew(At(1_767_225_600, 1, 0), 0, 5);
    assert_eq!(push(MAIN.batch(&[event], None)).await, refused(1_767_225_600));
    let after = store.chain_state().await.unwrap();
    assert_eq!(after.refused_tip, Some(RefusedTip { at: t(1_000), ledger: 1_767_225_600 }));
    assert_eq!(ChainState { refused_tip: None, ..after }, before);
    let taken = push(MAIN.batch(&[], Some(highest))).await.unwrap();
    assert_eq!((taken.state.refused_tip, taken.state.frontier.tip.unwrap().ledger), (None, highest));
}
