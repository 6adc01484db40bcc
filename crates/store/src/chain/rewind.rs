use fluxora_indexer::{RewindPlan, RewindRefused, Rules, first_hole, plan_rewind};
use fluxora_stream::Cause;
use jiff::Timestamp;

use super::dependents::dependency_graph;
use super::orphans::{Moved, recount};
use super::project::Projection;
use super::undo::{Invalidated, Undone, count, undo};
use super::{ChainTransaction, ContractTallies, Reorg, ReorgCause, Rewind, Rewound};

/// Removes every ledger after one, in one transaction: [`ChainStore::rewind`](super::ChainStore::rewind).
pub async fn rewind<T: ChainTransaction>(
    transaction: &mut T,
    rewind: &Rewind,
    rules: Rules,
    now: Timestamp,
) -> Result<Result<Rewound, RewindRefused>, T::Fault> {
    let mut state = transaction.state().await?;
    let newest_kept = transaction.newest_ledger(rewind.to_ledger).await?;
    let plan = match plan_rewind(&state.frontier, newest_kept, rewind.to_ledger, rules, now) {
        Ok(plan) => plan,
        Err(refused) => return Ok(Err(refused)),
    };
    let RewindPlan { fork, depth, mut frontier } = plan;

    let (mut invalidated, mut contracts) = (Invalidated::default(), ContractTallies::default());
    let (ledgers, safe) = (vec![fork..=u32::MAX], frontier.last_safe);
    let Undone { removed, taken_back } =
        undo(transaction, &mut state, ledgers, safe, &mut invalidated, &mut contracts).await?;
    let Invalidated { streams, first, .. } = invalidated;
    let graph = dependency_graph(transaction, streams, first, safe).await?;
    let mut projection = Projection::new(now);
    projection.load(transaction, &[], &graph).await?;
    projection.rebuild(transaction, &graph, &Cause::Reorg { fork_ledger: fork }).await?;
    let moved = Moved {
        keep: frontier.last_safe,
        reads_newly_safe: false,
        taken_back: &taken_back,
        late: &[],
        newly_safe: &[],
    };
    recount(transaction, &mut state, &projection, &graph, moved).await?;
    let streams_rebuilt = projection.rebuilt;
    projection.write(transaction, Some(contracts)).await?;

    let mut reorg = Reorg {
        number: 0,
        at: now,
        fork_ledger: fork,
        depth,
        tip_before: state.frontier.tip.map(|tip| tip.ledger),
        events_removed: count(removed.len()),
        streams_rebuilt,
        cause: ReorgCause::Rewind { reason: rewind.reason.clone() },
    };
    reorg.number = transaction.record_reorg(&reorg).await?;
    let above = transaction.ledgers_from(frontier.last_safe.unwrap_or_default()).await?;
    frontier.hole = first_hole(&above);
    state.frontier = frontier;
    // What is removed is pushed again from the fork on.
    state.resync.0.retain(|ledger| *ledger < fork);
    (state.refused, state.refused_tip) = (None, None);
    transaction.save(&state).await?;
    state.last_reorg = Some(reorg.clone());
    Ok(Ok(Rewound { reorg, state }))
}
