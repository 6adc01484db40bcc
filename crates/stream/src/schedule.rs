use std::str::FromStr;

use fluxora_decimal::Amount;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::UnixTime;

/// How a deposit flows to the recipient.
///
/// Every combination of values is valid: [`Schedule::accrued`] is total. The rules are the contract's
/// (`docs/ARCHITECTURE.md`, "Accrual").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The locked amount; the streamed amount never exceeds it.
    pub deposit: Amount,
    /// The amount per second.
    pub rate: Amount,
    /// Start of the flow.
    pub start: UnixTime,
    /// Time before which nothing counts as streamed; equal to `start` without a cliff.
    pub cliff: UnixTime,
    /// End of the flow.
    pub end: UnixTime,
    /// The shape of the flow.
    pub kind: Kind,
    /// Amount and time of the last change of the rate.
    pub checkpoint: Checkpoint,
}

/// The shape of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `rate` each second from the checkpoint on.
    Linear,
    /// The whole deposit at the cliff.
    CliffOnly,
    /// `rate` each second, counted from the cliff.
    CliffSlope,
}

/// A text that names no kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a kind is one of linear, cliff_only, cliff_slope")]
pub struct UnknownKind;

/// An amount that had accrued at a time. A linear flow continues from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Accrued amount.
    pub amount: Amount,
    /// Time of accrual.
    pub at: UnixTime,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Linear, Self::CliffOnly, Self::CliffSlope];

    /// The word used on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::CliffOnly => "cliff_only",
            Self::CliffSlope => "cliff_slope",
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(UnknownKind)
    }
}

impl Schedule {
    /// A flow of `rate` each second from `start` to `end`, without a change of the rate.
    pub const fn linear(
        deposit: Amount,
        rate: Amount,
        start: UnixTime,
        cliff: UnixTime,
        end: UnixTime,
    ) -> Self {
        // Zero, with the decimals of the deposit.
        let checkpoint = Checkpoint { amount: Amount::ZERO.with_decimals(deposit.decimals()), at: start };
        Self { deposit, rate, start, cliff, end, kind: Kind::Linear, checkpoint }
    }

    /// The accrued amount at `at`: between zero and the deposit, and never less at a later time.
    ///
    /// Only whole seconds count, so nothing is rounded. A product beyond `i128` exceeds every deposit and counts as the
    /// deposit.
    pub fn accrued(&self, at: UnixTime) -> Amount {
        Amount::from_stroops(self.accrued_stroops(at)).with_decimals(self.decimals())
    }

    fn accrued_stroops(&self, at: UnixTime) -> i128 {
        let deposit = self.deposit.stroops();
        if at < self.cliff || deposit <= 0 {
            return 0;
        }
        let rate = self.rate.stroops();
        let until = at.min(self.end);
        let flowed = |since: UnixTime| rate.saturating_mul(i128::from(until.seconds_since(since)));
        let accrued = match self.kind {
            Kind::CliffOnly => deposit,
            Kind::CliffSlope => flowed(self.cliff),
            Kind::Linear if rate < 0 => 0,
            Kind::Linear => self.checkpoint.amount.stroops().saturating_add(flowed(self.checkpoint.at)),
        };
        accrued.clamp(0, deposit)
    }

    /// Decimals of amounts computed from this schedule: those of its finer amount.
    pub fn decimals(&self) -> u8 {
        self.deposit.decimals().max(self.rate.decimals())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn second(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(schedule: &Schedule, at: u64, expect: &str) {
        assert_eq!(schedule.accrued(second(at)).to_string(), expect);
    }

    #[test]
    fn a_linear_flow_grows_by_its_rate_each_second_up_to_the_deposit() {
        let flow =
            Schedule::linear(amount("100"), amount("0.001"), second(1000), second(1000), second(101_000));
        check(&flow, 0, "0.000");
        check(&flow, 1000, "0.000");
        check(&flow, 1001, "0.001");
        check(&flow, 100_999, "99.999");
        check(&flow, 101_000, "100.000");
        check(&flow, u64::MAX, "100.000");
    }

    #[test]
    fn before_the_cliff_nothing_counts_and_at_the_cliff_all_since_the_start_does() {
        let flow = Schedule::linear(amount("100"), amount("1"), second(0), second(50), second(100));
        check(&flow, 49, "0");
        check(&flow, 50, "50");
    }

    #[test]
    fn a_cliff_slope_counts_from_the_cliff() {
        let linear = Schedule::linear(amount("100"), amount("1"), second(0), second(50), second(100));
        let flow = Schedule { kind: Kind::CliffSlope, ..linear };
        check(&flow, 50, "0");
        check(&flow, 100, "50");
    }

    #[test]
    fn a_cliff_only_flow_is_all_or_nothing() {
        let linear = Schedule::linear(amount("100"), Amount::ZERO, second(0), second(50), second(100));
        let flow = Schedule { kind: Kind::CliffOnly, ..linear };
        check(&flow, 49, "0");
        check(&flow, 50, "100");
    }

    #[test]
    fn a_kind_reads_back_from_its_word_in_storage_and_on_the_wire() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.as_str()));
        }
        assert_eq!("Linear".parse::<Kind>(), Err(UnknownKind));
    }

    fn any_schedule() -> impl Strategy<Value = Schedule> {
        let stroops = prop_oneof![any::<i128>(), -10i128..1_000_000, Just(i128::MAX), Just(i128::MIN)];
        let seconds = prop_oneof![any::<u64>(), 0u64..1000, Just(u64::MAX)];
        let kind = prop_oneof![Just(Kind::Linear), Just(Kind::CliffOnly), Just(Kind::CliffSlope)];
        (
            [stroops.clone(), stroops.clone(), stroops],
            [seconds.clone(), seconds.clone(), seconds.clone(), seconds],
            kind,
        )
            .prop_map(|([deposit, rate, amount], [start, cliff, end, at], kind)| Schedule {
                deposit: Amount::from_stroops(deposit),
                rate: Amount::from_stroops(rate),
                start: second(start),
                cliff: second(cliff),
                end: second(end),
                kind,
                checkpoint: Checkpoint { amount: Amount::from_stroops(amount), at: second(at) },
            })
    }

    proptest! {
        #[test]
        fn accrued_is_capped_and_never_falls_whatever_the_terms(
            schedule in any_schedule(), earlier: u64, later: u64,
        ) {
            let (earlier, later) = (earlier.min(later), earlier.max(later));
            let (then, now) = (schedule.accrued(second(earlier)), schedule.accrued(second(later)));
            prop_assert!(Amount::ZERO <= then && then <= now);
            prop_assert!(now <= schedule.deposit.max(Amount::ZERO));
        }
    }
}
