//! Tip, last safe ledger, final ledger and hole of the stored chain.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Rules;
use super::fork::Descendants;
use super::ingest::{Refusal, StoredView};
use crate::{Batch, Ledger, Opaque};

/// Second in which the first network of Stellar began: 2015-09-30T00:00:00Z. No network has more ledgers than seconds
/// have passed since.
const GENESIS: i64 = 1_443_571_200;

/// Tip, last safe ledger, final ledger and hole of the stored chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    /// The newest ledger; `None` before the first.
    pub tip: Option<Tip>,
    /// Newest ledger whose events are projected. Only a recorded reorg lowers it.
    pub last_safe: Option<u32>,
    /// Newest ledger that only an operator can remove. Only a rewind lowers it.
    pub final_ledger: Option<u32>,
    /// The lowest hole above the last safe ledger, which stays below it.
    pub hole: Option<Hole>,
}

/// The newest ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Sequence of the ledger.
    pub ledger: u32,
    /// Hash of the ledger.
    pub hash: Opaque,
    /// Close time of the ledger, or the earliest possible one if it was not reported, or its arrival if nothing was
    /// reported. `None` if an earlier version stored it.
    pub at: Option<Timestamp>,
}

/// Ledgers that were never pushed, between two stored ones. The previous hash of the ledger above proves that the source
/// reports links, so it reports every ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The first missing ledger.
    pub from: u32,
    /// The last missing ledger.
    pub to: u32,
}

/// The lowest hole among these ledgers, given in order.
pub fn first_hole<'l>(ledgers: impl IntoIterator<Item = &'l Ledger>) -> Option<Hole> {
    let mut below: Option<u32> = None;
    ledgers.into_iter().find_map(|ledger| {
        let below = below.replace(ledger.sequence)?;
        ledger.previous_hash.as_ref().and_then(|_| hole_between(below, ledger.sequence))
    })
}

fn hole_between(below: u32, above: u32) -> Option<Hole> {
    let (from, to) = (below.checked_add(1)?, above.checked_sub(1)?);
    (from <= to).then_some(Hole { from, to })
}

/// The sequence from which on a plan needs every stored ledger; `None` if the neighbourhood of the batch is enough.
///
/// That is so where the batch only repeats stored ledgers and adds ledgers after the tip.
pub(super) fn needed_from(view: &StoredView, batch: &Batch, fork: Option<u32>, rules: Rules) -> Option<u32> {
    let Frontier { tip, last_safe, .. } = &view.frontier;
    let last_safe = last_safe.unwrap_or_default();
    if let Some(fork) = fork {
        return Some(last_safe.min(fork.saturating_sub(1).saturating_sub(rules.safety_margin)));
    }
    let tip = tip.as_ref()?.ledger;
    let is_known = |ledger: &Ledger| {
        view.ledgers
            .get(&ledger.sequence)
            .is_some_and(|stored| stored.previous_hash.is_some() || ledger.previous_hash.is_none())
    };
    let fills = |ledger: &Ledger| (last_safe..=tip).contains(&ledger.sequence) && !is_known(ledger);
    batch.ledgers().any(fills).then_some(last_safe)
}

/// Refuses a batch whose newest ledger cannot exist yet.
pub(super) fn check_tip(
    view: &StoredView,
    batch: &Batch,
    rules: Rules,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(newest) = batch.ledgers().next_back() else { return Ok(()) };
    let tip = view.frontier.tip.as_ref();
    let (ledger, since) = match tip {
        Some(tip) => (tip.ledger, tip.at.or(view.synced_at).map_or(now.as_second(), Timestamp::as_second)),
        None => (0, GENESIS),
    };
    let seconds = u32::try_from(now.as_second().saturating_sub(since).max(0)).unwrap_or(u32::MAX);
    let highest = ledger.saturating_add(seconds).saturating_add(rules.max_tip_jump);
    if newest.sequence > highest {
        let tip = tip.map(|tip| tip.ledger);
        return Err(Refusal::ImplausibleTip { ledger: newest.sequence, tip, highest });
    }
    Ok(())
}

/// The frontier after the batch, and the ledger up to which projected streams stay valid.
pub(super) fn advance(
    view: &StoredView,
    batch: &Batch,
    fork: Option<(u32, &Descendants)>,
    rules: Rules,
    now: Timestamp,
) -> (Frontier, Option<u32>) {
    let before = &view.frontier;
    let tip = tip_after(view, batch, fork, now);
    let reached = rules.safe_below(tip.as_ref());
    let below_fork = fork.map(|(fork, _)| fork.checked_sub(1));
    let valid = below_fork.map_or(before.last_safe, |below| before.last_safe.min(below).min(reached));
    let hole = match fork {
        None if needed_from(view, batch, None, rules).is_none() => {
            // A hole below the last safe ledger was passed by an earlier version.
            let open = before.hole.filter(|hole| Some(hole.from) > before.last_safe);
            open.or_else(|| hole_above_tip(view, batch))
        }
        _ => {
            let after = ledgers_after(view, batch, fork);
            first_hole(after.range(valid.unwrap_or_default()..).map(|(_, ledger)| ledger))
        }
    };
    let reached = match hole {
        Some(hole) => reached.min(hole.from.checked_sub(1)),
        None => reached,
    };
    let last_safe = match fork {
        // Only a reorg lowers it.
        Some(_) => reached,
        None => before.last_safe.max(reached),
    };
    let keep = before.last_safe.min(last_safe).min(below_fork.unwrap_or(before.last_safe));
    let final_ledger = before.final_ledger.max(rules.final_below(tip.as_ref()));
    (Frontier { tip, last_safe, final_ledger, hole }, keep)
}

fn tip_after(
    view: &StoredView,
    batch: &Batch,
    fork: Option<(u32, &Descendants)>,
    now: Timestamp,
) -> Option<Tip> {
    let tip = |ledger: &Ledger, at| Tip { ledger: ledger.sequence, hash: ledger.hash.clone(), at: Some(at) };
    let before = view.frontier.tip.as_ref();
    let pushed =
        batch.ledgers().next_back().map(|newest| tip(newest, close_time(newest, batch, before, now)));
    let stored = match fork {
        None => before.cloned(),
        Some((fork, descendants)) => {
            let kept = descendants.kept.last().and_then(|kept| view.ledgers.get(kept));
            let kept = kept.map(|kept| tip(kept, close_time(kept, batch, before, now)));
            kept.or_else(|| before.filter(|tip| tip.ledger < fork).cloned())
        }
    };
    match (stored, pushed) {
        (Some(stored), Some(pushed)) if pushed.ledger < stored.ledger => Some(stored),
        // Of two times of one ledger the arrival is the later one.
        (Some(stored), Some(pushed)) if pushed.ledger == stored.ledger => {
            let at = stored.at.into_iter().chain(pushed.at).min();
            Some(Tip { at, ..pushed })
        }
        (stored, pushed) => pushed.or(stored),
    }
}

/// Close time of a new tip; its arrival if nothing is known of it.
///
/// If the close time is not reported, it is at least that of an earlier ledger and one second for each ledger since. So
/// a ledger without a close time leaves the highest plausible ledger as it is, for a source that sends the past too.
fn close_time(ledger: &Ledger, batch: &Batch, before: Option<&Tip>, now: Timestamp) -> Timestamp {
    let since = |(sequence, at): (u32, Timestamp)| {
        let seconds = ledger.sequence.checked_sub(sequence)?;
        at.checked_add(SignedDuration::from_secs(seconds.into())).ok()
    };
    let before = before.and_then(|tip| Some((tip.ledger, tip.at?)));
    let pushed = batch.ledgers().filter_map(|ledger| Some((ledger.sequence, ledger.closed_at?)));
    let earliest = || pushed.chain(before).filter_map(since).max();
    let at = ledger.closed_at.or_else(earliest).or(before.map(|(_, at)| at));
    at.map_or(now, |at| clamped(at, now))
}

/// Close time of the newest ledger that a rewind leaves; the earliest possible one if it is not known, so that the
/// next ledger is bounded as the first one is.
pub(super) fn close_time_after_rewind(ledger: &Ledger, now: Timestamp) -> Timestamp {
    clamped(ledger.closed_at.unwrap_or(Timestamp::MIN), now)
}

/// A time between the first ledger and the present, at millisecond precision.
fn clamped(at: Timestamp, now: Timestamp) -> Timestamp {
    let at = at.as_millisecond().min(now.as_millisecond()).max(GENESIS.saturating_mul(1_000));
    Timestamp::from_millisecond(at).unwrap_or(now)
}

/// The lowest hole among the ledgers of the batch after the tip.
fn hole_above_tip(view: &StoredView, batch: &Batch) -> Option<Hole> {
    let mut below = view.frontier.tip.as_ref().map(|tip| tip.ledger);
    let above = batch.ledgers().filter(|ledger| Some(ledger.sequence) > below);
    above.collect::<Vec<_>>().into_iter().find_map(|ledger| {
        let below = below.replace(ledger.sequence)?;
        ledger.previous_hash.as_ref().and_then(|_| hole_between(below, ledger.sequence))
    })
}

/// The ledgers of the view after the batch.
fn ledgers_after(
    view: &StoredView,
    batch: &Batch,
    fork: Option<(u32, &Descendants)>,
) -> BTreeMap<u32, Ledger> {
    let stays =
        |sequence: &u32| fork.is_none_or(|(fork, branch)| *sequence < fork || branch.kept.contains(sequence));
    let mut after = view.ledgers.clone();
    after.retain(|sequence, _| stays(sequence));
    for ledger in batch.ledgers() {
        after.entry(ledger.sequence).or_insert_with(|| ledger.clone()).enrich(ledger);
    }
    after
}
