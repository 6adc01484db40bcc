//! How many ledgers are asked for at once: as many as fill a page of a given number of bytes.

/// The bytes that an answer should have. An empty ledger has about 1 KB of JSON, a busy one up to 3 MB.
const TARGET: usize = 8 * 1024 * 1024;
/// The most ledgers that Stellar RPC gives at once, by default.
const LIMIT_MAX: usize = 200;

/// The number of ledgers to ask for, from the size of the last answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageSize(usize);

impl Default for PageSize {
    fn default() -> Self {
        Self(10)
    }
}

impl PageSize {
    pub(super) const fn limit(self) -> usize {
        self.0
    }

    /// An answer with this many ledgers had this many bytes. The limit at most doubles: the next ledgers may be larger.
    pub(super) fn answered(&mut self, ledgers: usize, bytes: usize) {
        let Some(each) = bytes.checked_div(ledgers) else { return };
        let fitting = TARGET.checked_div(each).unwrap_or(LIMIT_MAX);
        self.0 = fitting.min(self.0.saturating_mul(2)).clamp(1, LIMIT_MAX);
    }

    /// An answer was too large or took too long.
    pub(super) fn shrink(&mut self) {
        self.0 = (self.0 / 2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quiet_ledgers_are_asked_for_in_hundreds_and_busy_ones_one_by_one() {
        let mut size = PageSize::default();
        for expect in [20, 40, 80, 160, 200, 200] {
            size.answered(size.limit(), size.limit() * 1000);
            assert_eq!(size.limit(), expect);
        }
        size.answered(200, 200 * 3_000_000);
        assert_eq!(size.limit(), 2);
        size.answered(2, 2 * 20_000_000);
        assert_eq!(size.limit(), 1);
    }

    #[test]
    fn an_answer_without_ledgers_changes_nothing() {
        let mut size = PageSize::default();
        size.answered(0, 100);
        assert_eq!(size.limit(), 10);
    }

    proptest! {
        #[test]
        fn the_limit_stays_between_1_and_200(
            answers in prop::collection::vec(prop::option::of((0_usize..300, 0_usize..1_000_000_000)), 0..50),
        ) {
            let mut size = PageSize::default();
            for answer in answers {
                match answer {
                    Some((ledgers, bytes)) => size.answered(ledgers, bytes),
                    None => size.shrink(),
                }
                prop_assert!((1..=LIMIT_MAX).contains(&size.limit()));
            }
        }
    }
}
