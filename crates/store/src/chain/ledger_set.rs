use std::collections::BTreeSet;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// Sequences of ledgers. As a text: in order, separated by commas; empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerSet(pub BTreeSet<u32>);

impl fmt::Display for LedgerSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        self.0.iter().try_for_each(|ledger| {
            let written = write!(f, "{separator}{ledger}");
            separator = ",";
            written
        })
    }
}

impl FromStr for LedgerSet {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let sequences = text.split(',').filter(|_| !text.is_empty());
        sequences.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_reads_back_as_it_was_written() {
        for (ledgers, text) in [(vec![], ""), (vec![0], "0"), (vec![7, u32::MAX, 5], "5,7,4294967295")] {
            let set = LedgerSet(ledgers.into_iter().collect());
            assert_eq!((set.to_string().as_str(), text.parse()), (text, Ok(set)));
        }
        for wrong in [",", "1,", "-1", "4294967296", "1, 2", "x"] {
            wrong.parse::<LedgerSet>().unwrap_err();
        }
    }
}
