//! Dependencies between streams: clones, renewals and shares start from the state of another stream.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use fluxora_indexer::projection::{Projected, Streams, project};
use fluxora_stream::{StreamId, UnixTime};

use super::orphans::by_stream;
use super::undo::count;
use super::{ChainTransaction, StoredEvent};

/// Streams per query.
const STREAMS: usize = 1_000;
/// Transactions per query. Their events are in memory at once.
const TRANSACTIONS: usize = 2_000;

/// The streams of a rebuild, and the transactions that it reads.
pub(super) struct DependencyGraph {
    /// The streams to rebuild: those asked for and all their dependents.
    pub(super) members: BTreeSet<StreamId>,
    /// Streams that members depend on. They are projected along and not written.
    ancestors: HashSet<StreamId>,
    /// The transactions with an event about a member or an ancestor, each as its ledger and its index in the ledger.
    transactions: BTreeSet<(u32, u32)>,
}

/// Streams as their events make them.
#[derive(Default)]
pub(super) struct Built {
    pub(super) streams: Streams,
    pub(super) projected: Projected,
    /// Number of events read.
    pub(super) events: u64,
    /// Number of events read of each member.
    pub(super) events_of: BTreeMap<StreamId, u64>,
}

/// Reads the graph of a rebuild of `roots`, up to and with ledger `upto`. The events of `roots` before ledger `from`
/// have not changed, so a stream that began from one of them before that ledger is no member.
pub(super) async fn dependency_graph<T: ChainTransaction>(
    transaction: &mut T,
    roots: impl IntoIterator<Item = StreamId>,
    from: u32,
    upto: Option<u32>,
) -> Result<DependencyGraph, T::Fault> {
    let mut members: BTreeSet<_> = roots.into_iter().collect();
    let mut unread: Vec<_> = members.iter().copied().collect();
    while let (false, Some(upto)) = (unread.is_empty(), upto) {
        let mut dependents = Vec::new();
        for streams in unread.chunks(STREAMS) {
            dependents.extend(transaction.dependents(streams, from..=upto).await?);
        }
        unread = dependents.into_iter().filter(|id| members.insert(*id)).collect();
        // Sorted, so that a rebuild asks the same each time.
        unread.sort_unstable();
    }
    with_ancestors(transaction, members, upto).await
}

/// Reads the graph of one stream without its dependents: what the state of this stream alone needs.
pub(super) async fn ancestry<T: ChainTransaction>(
    transaction: &mut T,
    id: StreamId,
    upto: Option<u32>,
) -> Result<DependencyGraph, T::Fault> {
    with_ancestors(transaction, BTreeSet::from([id]), upto).await
}

async fn with_ancestors<T: ChainTransaction>(
    transaction: &mut T,
    members: BTreeSet<StreamId>,
    upto: Option<u32>,
) -> Result<DependencyGraph, T::Fault> {
    let mut unread: Vec<_> = members.iter().copied().collect();
    let (ancestors, transactions) = (HashSet::new(), BTreeSet::new());
    let mut graph = DependencyGraph { members, ancestors, transactions };
    while let (false, Some(upto)) = (unread.is_empty(), upto) {
        let mut found = Vec::new();
        for streams in unread.chunks(STREAMS) {
            for mention in transaction.mentions(streams, upto).await? {
                graph.transactions.insert(mention.transaction);
                let edge = mention.stream.zip(mention.other);
                found.extend(
                    edge.filter(|(dependent, _)| graph.needs(dependent)).map(|(_, ancestor)| ancestor),
                );
            }
        }
        unread = found;
        unread.retain(|id| !graph.members.contains(id) && graph.ancestors.insert(*id));
        unread.sort_unstable();
    }
    Ok(graph)
}

impl DependencyGraph {
    /// Whether the rebuild has to project a stream.
    fn needs(&self, id: &StreamId) -> bool {
        self.members.contains(id) || self.ancestors.contains(id)
    }

    /// Builds the streams from their events up to and with the second `until`. Reads whole transactions, in chain order
    /// and a limited number at a time.
    pub(super) async fn build<T: ChainTransaction>(
        &self,
        transaction: &mut T,
        until: Option<UnixTime>,
    ) -> Result<Built, T::Fault> {
        let mut built = Built::default();
        let transactions: Vec<_> = self.transactions.iter().copied().collect();
        for transactions in transactions.chunks(TRANSACTIONS) {
            let mut events = transaction.events_of_transactions(transactions).await?;
            events.sort_unstable_by(|a, b| a.event.order().cmp(&b.event.order()));
            let then = |event: &&_| until.is_none_or(|until| happened_by(event, until));
            let events = events.iter().map(|stored: &StoredEvent| stored).filter(then);
            built.events = built.events.saturating_add(count(events.clone().count()));
            for (id, more) in
                by_stream(events.clone()).into_iter().filter(|(id, _)| self.members.contains(id))
            {
                let events = built.events_of.entry(id).or_default();
                *events = events.saturating_add(more);
            }
            let events = events.map(|stored| &stored.event);
            let Projected { unprojected, anomalies, .. } =
                project(&mut built.streams, |id| self.needs(id), events);
            built.projected.unprojected.extend(unprojected);
            built.projected.anomalies.extend(anomalies);
        }
        Ok(built)
    }
}

fn happened_by(stored: &StoredEvent, until: UnixTime) -> bool {
    UnixTime::of(stored.event.happened_at) <= until
}
