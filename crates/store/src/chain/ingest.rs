use std::collections::{BTreeSet, HashSet};

use fluxora_indexer::projection::{Class, Projected, ReportedAnomaly, Unprojected};
use fluxora_indexer::{Batch, Frontier, IngestPlan, Refusal, Rollback, Rules, StoredView, plan};
use fluxora_stream::{Cause, StreamId};
use jiff::Timestamp;

use super::dependents::family;
use super::project::Projection;
use super::{ChainState, ChainTransaction, Ingested, RefusedReorg, Reorg, ReorgCause, StoredEvent};

/// Takes a batch, in one transaction: [`ChainStore::ingest`](super::ChainStore::ingest).
pub async fn ingest<T: ChainTransaction>(
    transaction: &mut T,
    batch: &Batch,
    rules: Rules,
    now: Timestamp,
) -> Result<Result<Ingested, Refusal>, T::Fault> {
    let mut state = transaction.state().await?;
    let view = view(transaction, &state, batch).await?;
    let plan = match plan(&view, batch, rules) {
        Ok(plan) => plan,
        Err(refusal) => {
            if let Refusal::TooDeep { rollback, .. } = &refusal {
                state.refused = Some(RefusedReorg { at: now, fork_ledger: rollback.fork });
                transaction.save(&state).await?;
            }
            return Ok(Err(refusal));
        }
    };
    let mut dirty = Dirty::default();
    let removed = undo(transaction, &mut state, &plan, &mut dirty).await?;
    transaction.write_ledgers(&plan.ledgers).await?;
    insert(transaction, &mut state, batch, &plan, &mut dirty).await?;

    let safe = plan.frontier.last_safe;
    let fresh = match safe.filter(|_| safe > plan.keep) {
        Some(upto) => transaction.events_between(plan.keep, upto).await?,
        None => Vec::new(),
    };
    state.pending = state.pending.saturating_sub(count(fresh.len()));
    // After a fork, streams are told of once, as they stand in the end. Where events came late, what is put right is one thing, and
    // what has become safe meanwhile is news of its own.
    let forked = plan.rollback.is_some();
    let cause = match &plan.rollback {
        Some(rollback) => Cause::Reorg { fork_ledger: rollback.fork },
        None => Cause::LateEvents { ledger: dirty.first_late.unwrap_or_default() },
    };
    let family = family(transaction, dirty.streams, if forked { safe } else { plan.keep }).await?;
    let mut projection = Projection::new(now);
    projection.load(transaction, &fresh, &family).await?;
    let again = projection.build_again(&family, &cause);
    let projected = projection.carry_on(&fresh, |id| !(forked && family.members.contains(id)));
    let (unprojected, anomalies) = unheard(again, projected, batch, &plan, &fresh);

    let rebuilt = projection.rebuilt;
    projection.write(transaction).await?;
    let reorg = match plan.rollback {
        Some(rollback) => Some(record(transaction, &state, rollback, removed, rebuilt, now).await?),
        None => None,
    };
    if reorg.is_some() {
        state.last_reorg.clone_from(&reorg);
    }
    state.frontier = plan.frontier;
    state.synced_at = Some(now);
    state.refused = None;
    transaction.save(&state).await?;
    Ok(Ok(Ingested {
        inserted: plan.insert,
        duplicates: plan.duplicates,
        state,
        reorg,
        unprojected,
        anomalies,
    }))
}

/// Streams that cannot be carried on but must be built again.
#[derive(Default)]
pub(super) struct Dirty {
    pub(super) streams: BTreeSet<StreamId>,
    first_late: Option<u32>,
}

impl Dirty {
    fn add(&mut self, stored: &StoredEvent) {
        self.streams.extend([stored.subjects.stream, stored.subjects.other].into_iter().flatten());
    }
}

async fn view<T: ChainTransaction>(
    transaction: &mut T,
    state: &ChainState,
    batch: &Batch,
) -> Result<StoredView, T::Fault> {
    let ledgers = transaction.ledgers(&batch.neighbourhood()).await?;
    let ids: Vec<_> = batch.events().iter().map(|event| event.id.clone()).collect();
    let events = transaction.events_by_id(&ids).await?;
    Ok(StoredView {
        frontier: state.frontier.clone(),
        ledgers: ledgers.into_iter().map(|ledger| (ledger.sequence, ledger)).collect(),
        events: events.into_iter().map(|event| (event.id.clone(), event)).collect(),
    })
}

/// Removes what a rollback takes away, and notes the streams that are different without it.
async fn undo<T: ChainTransaction>(
    transaction: &mut T,
    state: &mut ChainState,
    plan: &IngestPlan,
    dirty: &mut Dirty,
) -> Result<u64, T::Fault> {
    let fork = plan.rollback.as_ref().map(|rollback| rollback.fork);
    undo_from(transaction, state, fork, plan.keep, dirty).await
}

/// Removes the ledgers from `fork` on, and takes the events after `keep` out of the streams.
pub(super) async fn undo_from<T: ChainTransaction>(
    transaction: &mut T,
    state: &mut ChainState,
    fork: Option<u32>,
    keep: Option<u32>,
    dirty: &mut Dirty,
) -> Result<u64, T::Fault> {
    let Frontier { last_safe, .. } = state.frontier;
    let removed = match fork {
        Some(fork) => transaction.remove_from(fork).await?,
        None => Vec::new(),
    };
    for stored in &removed {
        state.events = state.events.saturating_sub(1);
        tally(state, stored.class, u64::saturating_sub);
        if Some(stored.event.position.ledger) <= last_safe {
            dirty.add(stored);
        } else {
            state.pending = state.pending.saturating_sub(1);
        }
    }
    // What is not removed but is not safe any more waits again.
    if let Some(upto) = last_safe.filter(|_| keep < last_safe) {
        for stored in transaction.events_between(keep, upto).await? {
            dirty.add(&stored);
            state.pending = state.pending.saturating_add(1);
        }
    }
    Ok(count(removed.len()))
}

/// Writes the events that are not there, and notes the streams that one of them comes too late for.
async fn insert<T: ChainTransaction>(
    transaction: &mut T,
    state: &mut ChainState,
    batch: &Batch,
    plan: &IngestPlan,
    dirty: &mut Dirty,
) -> Result<(), T::Fault> {
    let mut late = BTreeSet::new();
    let mut insert = Vec::with_capacity(plan.insert.len());
    for (event, class, subjects) in plan.insert.iter().filter_map(|index| batch.classified(*index)) {
        state.events = state.events.saturating_add(1);
        tally(state, class, u64::saturating_add);
        if Some(event.position.ledger) > plan.keep {
            state.pending = state.pending.saturating_add(1);
        } else {
            // Whatever it is: also an event of no stream parts the transfers before it from the withdrawal after it.
            late.insert(event.position.transaction());
        }
        insert.push(StoredEvent { event: event.clone(), class, subjects });
    }
    transaction.insert_events(&insert).await?;
    let late: Vec<_> = late.into_iter().collect();
    dirty.first_late = late.first().map(|(ledger, _)| *ledger);
    for stored in transaction.events_of_transactions(&late).await? {
        dirty.add(&stored);
    }
    Ok(())
}

/// What an operator has not heard of: not what is only looked at once more.
fn unheard(
    again: Projected,
    projected: Projected,
    batch: &Batch,
    plan: &IngestPlan,
    fresh: &[StoredEvent],
) -> (Vec<Unprojected>, Vec<ReportedAnomaly>) {
    let brought = plan.insert.iter().filter_map(|index| batch.events().get(*index)).map(|event| &event.id);
    let new: HashSet<_> = brought.chain(fresh.iter().map(|stored| &stored.event.id)).collect();
    let mut heard = HashSet::new();
    let both = [again, projected].map(|projected| (projected.unprojected, projected.anomalies));
    let [(mut unprojected, mut odd), (more_unprojected, more_odd)] = both;
    unprojected.extend(more_unprojected);
    odd.extend(more_odd);
    unprojected.retain(|one| new.contains(&one.event) && heard.insert(one.event.clone()));
    odd.retain(|one| new.contains(&one.event));
    (unprojected, odd)
}

fn tally(state: &mut ChainState, class: Class, count: fn(u64, u64) -> u64) {
    match class {
        Class::Unknown => state.unknown = count(state.unknown, 1),
        Class::Unreadable => state.unreadable = count(state.unreadable, 1),
        Class::Stream | Class::Protocol | Class::Transfer => {}
    }
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

pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
