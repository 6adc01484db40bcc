use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use thiserror::Error;

/// Ledgers as ranges. As a text: `from-to`, in order, separated by commas; empty for none.
///
/// The ranges do not overlap, and none begins where another ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerRanges(Vec<RangeInclusive<u32>>);

/// A text that is not [`LedgerRanges`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not ranges of ledgers in order, as in 1-5,9-9")]
pub struct NotRanges;

impl LedgerRanges {
    /// The ranges, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &RangeInclusive<u32>> {
        self.0.iter()
    }

    /// Whether there is no ledger.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lowest ledger.
    pub fn first(&self) -> Option<u32> {
        self.0.first().map(|range| *range.start())
    }

    /// The highest ledger.
    pub fn last(&self) -> Option<u32> {
        self.0.last().map(|range| *range.end())
    }

    /// Whether the ledger is in one of the ranges.
    pub fn contains(&self, ledger: u32) -> bool {
        self.0.iter().any(|range| range.contains(&ledger))
    }

    /// Adds a range.
    pub fn add(&mut self, range: RangeInclusive<u32>) {
        if range.is_empty() {
            return;
        }
        let (mut from, mut to) = range.into_inner();
        self.0.retain(|known| {
            let is_near = *known.start() <= to.saturating_add(1) && from <= known.end().saturating_add(1);
            if is_near {
                (from, to) = (from.min(*known.start()), to.max(*known.end()));
            }
            !is_near
        });
        let at = self.0.partition_point(|known| *known.start() < from);
        self.0.insert(at, from..=to);
    }

    /// Removes a range. Returns whether one of its ledgers was there.
    pub fn remove(&mut self, range: &RangeInclusive<u32>) -> bool {
        let overlaps =
            |known: &RangeInclusive<u32>| known.start() <= range.end() && range.start() <= known.end();
        if range.is_empty() || !self.0.iter().any(overlaps) {
            return false;
        }
        let mut left = Vec::with_capacity(self.0.len().saturating_add(1));
        for known in &self.0 {
            if overlaps(known) {
                let below = range.start().checked_sub(1).map(|end| *known.start()..=end);
                let above = range.end().checked_add(1).map(|start| start..=*known.end());
                left.extend(below.into_iter().chain(above).filter(|range| !range.is_empty()));
            } else {
                left.push(known.clone());
            }
        }
        self.0 = left;
        true
    }

    /// The ranges of the ledgers of `within` that are missing, in order.
    pub fn missing(&self, within: RangeInclusive<u32>) -> Self {
        let mut missing = Self::default();
        missing.add(within);
        for known in &self.0 {
            missing.remove(known);
        }
        missing
    }
}

impl fmt::Display for LedgerRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        self.0.iter().try_for_each(|range| {
            let written = write!(f, "{separator}{}-{}", range.start(), range.end());
            separator = ",";
            written
        })
    }
}

impl FromStr for LedgerRanges {
    type Err = NotRanges;

    fn from_str(text: &str) -> Result<Self, NotRanges> {
        let mut ranges = Self::default();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let (from, to) = part.split_once('-').ok_or(NotRanges)?;
            let (from, to) = (from.parse().map_err(|_| NotRanges)?, to.parse().map_err(|_| NotRanges)?);
            ranges.add(from..=to);
        }
        if ranges.to_string() == text { Ok(ranges) } else { Err(NotRanges) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_read_back_as_they_were_written() {
        for text in ["", "0-0", "1-5,7-7,9-4294967295"] {
            assert_eq!(text.parse::<LedgerRanges>().unwrap().to_string(), text);
        }
        for wrong in
            [",", "1", "5-1", "1-5,6-7", "1-5,3-9", "7-9,1-2", "1-5,", "-1-2", "1-4294967296", "01-2"]
        {
            assert_eq!(wrong.parse::<LedgerRanges>(), Err(NotRanges), "{wrong}");
        }
    }

    #[test]
    fn the_ends_of_the_numbers_are_ledgers_too() {
        let mut ranges = LedgerRanges::default();
        ranges.add(0..=u32::MAX);
        assert!(ranges.remove(&(0..=0)) && ranges.remove(&(u32::MAX..=u32::MAX)));
        assert_eq!(ranges.to_string(), "1-4294967294");
        assert_eq!(ranges.missing(0..=u32::MAX).to_string(), "0-0,4294967295-4294967295");
    }

    proptest! {
        #[test]
        fn ranges_hold_the_ledgers_of_a_set(steps in prop::collection::vec((any::<bool>(), 0_u32..40, 0_u32..9), 0..30)) {
            let (mut ranges, mut set) = (LedgerRanges::default(), BTreeSet::new());
            for (adds, from, length) in steps {
                let range = from..=from + length;
                if adds {
                    ranges.add(range.clone());
                    set.extend(range);
                } else {
                    let removed = ranges.remove(&range);
                    prop_assert_eq!(removed, set.range(range.clone()).next().is_some());
                    set.retain(|ledger| !range.contains(ledger));
                }
                prop_assert_eq!(ranges.to_string().parse(), Ok(ranges.clone()));
            }
            let missing = ranges.missing(5..=30);
            for ledger in 0..60 {
                prop_assert_eq!(ranges.contains(ledger), set.contains(&ledger));
                prop_assert_eq!(missing.contains(ledger), (5..=30).contains(&ledger) && !set.contains(&ledger));
            }
            prop_assert_eq!((ranges.first(), ranges.last()), (set.first().copied(), set.last().copied()));
        }
    }
}
