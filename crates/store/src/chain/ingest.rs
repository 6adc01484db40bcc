use std::collections::{BTreeMap, BTreeSet, HashSet};

use fluxora_indexer::projection::{Classified, Projected, ReportedAnomaly, Unprojected};
use fluxora_indexer::{Batch, IngestPlan, Refusal, Rollback, Rules, StoredView, ledgers_needed_from, plan};
use fluxora_stream::Cause;
use jiff::Timestamp;

use super::dependents::dependency_graph;
use super::evidence::{check_lease, write_evidence};
use super::orphans::{Moved, recount};
use super::project::Projection;
use super::undo::{Invalidated, Undone, count, tally, undo};
use super::{
    ChainState, ChainTransaction, ContractTallies, Ingested, RefusedReorg, RefusedTip, Reorg, ReorgCause,
    StoredEvent,
};

/// Ingests a batch, in one transaction: [`ChainStore::ingest`](super::ChainStore::ingest).
pub async fn ingest<T: ChainTransaction>(
    transaction: &mut T,
    batch: &Batch,
    rules: Rules,
    now: Timestamp,
) -> Result<Result<Ingested, Refusal>, T::Fault> {
    let mut state = transaction.state().await?;
    if let Err(refusal) = check_lease(transaction, batch).await? {
        return Ok(Err(refusal));
    }
    let view = view(transaction, &state, batch, rules).await?;
    let plan = match plan(&view, batch, rules, now) {
        Ok(plan) => plan,
        Err(refusal) => {
            if remember(&mut state, &refusal, now) {
                transaction.save(&state).await?;
            }
            return Ok(Err(refusal));
        }
    };
    let (mut invalidated, mut contracts) = (Invalidated::default(), ContractTallies::default());
    let fork = plan.rollback.as_ref().map(|rollback| rollback.fork);
    if fork.is_some() {
        transaction.expect_rebuild().await?;
    }
    let ledgers = plan.remove.clone();
    let Undone { removed, taken_back } =
        undo(transaction, &mut state, ledgers, plan.keep, &mut invalidated, &mut contracts).await?;
    let emptied = removed.iter().map(|stored| stored.event.position.ledger);
    state.resync.0.extend(emptied.filter(|ledger| plan.unproven.contains(ledger)));
    batch.ledgers().for_each(|ledger| _ = state.resync.0.remove(&ledger.sequence));
    transaction.write_ledgers(&plan.ledgers).await?;
    write_evidence(transaction, batch).await?;
    let late = insert(transaction, &mut state, batch, &plan, &mut invalidated, &mut contracts).await?;

    let safe = plan.frontier.last_safe;
    let newly_safe = match safe.filter(|_| safe > plan.keep) {
        Some(upto) => transaction.events_between(plan.keep, upto).await?,
        None => Vec::new(),
    };
    state.pending = state.pending.saturating_sub(count(newly_safe.len()));
    // A reorg emits one correction per changed stream, with its state at the end of the batch. Late events emit
    // corrections up to the ledger that was safe before, and then each change by events that have become safe.
    let forked = fork.is_some();
    let cause = match &plan.rollback {
        Some(rollback) => Cause::Reorg { fork_ledger: rollback.fork },
        None => Cause::LateEvents { ledger: invalidated.first_late.unwrap_or_default() },
    };
    if !invalidated.streams.is_empty() {
        transaction.expect_rebuild().await?;
    }
    // After a reorg the rebuild also covers the newly safe events. One of them may create a stream from a rebuilt one in a
    // ledger before the first invalidated event: that stream has to be rebuilt too, since it starts from an earlier state.
    let (from, upto) = if forked {
        let first_newly_safe = plan.keep.map_or(0, |keep| keep.saturating_add(1));
        (invalidated.first.min(first_newly_safe), safe)
    } else {
        (invalidated.first, plan.keep)
    };
    let graph = dependency_graph(transaction, invalidated.streams, from, upto).await?;
    let mut projection = Projection::new(now);
    projection.load(transaction, &newly_safe, &graph).await?;
    let rebuilt = projection.rebuild(transaction, &graph, &cause).await?;
    let advanced = projection.advance(&newly_safe, |id| !(forked && graph.members.contains(id)));
    let (unprojected, anomalies) = unreported(rebuilt, advanced, batch, &plan, &newly_safe);

    let moved = Moved {
        keep: plan.keep,
        reads_newly_safe: forked,
        taken_back: &taken_back,
        late: &late,
        newly_safe: &newly_safe,
    };
    let orphans = recount(transaction, &mut state, &projection, &graph, moved).await?;
    let streams_rebuilt = projection.rebuilt;
    projection.write(transaction, Some(contracts)).await?;
    let reorg = match plan.rollback {
        Some(rollback) => {
            Some(record(transaction, &state, rollback, count(removed.len()), streams_rebuilt, now).await?)
        }
        None => None,
    };
    if reorg.is_some() {
        state.last_reorg.clone_from(&reorg);
    }
    state.frontier = plan.frontier;
    state.synced_at = Some(now);
    (state.refused, state.refused_tip) = (None, None);
    transaction.save(&state).await?;
    Ok(Ok(Ingested {
        inserted: plan.insert,
        duplicates: plan.duplicates,
        state,
        reorg,
        orphans,
        unprojected,
        anomalies,
    }))
}

async fn view<T: ChainTransaction>(
    transaction: &mut T,
    state: &ChainState,
    batch: &Batch,
    rules: Rules,
) -> Result<StoredView, T::Fault> {
    let ledgers = transaction.ledgers(&batch.neighbourhood()).await?;
    let events = transaction.known_events(batch.events()).await?;
    let mut view = StoredView {
        frontier: state.frontier.clone(),
        synced_at: state.synced_at,
        ledgers: ledgers.into_iter().map(|ledger| (ledger.sequence, ledger)).collect(),
        events,
    };
    if let Some(from) = ledgers_needed_from(&view, batch, rules) {
        let all = transaction.ledgers_from(from).await?;
        view.ledgers.extend(all.into_iter().map(|ledger| (ledger.sequence, ledger)));
    }
    Ok(view)
}

/// Puts a refusal that an operator has to know into the state; `false` if there is nothing to remember.
fn remember(state: &mut ChainState, refusal: &Refusal, now: Timestamp) -> bool {
    match refusal {
        Refusal::TooDeep { rollback, .. } => {
            state.refused = Some(RefusedReorg { at: now, fork_ledger: rollback.fork });
            true
        }
        Refusal::ImplausibleTip { ledger, .. } => {
            state.refused_tip = Some(RefusedTip { at: now, ledger: *ledger });
            true
        }
        Refusal::EventConflict { .. }
        | Refusal::LedgerConflict { .. }
        | Refusal::CloseTimeConflict { .. }
        | Refusal::LeaseLost { .. } => false,
    }
}

/// Writes the events that are not stored and the invocations of those that are, and invalidates the streams of late ones.
/// Returns the late events.
async fn insert<T: ChainTransaction>(
    transaction: &mut T,
    state: &mut ChainState,
    batch: &Batch,
    plan: &IngestPlan,
    invalidated: &mut Invalidated,
    contracts: &mut ContractTallies,
) -> Result<Vec<StoredEvent>, T::Fault> {
    let mut late = BTreeSet::new();
    let mut insert = Vec::with_capacity(plan.insert.len());
    for (event, classified) in plan.insert.iter().filter_map(|index| batch.classified(*index)) {
        let Classified { class, subjects, version: _ } = classified;
        contracts.add(event, classified);
        state.events = state.events.saturating_add(1);
        tally(state, class, u64::saturating_add);
        if Some(event.position.ledger) > plan.keep {
            state.pending = state.pending.saturating_add(1);
        } else {
            // Of any class: an event about no stream also separates the transfers before it from a withdrawal after it.
            late.insert(event.position.transaction());
        }
        insert.push(StoredEvent { event: event.clone(), class, subjects });
    }
    transaction.insert_events(&insert).await?;
    let known = plan.invocations.iter().filter_map(|index| batch.events().get(*index));
    // The last one outweighs those before it.
    let known: BTreeMap<_, _> = known.map(|event| (event.position, event)).collect();
    late.extend(
        known
            .keys()
            .filter(|position| Some(position.ledger) <= plan.keep)
            .map(|position| position.transaction()),
    );
    let known: Vec<_> = known.into_values().cloned().collect();
    transaction.write_invocations(&known).await?;
    let late: Vec<_> = late.into_iter().collect();
    invalidated.first_late = late.first().map(|(ledger, _)| *ledger);
    for stored in transaction.events_of_transactions(&late).await? {
        invalidated.add(&stored);
    }
    insert.retain(|stored| Some(stored.event.position.ledger) <= plan.keep);
    Ok(insert)
}

/// Unprojected events and anomalies of new or newly safe events. Those of rebuilt events were reported before.
fn unreported(
    rebuilt: Projected,
    advanced: Projected,
    batch: &Batch,
    plan: &IngestPlan,
    newly_safe: &[StoredEvent],
) -> (Vec<Unprojected>, Vec<ReportedAnomaly>) {
    let inserted = plan
        .insert
        .iter()
        .chain(&plan.invocations)
        .filter_map(|index| batch.events().get(*index))
        .map(|event| &event.id);
    let new: HashSet<_> = inserted.chain(newly_safe.iter().map(|stored| &stored.event.id)).collect();
    let mut seen = HashSet::new();
    let (mut unprojected, mut anomalies) = (rebuilt.unprojected, rebuilt.anomalies);
    unprojected.extend(advanced.unprojected);
    anomalies.extend(advanced.anomalies);
    unprojected.retain(|one| new.contains(&one.event) && seen.insert(one.event.clone()));
    anomalies.retain(|one| new.contains(&one.event));
    (unprojected, anomalies)
}

async fn record<T: ChainTransaction>(
    transaction: &mut T,
    state: &ChainState,
    rollback: Rollback,
    events_removed: u64,
    streams_rebuilt: u64,
    now: Timestamp,
) -> Result<Reorg, T::Fault> {
    let Rollback { fork, depth, existing_hash, incoming_hash } = rollback;
    let mut reorg = Reorg {
        number: 0,
        at: now,
        fork_ledger: fork,
        depth,
        tip_before: state.frontier.tip.as_ref().map(|tip| tip.ledger),
        events_removed,
        streams_rebuilt,
        cause: ReorgCause::Fork { existing_hash, incoming_hash },
    };
    reorg.number = transaction.record_reorg(&reorg).await?;
    Ok(reorg)
}
