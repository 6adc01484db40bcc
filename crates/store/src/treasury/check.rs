//! Comparison of the sums with the streams.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use fluxora_stream::{Sequence, UnixTime};
use fluxora_treasury::{Asset, Contribution, Party, Sums};

use super::{StoredSums, SumsTransaction};

/// Streams or sums per page.
const PAGE: u32 = 5_000;

/// The outcome of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SumsReport {
    /// Streams that were compared.
    pub streams: u64,
    /// Streams that wait to be counted: a reading adds them itself.
    pub waiting: u64,
    /// Streams whose row cannot be decoded: they are in no sum.
    pub unreadable: Vec<Sequence>,
    /// What differs.
    pub differences: Vec<SumsDifference>,
}

/// A difference between the sums and the streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SumsDifference {
    /// A stream that brought something else, or to other sums.
    Stream(Sequence),
    /// Sums that are not those of their streams.
    Sums {
        /// The party.
        party: Party,
        /// The asset.
        asset: Asset,
    },
}

/// Compares every sum with the contributions in it, and every contribution with its stream.
pub async fn check<T: SumsTransaction>(transaction: &mut T) -> Result<SumsReport, T::Fault> {
    let begun = transaction.counted().await?;
    let marked = transaction.marked(u32::MAX).await?;
    let marked: HashSet<_> = marked.streams.into_iter().collect();
    let mut report = SumsReport::default();
    let mut stored = HashMap::<i64, StoredSums>::new();
    loop {
        let after = stored.keys().max().copied().unwrap_or(0);
        let page = transaction.sums_after(after, PAGE).await?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        stored.extend(page.into_iter().map(|sums| (sums.id, sums)));
        if is_last {
            break;
        }
    }
    let mut expected = BTreeMap::<i64, Sums>::new();
    let mut after = Sequence(0);
    loop {
        let page = transaction.contributions_after(after, PAGE).await?;
        let Some(last) = page.last().map(|contribution| contribution.stream) else { break };
        let streams: Vec<_> = page.iter().map(|contribution| contribution.stream).collect();
        let rows: HashMap<_, _> = transaction.rows(&streams).await?.into_iter().collect();
        for contribution in &page {
            for id in contribution.of {
                let sums = expected.entry(id).or_default();
                *sums = sums.plus(&contribution.sums);
            }
            if marked.contains(&contribution.stream) {
                continue;
            }
            report.streams = report.streams.saturating_add(1);
            if let Some(Err(_)) = rows.get(&contribution.stream) {
                report.unreadable.push(contribution.stream);
            }
            let is_same = matches!(rows.get(&contribution.stream), Some(Ok(stream)) if {
                let again = Contribution::of(stream, contribution.from.max(UnixTime::of(stream.updated_at)));
                let of = Party::of(stream).map(|party| (party, again.asset));
                let named = contribution.of.map(|id| stored.get(&id).map(|sums| (sums.party, sums.asset)));
                again.sums == contribution.sums && named == of.map(Some)
            });
            if !is_same {
                report.differences.push(SumsDifference::Stream(contribution.stream));
            }
        }
        after = last;
    }
    check_uncounted(transaction, &marked, begun, &mut report).await?;
    for (id, stored) in &stored {
        if expected.remove(id).unwrap_or_default() != stored.sums {
            report.differences.push(SumsDifference::Sums { party: stored.party, asset: stored.asset });
        }
    }
    report.waiting = u64::try_from(marked.len()).unwrap_or(u64::MAX);
    Ok(report)
}

/// A stream that is neither counted nor marked, although the count has passed it, is recorded as one that cannot be decoded.
/// Each record is of such a stream.
async fn check_uncounted<T: SumsTransaction>(
    transaction: &mut T,
    marked: &HashSet<Sequence>,
    begun: Option<Sequence>,
    report: &mut SumsReport,
) -> Result<(), T::Fault> {
    let mut recorded = recorded_unreadable(transaction).await?;
    recorded.retain(|stream| !marked.contains(stream));
    let mut position = Sequence(0);
    loop {
        let page = transaction.uncounted(position, PAGE).await?;
        let Some(last) = page.last().copied() else { break };
        let counted: HashSet<_> =
            transaction.contributions(&page).await?.iter().map(|contribution| contribution.stream).collect();
        let has_passed = |stream: &Sequence| begun.is_none_or(|begun| *stream <= begun);
        let uncounted: Vec<_> = page
            .into_iter()
            .filter(|stream| !counted.contains(stream) && !marked.contains(stream) && has_passed(stream))
            .collect();
        for (stream, read) in transaction.rows(&uncounted).await? {
            let is_recorded = recorded.remove(&stream);
            if read.is_err() {
                report.unreadable.push(stream);
            }
            if read.is_ok() || !is_recorded {
                report.differences.push(SumsDifference::Stream(stream));
            }
        }
        position = last;
    }
    report.differences.extend(recorded.into_iter().map(SumsDifference::Stream));
    Ok(())
}

async fn recorded_unreadable<T: SumsTransaction>(
    transaction: &mut T,
) -> Result<BTreeSet<Sequence>, T::Fault> {
    let mut recorded = BTreeSet::new();
    loop {
        let after = recorded.last().copied().unwrap_or(Sequence(0));
        let page = transaction.unreadable_after(after, PAGE).await?;
        if page.is_empty() {
            return Ok(recorded);
        }
        recorded.extend(page);
    }
}
