//! Plan of an operator's rewind: the first ledger to remove and the frontier after it.

use jiff::Timestamp;
use thiserror::Error;

use super::frontier::close_time_after_rewind;
use super::{Frontier, Rules, Tip};
use crate::Ledger;

/// The changes of a rewind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewindPlan {
    /// The first ledger to remove.
    pub fork: u32,
    /// Number of ledgers from the fork to the tip.
    pub depth: u32,
    /// The frontier after the rewind, its hole left out. Only a rewind lowers the final ledger.
    pub frontier: Frontier,
}

/// Why a rewind is refused. Nothing is changed or recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RewindRefused {
    /// No stored ledger lies after the one to rewind to. A mistyped ledger must not be recorded as a reorg: it would be
    /// reported as one until the chain had reached it.
    #[error("there is nothing to undo after ledger {to_ledger}: {}", newest(*.tip))]
    NothingToUndo {
        /// The requested ledger.
        to_ledger: u32,
        /// The newest stored ledger.
        tip: Option<u32>,
    },
}

fn newest(tip: Option<u32>) -> String {
    tip.map_or("no ledger is stored".to_owned(), |tip| format!("the newest is ledger {tip}"))
}

/// Plans a rewind to `to_ledger`. `newest_kept` is the newest stored ledger up to and with `to_ledger`.
///
/// # Errors
/// [`RewindRefused`] if no stored ledger would be removed.
pub fn plan_rewind(
    before: &Frontier,
    newest_kept: Option<Ledger>,
    to_ledger: u32,
    rules: Rules,
    now: Timestamp,
) -> Result<RewindPlan, RewindRefused> {
    let tip = before.tip.as_ref().map(|tip| tip.ledger);
    let Some(newest) = tip.filter(|tip| *tip > to_ledger) else {
        return Err(RewindRefused::NothingToUndo { to_ledger, tip });
    };
    let fork = to_ledger.saturating_add(1);
    let tip = newest_kept.map(|ledger| Tip {
        ledger: ledger.sequence,
        at: Some(close_time_after_rewind(&ledger, now)),
        hash: ledger.hash,
    });
    let last_safe = before.last_safe.min(rules.safe_below(tip.as_ref()));
    let final_ledger = before.final_ledger.min(rules.final_below(tip.as_ref()));
    Ok(RewindPlan {
        fork,
        depth: newest.saturating_sub(fork),
        frontier: Frontier { tip, last_safe, final_ledger, hole: None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Opaque;

    const RULES: Rules = Rules { safety_margin: 2, max_reorg_depth: 4, max_tip_jump: 1 };

    fn tip(ledger: u32) -> Tip {
        Tip { ledger, hash: Opaque::new(&format!("a{ledger}")).unwrap(), at: None }
    }

    fn known(newest: u32) -> Frontier {
        Frontier {
            tip: Some(tip(newest)),
            last_safe: newest.checked_sub(2),
            final_ledger: newest.checked_sub(5),
            hole: None,
        }
    }

    /// The fork, the depth, and the tip, the safe and the final ledger after it; or the tip of a refusal.
    type Outcome = Result<(u32, u32, [Option<u32>; 3]), Option<u32>>;

    #[track_caller]
    fn check(before: &Frontier, kept: Option<u32>, to: u32, expect: Outcome) {
        let ledger =
            |sequence| Ledger { sequence, hash: tip(sequence).hash, previous_hash: None, closed_at: None };
        let found = plan_rewind(before, kept.map(ledger), to, RULES, Timestamp::UNIX_EPOCH);
        let found = found.map(|RewindPlan { fork, depth, frontier }| {
            (fork, depth, [frontier.tip.map(|tip| tip.ledger), frontier.last_safe, frontier.final_ledger])
        });
        let expect = expect.map_err(|tip| RewindRefused::NothingToUndo { to_ledger: to, tip });
        assert_eq!(found, expect, "to {to}");
    }

    #[test]
    fn a_rewind_lowers_tip_safe_and_final_ledger() {
        check(&known(100), Some(90), 90, Ok((91, 9, [Some(90), Some(88), Some(85)])));
    }

    #[test]
    fn the_tip_after_a_rewind_is_the_newest_stored_ledger_that_stays() {
        check(&known(100), Some(80), 90, Ok((91, 9, [Some(80), Some(78), Some(75)])));
        check(&known(100), None, 90, Ok((91, 9, [None, None, None])));
    }

    #[test]
    fn a_rewind_never_raises_the_safe_or_the_final_ledger() {
        let before = Frontier { last_safe: Some(3), final_ledger: None, ..known(100) };
        check(&before, Some(90), 90, Ok((91, 9, [Some(90), Some(3), None])));
    }

    #[test]
    fn the_safe_ledger_falls_where_the_kept_chain_is_shorter_than_the_margin() {
        check(&known(100), Some(1), 1, Ok((2, 98, [Some(1), None, None])));
    }

    #[test]
    fn after_a_rewind_an_unknown_close_time_is_the_earliest_possible() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let at = |closed_at| {
            let kept = Ledger { sequence: 90, hash: tip(90).hash, previous_hash: None, closed_at };
            plan_rewind(&known(100), Some(kept), 90, RULES, now).unwrap().frontier.tip.unwrap().at.unwrap()
        };
        assert_eq!(at(None).to_string(), "2015-09-30T00:00:00Z");
        let known = Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(at(Some(known)), known);
    }

    #[test]
    fn a_rewind_that_removes_no_ledger_is_refused() {
        check(&known(100), Some(100), 100, Err(Some(100)));
        check(&known(100), Some(100), u32::MAX, Err(Some(100)));
        check(&Frontier::default(), None, 0, Err(None));
        let refused = RewindRefused::NothingToUndo { to_ledger: 7, tip: None };
        assert_eq!(refused.to_string(), "there is nothing to undo after ledger 7: no ledger is stored");
    }
}
