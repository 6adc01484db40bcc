use std::collections::{BTreeMap, BTreeSet, HashMap};

use fluxora_indexer::{Frontier, Ledger};
use fluxora_stream::{Sequence, Stream, UnixTime};
use fluxora_treasury::{Asset, Contribution, Facts, Party, Upcoming, milestones};

use super::{
    AsOf, DueChange, PARTY_STREAMS, PartyOutcome, PartyQuery, PartyReading, PartyStreams, StoredSums,
    StreamsRead, SumsTransaction,
};

/// Marks that may wait for a reading by sums. With more, streams are read one by one.
const MOST_MARKS: u32 = 20_000;
/// Streams of one reading that are marked or due.
const MOST_STALE: u32 = 5_000;
/// Streams of an asset whose changes are read.
const UPCOMING: u32 = 100;

/// Reads a party by its sums where they are ready, and by its streams where they are not.
pub async fn party<T: SumsTransaction>(
    transaction: &mut T,
    query: &PartyQuery,
) -> Result<PartyOutcome, T::Fault> {
    let as_of = as_of(transaction, query.now).await?;
    if transaction.is_ready(MOST_MARKS).await?
        && let Some(outcome) = by_sums(transaction, query, &as_of).await?
    {
        return Ok(outcome);
    }
    by_streams(transaction, query, as_of).await
}

/// The streams of a party, if the query wants them and there are few enough.
async fn wanted<T: PartyStreams>(
    transaction: &mut T,
    query: &PartyQuery,
) -> Result<Option<Vec<Stream>>, T::Fault> {
    if query.with_streams == 0 {
        return Ok(None);
    }
    let read = transaction.streams_of(&query.party, query.with_streams.saturating_add(1)).await?;
    if read.rows() > u64::from(query.with_streams) {
        return Ok(None);
    }
    let mut streams = read.streams;
    streams.retain(|stream| query.asks_for(Asset::of(stream)));
    Ok(Some(streams))
}

fn is_more_than(found: usize, most: u32) -> bool {
    u32::try_from(found).map_or(true, |found| found > most)
}

/// Reads the milestones that have come since their streams were counted; a stream whose row cannot be decoded has none: [`TreasuryStore::due_changes`](super::TreasuryStore::due_changes).
pub async fn due_changes<T: SumsTransaction>(
    transaction: &mut T,
    until: UnixTime,
    limit: u32,
) -> Result<Vec<DueChange>, T::Fault> {
    let due = transaction.due(until, limit).await?;
    let counted = transaction.contributions(&due).await?;
    let counted: HashMap<_, _> = counted.into_iter().map(|one| (one.stream, one.from)).collect();
    let mut changes = Vec::new();
    for (sequence, read) in transaction.rows(&due).await? {
        let (Ok(stream), Some(from)) = (read, counted.get(&sequence)) else { continue };
        let id = stream.id();
        let come = milestones(&stream, *from).into_iter().filter(|milestone| milestone.at <= until);
        changes.extend(come.map(|milestone| DueChange { stream: id, milestone }));
    }
    changes.sort_unstable_by_key(|change| (change.milestone.at, change.stream, change.milestone.kind));
    Ok(changes)
}

/// Reads every stream of a party.
pub async fn by_streams<T: PartyStreams>(
    transaction: &mut T,
    query: &PartyQuery,
    as_of: AsOf,
) -> Result<PartyOutcome, T::Fault> {
    let read = transaction.streams_of(&query.party, PARTY_STREAMS.saturating_add(1)).await?;
    if read.rows() > u64::from(PARTY_STREAMS) {
        return Ok(PartyOutcome::TooMany);
    }
    let StreamsRead { streams, unreadable } = read;
    let changed = streams.iter().map(|stream| UnixTime::of(stream.updated_at)).max().unwrap_or_default();
    let at = match settle(query, &as_of, changed) {
        Ok(at) => at,
        Err(earliest) => return Ok(PartyOutcome::TooEarly(earliest)),
    };
    let asked = streams.iter().filter(|stream| query.asks_for(Asset::of(*stream)));
    let assets = Facts::of(asked, at);
    let as_of = AsOf { at, ..as_of };
    let streams = wanted(transaction, query).await?;
    Ok(PartyOutcome::Read(Box::new(PartyReading { as_of, assets, streams, unreadable })))
}

/// The instant at which the money counts; the earliest one if the query names an earlier one.
fn settle(query: &PartyQuery, as_of: &AsOf, changed: UnixTime) -> Result<UnixTime, UnixTime> {
    let earliest = if as_of.ledger.is_some() { as_of.at.max(changed) } else { changed };
    match query.at {
        Some(at) if at < earliest => Err(earliest),
        Some(at) => Ok(at),
        None => Ok(as_of.at.max(changed)),
    }
}

/// The newest stored ledger that is safe.
async fn safe_ledger<T: PartyStreams>(transaction: &mut T) -> Result<Option<Ledger>, T::Fault> {
    let Frontier { last_safe, .. } = transaction.frontier().await?;
    match last_safe {
        Some(upto) => transaction.newest_ledger(upto).await,
        None => Ok(None),
    }
}

/// When it closed; `None` where that is not known.
pub(super) async fn safe_close<T: PartyStreams>(transaction: &mut T) -> Result<Option<UnixTime>, T::Fault> {
    let ledger = safe_ledger(transaction).await?;
    Ok(ledger.and_then(|ledger| ledger.closed_at).map(UnixTime::of))
}

/// The state of the database, with the close of the last safe ledger as the instant: the present where none is known.
pub async fn as_of<T: PartyStreams>(transaction: &mut T, now: UnixTime) -> Result<AsOf, T::Fault> {
    let ledger = safe_ledger(transaction).await?;
    let is_verified = match &ledger {
        Some(ledger) => {
            let coverage = transaction.coverage().await?;
            coverage.iter().any(|coverage| coverage.ledgers.contains(ledger.sequence))
        }
        None => false,
    };
    let head = transaction.head().await?;
    let at = ledger.as_ref().and_then(|ledger| ledger.closed_at).map_or(now, UnixTime::of);
    Ok(AsOf { ledger, is_verified, head, at })
}

/// Streams that the sums do not show as they are: marked ones, and those that time has changed since.
#[derive(Default)]
struct Stale {
    sequences: BTreeSet<Sequence>,
    streams: HashMap<Sequence, Stream>,
    unreadable: Vec<Sequence>,
}

impl Stale {
    async fn add<T: SumsTransaction>(
        &mut self,
        transaction: &mut T,
        sequences: Vec<Sequence>,
    ) -> Result<(), T::Fault> {
        let new: Vec<_> = sequences.into_iter().filter(|sequence| self.sequences.insert(*sequence)).collect();
        if new.is_empty() {
            return Ok(());
        }
        for (sequence, read) in transaction.rows(&new).await? {
            match read {
                Ok(stream) => drop(self.streams.insert(sequence, stream)),
                Err(_) => self.unreadable.push(sequence),
            }
        }
        Ok(())
    }

    /// Those of a party that count in an asset.
    fn of<'s>(&'s self, party: &'s Party, asset: Asset) -> impl Iterator<Item = (Sequence, &'s Stream)> + 's {
        let counts = move |stream: &&Stream| party.has(*stream) && Asset::of(*stream) == asset;
        self.streams
            .iter()
            .map(|(sequence, stream)| (*sequence, stream))
            .filter(move |(_, stream)| counts(stream))
    }
}

/// `None` if more streams would have to be read than by sums are worth.
async fn by_sums<T: SumsTransaction>(
    transaction: &mut T,
    query: &PartyQuery,
    as_of: &AsOf,
) -> Result<Option<PartyOutcome>, T::Fault> {
    let most = MOST_STALE.saturating_add(1);
    let is_too_many = |found: usize| is_more_than(found, MOST_STALE);
    let party = &query.party;
    let mut sums = transaction.sums_of(party).await?;
    let marked = transaction.marked_of(party, most).await?;
    if is_too_many(marked.len()) {
        return Ok(None);
    }
    let mut stale = Stale::default();
    stale.add(transaction, marked).await?;
    let counted = sums.iter().map(|sums| sums.latest);
    let own = stale.streams.values().filter(|stream| party.has(*stream));
    let changed = counted.chain(own.map(|stream| UnixTime::of(stream.updated_at))).max().unwrap_or_default();
    let at = match settle(query, as_of, changed) {
        Ok(at) => at,
        Err(earliest) => return Ok(Some(PartyOutcome::TooEarly(earliest))),
    };
    sums.retain(|sums| query.asks_for(sums.asset));
    let ids: Vec<_> = sums.iter().map(|sums| sums.id).collect();
    let due = transaction.due_of(party.role, &ids, at, most).await?;
    if is_too_many(due.len()) {
        return Ok(None);
    }
    stale.add(transaction, due).await?;
    let sequences: Vec<_> = stale.sequences.iter().copied().collect();
    for contribution in transaction.contributions(&sequences).await? {
        for sums in sums.iter_mut().filter(|sums| contribution.of.contains(&sums.id)) {
            sums.sums = sums.sums.minus(&contribution.sums);
        }
    }
    let mut stored: BTreeMap<_, _> = sums.into_iter().map(|sums| (sums.asset, sums)).collect();
    let own = stale.streams.values().filter(|stream| party.has(*stream)).map(Asset::of);
    let assets: BTreeSet<_> =
        stored.keys().copied().chain(own.filter(|asset| query.asks_for(*asset))).collect();
    let mut facts = BTreeMap::new();
    for asset in assets {
        let of_asset = facts_of(transaction, party, asset, stored.remove(&asset), &stale, at).await?;
        if of_asset.sums.streams() > 0 {
            facts.insert(asset, of_asset);
        }
    }
    let as_of = AsOf { at, ..as_of.clone() };
    let streams = wanted(transaction, query).await?;
    let unreadable = transaction.unreadable_of(party, &stale.unreadable).await?;
    Ok(Some(PartyOutcome::Read(Box::new(PartyReading { as_of, assets: facts, streams, unreadable }))))
}

/// The facts of one asset: the sums without stale streams, and these as they are.
async fn facts_of<T: SumsTransaction>(
    transaction: &mut T,
    party: &Party,
    asset: Asset,
    stored: Option<StoredSums>,
    stale: &Stale,
    at: UnixTime,
) -> Result<Facts, T::Fault> {
    let mut facts = Facts::default();
    let mut changing = Vec::new();
    for (sequence, stream) in stale.of(party, asset) {
        let contribution = Contribution::of(stream, at);
        facts.add(&contribution.sums, contribution.exhausted_at.map(|at| (at, stream.id())));
        changing.extend(contribution.changes_at.map(|at| (at, sequence)));
    }
    let Some(stored) = stored else {
        facts.upcoming = upcoming(transaction, changing, None, stale).await?;
        return Ok(facts);
    };
    facts.sums = facts.sums.plus(&stored.sums);
    let beyond = u32::try_from(stale.sequences.len()).unwrap_or(u32::MAX);
    let is_fresh = |(_, sequence): &(UnixTime, Sequence)| !stale.sequences.contains(sequence);
    let limit = UPCOMING.saturating_add(1).saturating_add(beyond);
    let found = transaction.changes_after(party.role, stored.id, at, limit).await?;
    let complete_until = found.last().map(|(at, _)| *at).filter(|_| full(found.len(), limit));
    changing.extend(found.into_iter().filter(is_fresh));
    facts.upcoming = upcoming(transaction, changing, complete_until, stale).await?;
    let limit = beyond.saturating_add(1);
    for last in [false, true] {
        let ends = transaction.exhausted_after(party.role, stored.id, at, last, limit).await?;
        if let Some((at, sequence)) = ends.into_iter().find(is_fresh) {
            for (_, read) in transaction.rows(&[sequence]).await? {
                facts.note_exhausted(read.ok().map(|stream| (at, stream.id())));
            }
        }
    }
    Ok(facts)
}

fn full(found: usize, limit: u32) -> bool {
    u32::try_from(found).is_ok_and(|found| found >= limit)
}

/// The streams that change first.
async fn upcoming<T: SumsTransaction>(
    transaction: &mut T,
    mut changing: Vec<(UnixTime, Sequence)>,
    complete_until: Option<UnixTime>,
    stale: &Stale,
) -> Result<Upcoming, T::Fault> {
    changing.sort_unstable();
    let most = usize::try_from(UPCOMING).unwrap_or(usize::MAX);
    let cut = changing.get(most).map(|(at, _)| *at);
    changing.truncate(most);
    let unread = changing.iter().map(|(_, sequence)| *sequence);
    let unread: Vec<_> = unread.filter(|sequence| !stale.sequences.contains(sequence)).collect();
    let mut streams: HashMap<_, _> = HashMap::new();
    if !unread.is_empty() {
        for (sequence, read) in transaction.rows(&unread).await? {
            streams.extend(read.ok().map(|stream| (sequence, stream)));
        }
    }
    let found = changing
        .iter()
        .filter_map(|(_, sequence)| streams.get(sequence).or_else(|| stale.streams.get(sequence)).cloned());
    let complete_until = [cut, complete_until].into_iter().flatten().min();
    Ok(Upcoming { streams: found.collect(), complete_until })
}
