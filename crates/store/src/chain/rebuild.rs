use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use fluxora_indexer::projection::{Class, Classified, Streams, classify, project};
use fluxora_indexer::{ChainPosition, ContractEvent, Opaque, same_content};
use fluxora_stream::{Cause, ChainStream, Changes, Stream, StreamId, UnixTime};
use jiff::Timestamp;

use super::dependents::{self, ancestry, dependency_graph};
use super::orphans;
use super::project::{Projection, same};
use super::undo::count;
use super::{ChainState, ChainTransaction, ContractTallies, EventCursor, StoredEvent, StoredStream};
use crate::Sequence;

/// Events or streams per page.
const PAGE: u32 = 10_000;

/// The streams of a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One stream with its dependents.
    Stream(StreamId),
    /// Every chain stream. All are in memory at once.
    Everything,
}

/// Progress of a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Contract events read so far.
    pub events: u64,
    /// Contract events in all.
    pub of: u64,
}

/// A rebuild as an operator requests it.
#[derive(Clone)]
pub struct Rebuild {
    /// The streams to rebuild.
    pub scope: Scope,
    /// Whether differences are reported and not written.
    pub verify_only: bool,
    /// Called with the progress after each page.
    pub progress: Arc<dyn Fn(Step) + Send + Sync>,
}

impl fmt::Debug for Rebuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, verify_only, progress: _ } = self;
        f.debug_struct("Rebuild")
            .field("scope", scope)
            .field("verify_only", verify_only)
            .finish_non_exhaustive()
    }
}

/// The outcome of a rebuild.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebuildReport {
    /// Number of contract events projected: the safe ones.
    pub events: u64,
    /// Number of streams that they make.
    pub streams: u64,
    /// Number of contract events, safe or not, whose class or streams differ from the stored ones; 0 unless the scope
    /// is [`Scope::Everything`].
    pub reclassified: u64,
    /// The streams that differ from the stored ones.
    pub differences: Vec<Difference>,
    /// Contract events that are set aside because another one lies at their position; of [`Scope::Everything`] only.
    pub repeated: Vec<Repeated>,
}

/// A contract event that is set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// Its id.
    pub id: Opaque,
    /// Its position.
    pub position: ChainPosition,
    /// Id of the event that is kept there.
    pub kept: Opaque,
    /// Whether both have the same contents. If not, one of them was pushed with a wrong position.
    pub is_same: bool,
}

/// A stored stream that differs from its rebuild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Id of the stream.
    pub stream: StreamId,
    /// The difference.
    pub how: Deviation,
}

/// The difference between a stored stream and its rebuild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// The stream is stored, and no contract event makes it.
    Surplus,
    /// Contract events make the stream, and it is not stored.
    Missing,
    /// The fields that differ, with their rebuilt values.
    Changed(Box<Changes>),
}

/// Rebuilds streams, in one transaction: [`ChainStore::rebuild`](super::ChainStore::rebuild).
pub async fn rebuild<T: ChainTransaction>(
    transaction: &mut T,
    rebuild: &Rebuild,
    now: Timestamp,
) -> Result<RebuildReport, T::Fault> {
    let state = transaction.state().await?;
    let Built { streams: mut built, stored, events, reclassified, contracts } = match rebuild.scope {
        Scope::Stream(id) => one(transaction, id, state.frontier.last_safe).await?,
        Scope::Everything => everything(transaction, state, rebuild).await?,
    };
    let mut report =
        RebuildReport { events, streams: count(built.len()), reclassified, ..RebuildReport::default() };
    if matches!(rebuild.scope, Scope::Everything) {
        report.repeated = repeated(transaction).await?;
    }
    let mut projection = Projection::new(now);
    for stored in stored {
        let (id, after) = (stored.id, built.remove(&stored.id));
        let how = deviation(stored.stream.as_ref(), after.as_ref());
        projection.add_stored(stored);
        if let Some(how) = how {
            report.differences.push(Difference { stream: id, how });
            projection.correct(id, after, &Cause::Reindex);
        }
    }
    let mut missing: Vec<_> = built.into_iter().collect();
    missing.sort_unstable_by_key(|(id, stream)| (stream.created_at, *id));
    let ids: Vec<_> = missing.iter().map(|(id, _)| *id).collect();
    for stored in transaction.streams(&ids).await? {
        projection.add_stored(stored);
    }
    for (id, stream) in missing {
        report.differences.push(Difference { stream: id, how: Deviation::Missing });
        projection.correct(id, Some(stream), &Cause::Reindex);
    }
    if !rebuild.verify_only {
        match contracts {
            // Counted from the first event on.
            Some(contracts) => {
                transaction.forget_contracts().await?;
                transaction.tally(&contracts).await?;
                projection.write(transaction, None).await?;
            }
            None => projection.write(transaction, Some(ContractTallies::default())).await?,
        }
    }
    Ok(report)
}

/// Reads the events that are set aside, and compares each with the one that is kept.
async fn repeated<T: ChainTransaction>(transaction: &mut T) -> Result<Vec<Repeated>, T::Fault> {
    let aside = transaction.repeated_events().await?;
    let events: Vec<_> = aside.iter().map(|repeated| repeated.stored.event.clone()).collect();
    let known = transaction.known_events(&events).await?;
    let same = |one: &ContractEvent| known.iter().any(|other| same_content(one, other));
    let named = events.iter().zip(aside.iter()).map(|(event, aside)| Repeated {
        id: event.id.clone(),
        position: event.position,
        kept: aside.kept.clone(),
        is_same: same(event),
    });
    Ok(named.collect())
}

fn deviation(stored: Option<&ChainStream>, built: Option<&ChainStream>) -> Option<Deviation> {
    match (stored, built) {
        (None, None) => None,
        (Some(_), None) => Some(Deviation::Surplus),
        (None, Some(_)) => Some(Deviation::Missing),
        (Some(stored), Some(built)) => (!same(stored, built))
            .then(|| Deviation::Changed(Box::new(Changes::between(Some(stored), built)))),
    }
}

/// Rebuilt and stored streams.
struct Built {
    streams: Streams,
    stored: Vec<StoredStream>,
    /// Number of contract events projected.
    events: u64,
    /// Number of contract events whose stored class or streams are outdated.
    reclassified: u64,
    /// Counts of every stored event by contract; `None` if some were left out.
    contracts: Option<ContractTallies>,
}

async fn one<T: ChainTransaction>(
    transaction: &mut T,
    id: StreamId,
    upto: Option<u32>,
) -> Result<Built, T::Fault> {
    let graph = dependency_graph(transaction, [id], 0, upto).await?;
    let dependents::Built { mut streams, events, .. } = graph.build(transaction, None).await?;
    streams.retain(|id, _| graph.members.contains(id));
    let ids: Vec<_> = graph.members.iter().copied().collect();
    let stored = transaction.streams(&ids).await?;
    Ok(Built { streams, stored, events, reclassified: 0, contracts: None })
}

async fn everything<T: ChainTransaction>(
    transaction: &mut T,
    mut state: ChainState,
    rebuild: &Rebuild,
) -> Result<Built, T::Fault> {
    let (streams, stored) = (Streams::new(), Vec::new());
    let mut built = Built { streams, stored, events: 0, reclassified: 0, contracts: None };
    let mut contracts = ContractTallies::default();
    let (of, before) = (state.events, (state.unknown, state.unreadable, state.orphans));
    let mut owned = BTreeMap::new();
    (state.unknown, state.unreadable) = (0, 0);
    let mut read = 0_u64;
    let mut cursor: Option<EventCursor> = None;
    loop {
        // Events that are not safe are not projected, but their stored class is used when they become safe.
        let mut page = transaction.events_after(cursor.as_ref(), u32::MAX, PAGE).await?;
        let last_page = count(page.len()) < u64::from(PAGE);
        if !last_page {
            // A transaction is projected whole: one that the page cut is read again with the next page.
            let cut = page.last().map(|stored| stored.event.position.transaction());
            let whole = page.iter().rposition(|stored| Some(stored.event.position.transaction()) != cut);
            page.truncate(whole.map_or(page.len(), |last| last.saturating_add(1)));
        }
        let safe =
            page.partition_point(|stored| Some(stored.event.position.ledger) <= state.frontier.last_safe);
        project(&mut built.streams, |_| true, page.iter().take(safe).map(|stored| &stored.event));
        built.events = built.events.saturating_add(count(safe));
        read = read.saturating_add(count(page.len()));
        (rebuild.progress)(Step { events: read, of });
        let last = page.last().map(|StoredEvent { event, .. }| (event.position, event.id.clone()));
        cursor = last.map(|(position, id)| EventCursor { position, id });
        let stale = reclassified(page, &mut state, &mut contracts, &mut owned);
        built.reclassified = built.reclassified.saturating_add(count(stale.len()));
        if !rebuild.verify_only {
            transaction.reclassify(&stale).await?;
        }
        if last_page || cursor.is_none() {
            break;
        }
    }
    state.orphans = orphans::total(&owned, |id| built.streams.contains_key(id));
    if !rebuild.verify_only && (state.unknown, state.unreadable, state.orphans) != before {
        transaction.save(&state).await?;
    }
    for stream in built.streams.values() {
        contracts.add_anomalies(stream.body.contract, stream.body.state.anomalies().into());
    }
    built.contracts = Some(contracts);
    let mut after: Option<Sequence> = None;
    loop {
        let page = transaction.streams_after(after, PAGE).await?;
        let last_page = count(page.len()) < u64::from(PAGE);
        after = page.last().map(|stored| stored.sequence);
        built.stored.extend(page);
        if last_page {
            return Ok(built);
        }
    }
}

/// Classifies stored events, counts unknown and unreadable ones, and adds safe ones to the counts of their streams. Returns those whose stored class or streams are
/// outdated, with the present ones.
fn reclassified(
    page: Vec<StoredEvent>,
    state: &mut ChainState,
    contracts: &mut ContractTallies,
    owned: &mut BTreeMap<StreamId, u64>,
) -> Vec<StoredEvent> {
    let mut stale = Vec::new();
    for stored in page {
        let classified = classify(&stored.event);
        let Classified { class, subjects, version: _ } = classified;
        contracts.add(&stored.event, classified);
        match class {
            Class::Unknown => state.unknown = state.unknown.saturating_add(1),
            Class::Unreadable => state.unreadable = state.unreadable.saturating_add(1),
            Class::Stream | Class::Protocol | Class::Transfer => {}
        }
        if let Some(id) =
            subjects.stream.filter(|_| Some(stored.event.position.ledger) <= state.frontier.last_safe)
        {
            let events = owned.entry(id).or_default();
            *events = events.saturating_add(1);
        }
        if (stored.class, stored.subjects) != (class, subjects) {
            stale.push(StoredEvent { event: stored.event, class, subjects });
        }
    }
    stale
}

/// Rebuilds a chain stream as it was at the end of the second `until`, for
/// [`StreamStore::stream_at`](crate::StreamStore::stream_at).
pub async fn stream_as_of<T: ChainTransaction>(
    transaction: &mut T,
    id: StreamId,
    until: UnixTime,
) -> Result<Option<Stream>, T::Fault> {
    let last_safe = transaction.frontier().await?.last_safe;
    let graph = ancestry(transaction, id, last_safe).await?;
    let mut built = graph.build(transaction, Some(until)).await?;
    Ok(built.streams.remove(&id).map(Stream::from))
}
