//! Where a follower continues.

use fluxora_indexer::Opaque;
use fluxora_store::chain::ChainState;
use fluxora_store::{ChainStore, StoreError};

use crate::coverage::head;

/// The next ledger, and the hash of the one before if it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) next: u32,
    pub(crate) previous: Option<Opaque>,
}

impl Cursor {
    /// Continues after the newest ledger that was read for one of the contracts; `None` if neither a start nor anything stored
    /// says where.
    pub(crate) async fn read(
        store: &dyn ChainStore,
        contracts: &[Opaque],
        start: Option<u32>,
    ) -> Result<Option<Self>, StoreError> {
        let head = head(&store.coverage().await?, contracts);
        let Some(next) = next(&store.chain_state().await?, head, start) else { return Ok(None) };
        Self::at(store, next).await.map(Some)
    }

    /// Continues with this ledger.
    pub(crate) async fn at(store: &dyn ChainStore, next: u32) -> Result<Self, StoreError> {
        let before = next.saturating_sub(1);
        let previous = store.ledgers(before..=before).await?.pop().map(|ledger| ledger.hash);
        Ok(Self { next, previous })
    }
}

/// The first ledger that has to be read: a missing one, or the one after the newest that was read, or the start. Pushed ledgers
/// alone do not show that events are missing: without a start they are believed.
pub(crate) fn next(state: &ChainState, head: Option<u32>, start: Option<u32>) -> Option<u32> {
    let tip = || state.frontier.tip.as_ref().map(|tip| tip.ledger);
    let after = |ledger: u32| ledger.saturating_add(1);
    let next = head.map(after).or(start).or_else(|| tip().map(after))?;
    Some(missing(state).map_or(next, |missing| missing.min(next)))
}

/// The lowest ledger that is missing below the tip.
pub(crate) fn missing(state: &ChainState) -> Option<u32> {
    let hole = state.frontier.hole.map(|hole| hole.from);
    let again = state.resync.0.first().copied();
    hole.into_iter().chain(again).min()
}

#[cfg(test)]
mod tests {
    use fluxora_indexer::{Frontier, Hole, Tip};

    use super::*;

    fn state(tip: Option<u32>, hole: Option<u32>, resync: &[u32]) -> ChainState {
        let hash = Opaque::new("a").unwrap();
        let tip = tip.map(|ledger| Tip { ledger, hash, at: None });
        let hole = hole.map(|from| Hole { from, to: from });
        let mut state =
            ChainState { frontier: Frontier { tip, hole, ..Frontier::default() }, ..ChainState::default() };
        state.resync.0.extend(resync.iter().copied());
        state
    }

    #[test]
    fn a_follower_continues_after_what_was_read_or_with_the_first_missing_ledger() {
        let at = |state, head| next(&state, head, None);
        assert_eq!(at(state(None, None, &[]), None), None);
        assert_eq!(at(state(Some(9), None, &[]), None), Some(10));
        assert_eq!(at(state(Some(9), None, &[]), Some(6)), Some(7), "what was pushed above is read");
        assert_eq!(at(state(Some(9), Some(4), &[]), Some(9)), Some(4));
        assert_eq!(at(state(Some(9), Some(4), &[3, 7]), Some(9)), Some(3));
        assert_eq!(at(state(Some(9), None, &[7]), Some(9)), Some(7));
    }

    #[test]
    fn a_start_counts_until_a_ledger_was_read() {
        assert_eq!(next(&state(None, None, &[]), None, Some(3)), Some(3));
        assert_eq!(next(&state(Some(9), None, &[]), None, Some(3)), Some(3), "pushed ledgers are read again");
        assert_eq!(next(&state(Some(9), None, &[]), Some(9), Some(3)), Some(10));
    }
}
