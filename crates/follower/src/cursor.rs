//! Where a follower continues.

use fluxora_indexer::Opaque;
use fluxora_store::chain::ChainState;
use fluxora_store::{ChainStore, StoreError};

/// The next ledger, and the hash of the one before if it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) next: u32,
    pub(crate) previous: Option<Opaque>,
}

impl Cursor {
    /// Continues after the newest stored ledger below which none is missing; `None` if nothing is stored.
    pub(crate) async fn read(store: &dyn ChainStore) -> Result<Option<Self>, StoreError> {
        let Some(next) = next(&store.chain_state().await?) else { return Ok(None) };
        Self::at(store, next).await.map(Some)
    }

    /// Continues with this ledger.
    pub(crate) async fn at(store: &dyn ChainStore, next: u32) -> Result<Self, StoreError> {
        let before = next.saturating_sub(1);
        let previous = store.ledgers(before..=before).await?.pop().map(|ledger| ledger.hash);
        Ok(Self { next, previous })
    }
}

/// The first ledger that has to be read: a missing one below the tip, or the one after the tip.
pub(crate) fn next(state: &ChainState) -> Option<u32> {
    let after_tip = state.frontier.tip.as_ref()?.ledger.saturating_add(1);
    let missing = missing(state);
    Some(missing.map_or(after_tip, |missing| missing.min(after_tip)))
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
    fn a_follower_continues_after_the_tip_or_with_the_first_missing_ledger() {
        assert_eq!(next(&state(None, None, &[])), None);
        assert_eq!(next(&state(Some(9), None, &[])), Some(10));
        assert_eq!(next(&state(Some(9), Some(4), &[])), Some(4));
        assert_eq!(next(&state(Some(9), Some(4), &[3, 7])), Some(3));
        assert_eq!(next(&state(Some(9), None, &[7])), Some(7));
    }
}
