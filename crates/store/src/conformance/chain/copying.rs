//! A chain with a past, for copies, and how it continues.

use fluxora_indexer::{InvocationSource, Refusal, Rules};

use super::events::*;
use super::evidence::proven;
use super::invocations::with_call;
use super::*;
use crate::ChainStore;
use crate::chain::Rewind;

const FORKED: Branch<'_> = MAIN.forked("b", 12);

/// Every kind of chain record: streams that were changed, rebuilt, shared and removed; unknown, unreadable and pending events; a reorg, a
/// rewind, and a refused fork.
pub(in crate::conformance) async fn live_through_forks(store: &impl ChainStore) {
    let take = |batch| async move { store.ingest(batch, Rules::default(), t(1_000)).await.unwrap().unwrap() };
    for batch in a_chain_and_a_fork() {
        take(batch).await;
    }
    let batch = FORKED.batch(&[unknown(At(13, 1, 0)), unreadable(At(13, 2, 0), 0)], Some(17));
    take(proven(&batch, &[&contract().to_string(), "another"])).await;
    let rewind = Rewind { to_ledger: 15, reason: "\u{201c}tip\u{201d}\nwas wrong".to_owned() };
    store.rewind(rewind, Rules::default(), t(1_010)).await.unwrap().unwrap();

    let shallow = Rules { safety_margin: 1, max_reorg_depth: 4, ..Rules::default() };
    let waiting = FORKED.batch(&[waiting()], None);
    let state = store.ingest(waiting, shallow, t(1_020)).await.unwrap().unwrap().state;
    assert_eq!((reached(&state), state.unknown, state.unreadable), ((Some(16), Some(15), 1), 1, 1));
    let too_deep = MAIN.forked("c", 11).batch(&[], Some(11));
    let refused = store.ingest(too_deep, shallow, t(1_030)).await.unwrap().unwrap_err();
    assert!(matches!(refused, Refusal::TooDeep { final_ledger: 11, .. }), "{refused:?}");
}

fn waiting() -> ContractEvent {
    with_call(withdrew(At(16, 1, 0), 0, 3), true, InvocationSource::Pushed)
}

/// What comes next: what is known already, the chain of before the fork with the stream that had gone, a stream that never was,
/// and the one from the fork once more.
pub(in crate::conformance) async fn go_on(store: &impl ChainStore) -> Vec<Ingested> {
    let [chain, fork] = a_chain_and_a_fork();
    let created = MAIN.batch(&[created(At(16, 1, 0), 4, 1_000, 2)], Some(18));
    let batches = [FORKED.batch(&[waiting()], Some(17)), chain, created, fork];
    let mut taken = Vec::new();
    for (n, batch) in (0..).zip(batches) {
        taken.push(store.ingest(batch, Rules::default(), t(2_000 + n)).await.unwrap().unwrap());
    }
    taken
}

/// The stream that is gone after [`live_through_forks`].
pub(in crate::conformance) fn removed_stream() -> StreamId {
    id(2)
}
