use fluxora_indexer::{Frontier, Rules, Tip};
use fluxora_stream::Cause;
use jiff::Timestamp;

use super::dependents::family;
use super::ingest::{Dirty, undo_from};
use super::project::Projection;
use super::{ChainTransaction, Reorg, ReorgCause, Rewind};

/// Undoes every ledger after one, in one transaction: [`ChainStore::rewind`](super::ChainStore::rewind).
pub async fn rewind<T: ChainTransaction>(
    transaction: &mut T,
    rewind: &Rewind,
    rules: Rules,
    now: Timestamp,
) -> Result<Reorg, T::Fault> {
    let mut state = transaction.state().await?;
    let before = state.frontier.clone();
    let fork_ledger = rewind.to_ledger.saturating_add(1);
    let tip = transaction.newest_ledger(rewind.to_ledger).await?;
    let tip = tip.map(|ledger| Tip { ledger: ledger.sequence, hash: ledger.hash });
    let below = |depth: u32| tip.as_ref().and_then(|tip| tip.ledger.checked_sub(depth));
    let last_safe = before.last_safe.min(below(rules.safety_margin));
    let final_ledger = before.final_ledger.min(below(rules.max_reorg_depth.saturating_add(1)));

    let mut dirty = Dirty::default();
    let fork = (rewind.to_ledger < u32::MAX).then_some(fork_ledger);
    let events_removed = undo_from(transaction, &mut state, fork, last_safe, &mut dirty).await?;
    let family = family(transaction, dirty.streams, last_safe).await?;
    let mut projection = Projection::new(now);
    projection.load(transaction, &[], &family).await?;
    projection.build_again(&family, &Cause::Reorg { fork_ledger });
    let streams_rebuilt = projection.rebuilt;
    projection.write(transaction).await?;

    let tip_before = before.tip.map(|tip| tip.ledger);
    let mut reorg = Reorg {
        number: 0,
        at: now,
        fork_ledger,
        depth: tip_before.unwrap_or_default().saturating_sub(fork_ledger),
        tip_before,
        events_removed,
        streams_rebuilt,
        cause: ReorgCause::Rewind { reason: rewind.reason.clone() },
    };
    reorg.number = transaction.record_reorg(&reorg).await?;
    state.frontier = Frontier { tip, last_safe, final_ledger };
    state.refused = None;
    transaction.save(&state).await?;
    Ok(reorg)
}
