//! Which ledgers were read for the contracts, and which have to be.

use fluxora_indexer::{LedgerRanges, Opaque};
use fluxora_store::chain::Coverage;

/// Ledgers that were not read for some of the contracts although later ones were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// The contracts for which every ledger of the gap is missing.
    pub(crate) contracts: Vec<Opaque>,
}

/// The newest ledger that was read for any of the contracts.
pub(crate) fn head(coverage: &[Coverage], contracts: &[Opaque]) -> Option<u32> {
    contracts.iter().filter_map(|contract| ledgers(coverage, contract)?.last()).max()
}

/// The lowest gap. A contract is read from `start` on; without a start, from the first ledger that was read for it.
pub(crate) fn next_gap(coverage: &[Coverage], contracts: &[Opaque], start: Option<u32>) -> Option<Gap> {
    let head = head(coverage, contracts)?;
    let missing = |contract: &Opaque| {
        let covered = ledgers(coverage, contract).cloned().unwrap_or_default();
        Some(covered.missing(start.or_else(|| covered.first())?..=head))
    };
    let missing: Vec<_> =
        contracts.iter().filter_map(|contract| Some((contract, missing(contract)?))).collect();
    let from = missing.iter().filter_map(|(_, missing)| missing.first()).min()?;
    // Up to where it ends for one of its contracts, or begins for another one.
    let (its, others): (Vec<_>, Vec<_>) = missing.iter().partition(|(_, missing)| missing.contains(from));
    let ends = its.iter().filter_map(|(_, missing)| missing.iter().next().map(|range| *range.end()));
    let begins = others.iter().filter_map(|(_, missing)| missing.first()?.checked_sub(1));
    let to = ends.chain(begins).min()?;
    Some(Gap { from, to, contracts: its.into_iter().map(|(contract, _)| (*contract).clone()).collect() })
}

fn ledgers<'c>(coverage: &'c [Coverage], contract: &Opaque) -> Option<&'c LedgerRanges> {
    coverage.iter().find(|coverage| coverage.contract == *contract).map(|coverage| &coverage.ledgers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(coverage: &[(&str, &str)], start: Option<u32>) -> Option<(u32, u32, String)> {
        let opaque = |text: &str| Opaque::new(text).unwrap();
        let coverage: Vec<_> = coverage
            .iter()
            .map(|(contract, ledgers)| Coverage {
                contract: opaque(contract),
                ledgers: ledgers.parse().unwrap(),
            })
            .collect();
        let gap = next_gap(&coverage, &["a", "b"].map(opaque), start)?;
        let contracts: Vec<_> = gap.contracts.iter().map(Opaque::as_str).collect();
        Some((gap.from, gap.to, contracts.join(" ")))
    }

    fn expect(from: u32, to: u32, contracts: &str) -> Option<(u32, u32, String)> {
        Some((from, to, contracts.to_owned()))
    }

    #[test]
    fn a_contract_that_was_added_later_lacks_what_was_read_for_the_others() {
        assert_eq!(gap(&[("a", "10-99")], Some(10)), expect(10, 99, "b"));
        assert_eq!(gap(&[("a", "10-99"), ("b", "60-99")], Some(10)), expect(10, 59, "b"));
        assert_eq!(gap(&[("a", "10-99"), ("b", "10-99")], Some(10)), None);
    }

    #[test]
    fn an_earlier_start_is_read_for_every_contract() {
        assert_eq!(gap(&[("a", "10-99"), ("b", "10-99")], Some(5)), expect(5, 9, "a b"));
        assert_eq!(gap(&[("a", "10-99"), ("b", "20-99")], Some(5)), expect(5, 9, "a b"));
        assert_eq!(gap(&[("a", "5-99"), ("b", "20-99")], Some(5)), expect(5, 19, "b"));
    }

    #[test]
    fn a_gap_ends_where_one_of_another_contract_begins() {
        assert_eq!(gap(&[("a", "5-49,60-99"), ("b", "70-99")], Some(5)), expect(5, 49, "b"));
        assert_eq!(gap(&[("a", "5-49,60-99"), ("b", "5-49,70-99")], Some(5)), expect(50, 59, "a b"));
        assert_eq!(gap(&[("a", "5-99"), ("b", "5-49,70-99")], Some(5)), expect(50, 69, "b"));
    }

    #[test]
    fn without_a_start_a_contract_is_read_from_its_first_ledger_on() {
        assert_eq!(gap(&[("a", "10-99")], None), None);
        assert_eq!(gap(&[("a", "10-99"), ("b", "60-69,80-99")], None), expect(70, 79, "b"));
    }

    #[test]
    fn nothing_is_missing_before_the_first_ledger_is_read_and_after_the_last() {
        assert_eq!(gap(&[], Some(5)), None);
        assert_eq!(gap(&[("other", "1-9")], Some(5)), None);
        assert_eq!(gap(&[("a", "10-99"), ("b", "10-90")], Some(200)), None);
    }
}
