use fluxora_decimal::Amount;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{AccountId, Address, Schedule, UnixTime};

/// The checked terms of a new stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Paying address.
    pub sender: Address,
    /// Paid address.
    pub recipient: Address,
    /// Locked amount.
    pub deposit_amount: Amount,
    /// Amount per second.
    pub rate_per_second: Amount,
    /// Start of the flow.
    pub start_time: UnixTime,
    /// Time before which nothing counts as streamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cliff_time: Option<UnixTime>,
    /// End of the flow.
    pub end_time: UnixTime,
}

impl Terms {
    /// The schedule of these terms.
    pub fn schedule(&self) -> Schedule {
        let cliff = self.cliff_time.unwrap_or(self.start_time);
        Schedule::linear(self.deposit_amount, self.rate_per_second, self.start_time, cliff, self.end_time)
    }
}

/// Proposed terms: the fields of a request that could be read.
///
/// Sender, recipient, deposit and rate are required. `start` defaults to the present second, `end` to the second in
/// which the deposit is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TermsDraft {
    /// Paying account.
    pub sender: Option<AccountId>,
    /// Paid account.
    pub recipient: Option<AccountId>,
    /// Locked amount.
    pub deposit: Option<Amount>,
    /// Amount per second.
    pub rate: Option<Amount>,
    /// Start of the flow.
    pub start: Option<UnixTime>,
    /// Time before which nothing counts as streamed.
    pub cliff: Option<UnixTime>,
    /// End of the flow.
    pub end: Option<UnixTime>,
}

/// A rule that proposed terms violate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TermsFault {
    /// Sender and recipient are the same account.
    #[error("sender and recipient must be two different accounts")]
    SenderIsRecipient,
    /// The deposit is zero or less.
    #[error("the deposit must be more than zero")]
    DepositNotPositive,
    /// The rate is zero or less.
    #[error("the rate must be more than zero")]
    RateNotPositive,
    /// The deposit is less than the amount of one second.
    #[error("the deposit must cover at least one second at ratePerSecond")]
    DepositBelowRate,
    /// The deposit lasts longer than a `u64` of seconds.
    #[error(
        "at this rate the deposit never runs out within the range of time: raise the rate or give an endTime"
    )]
    NeverFinishes,
    /// A time lies after the year 9999.
    #[error("times are Unix seconds up to the year 9999; a larger number is often one in milliseconds")]
    TimeOutOfRange {
        /// `startTime`, `cliffTime` or `endTime`.
        field: &'static str,
    },
    /// The end is not later than the start.
    #[error("endTime must be later than startTime")]
    EndNotAfterStart,
    /// The cliff is not between start and end.
    #[error("cliffTime must lie between startTime and endTime")]
    CliffOutsideStream,
}

impl TermsFault {
    /// The field to correct.
    pub const fn field(self) -> &'static str {
        match self {
            Self::SenderIsRecipient => "recipient",
            Self::DepositNotPositive | Self::DepositBelowRate => "depositAmount",
            Self::RateNotPositive | Self::NeverFinishes => "ratePerSecond",
            Self::TimeOutOfRange { field } => field,
            Self::EndNotAfterStart => "endTime",
            Self::CliffOutsideStream => "cliffTime",
        }
    }
}

impl TermsDraft {
    /// Checks the draft at the instant `now`.
    ///
    /// # Errors
    /// Every rule that the given fields violate. The list is empty if a required field is absent: the reader of the
    /// fields reports that.
    pub fn settle(&self, now: Timestamp) -> Result<Terms, Vec<TermsFault>> {
        let mut faults = Vec::new();
        let start = self.start.unwrap_or(UnixTime::of(now));
        self.check_parties(&mut faults);
        self.check_amounts(&mut faults);
        self.check_times(start, &mut faults);
        let end = self.end.or_else(|| {
            let used_up = used_up(self.deposit?, self.rate?, start);
            let sound =
                self.deposit?.is_positive() && self.rate?.is_positive() && start <= UnixTime::LAST_OF_9999;
            if used_up.is_none() && sound {
                faults.push(TermsFault::NeverFinishes);
            }
            used_up
        });
        self.check_cliff(start, end, &mut faults);
        match (self.sender, self.recipient, self.deposit, self.rate, end) {
            (Some(sender), Some(recipient), Some(deposit), Some(rate), Some(end)) if faults.is_empty() => {
                Ok(Terms {
                    sender: sender.into(),
                    recipient: recipient.into(),
                    deposit_amount: deposit,
                    rate_per_second: rate,
                    start_time: start,
                    cliff_time: self.cliff,
                    end_time: end,
                })
            }
            _ => Err(faults),
        }
    }

    fn check_parties(&self, faults: &mut Vec<TermsFault>) {
        if self.sender.is_some() && self.sender == self.recipient {
            faults.push(TermsFault::SenderIsRecipient);
        }
    }

    fn check_amounts(&self, faults: &mut Vec<TermsFault>) {
        if self.deposit.is_some_and(|deposit| !deposit.is_positive()) {
            faults.push(TermsFault::DepositNotPositive);
        }
        if self.rate.is_some_and(|rate| !rate.is_positive()) {
            faults.push(TermsFault::RateNotPositive);
        }
        if let (Some(deposit), Some(rate)) = (self.deposit, self.rate)
            && deposit.is_positive()
            && deposit < rate
        {
            faults.push(TermsFault::DepositBelowRate);
        }
    }

    fn check_times(&self, start: UnixTime, faults: &mut Vec<TermsFault>) {
        for (field, time) in [("startTime", self.start), ("cliffTime", self.cliff), ("endTime", self.end)] {
            if time.is_some_and(|time| time > UnixTime::LAST_OF_9999) {
                faults.push(TermsFault::TimeOutOfRange { field });
            }
        }
        if self.end.is_some_and(|end| end <= start) {
            faults.push(TermsFault::EndNotAfterStart);
        }
    }

    fn check_cliff(&self, start: UnixTime, end: Option<UnixTime>, faults: &mut Vec<TermsFault>) {
        if self.cliff.is_some_and(|cliff| cliff < start || end.is_some_and(|end| cliff > end)) {
            faults.push(TermsFault::CliffOutsideStream);
        }
    }
}

/// The first second by which the whole deposit has flowed; `None` beyond [`UnixTime::LAST_EXACT`].
fn used_up(deposit: Amount, rate: Amount, start: UnixTime) -> Option<UnixTime> {
    if !deposit.is_positive() || !rate.is_positive() {
        return None;
    }
    let (deposit, rate) = (deposit.stroops(), rate.stroops());
    let whole = deposit.checked_div(rate)?;
    let seconds = if deposit.checked_rem(rate)? == 0 { whole } else { whole.checked_add(1)? };
    start.checked_add(u64::try_from(seconds).ok()?).filter(|end| *end <= UnixTime::LAST_EXACT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-01T00:00:00.25Z";

    fn draft(deposit: &str, rate: &str) -> TermsDraft {
        TermsDraft {
            sender: Some(AccountId::from_public_key([1; 32])),
            recipient: Some(AccountId::from_public_key([2; 32])),
            deposit: Some(deposit.parse().unwrap()),
            rate: Some(rate.parse().unwrap()),
            ..TermsDraft::default()
        }
    }

    #[track_caller]
    fn refused(draft: &TermsDraft, expect: &[TermsFault]) {
        assert_eq!(draft.settle(NOW.parse().unwrap()).unwrap_err(), expect);
    }

    fn at(seconds: u64) -> Option<UnixTime> {
        Some(UnixTime::from_seconds(seconds))
    }

    #[test]
    fn start_defaults_to_now_and_end_to_when_the_deposit_is_used_up_rounded_up() {
        let terms = draft("100", "3").settle(NOW.parse().unwrap()).unwrap();
        assert_eq!(terms.start_time.seconds(), 1_767_225_600);
        assert_eq!(terms.end_time.seconds_since(terms.start_time), 34);
        assert_eq!(terms.schedule().accrued(UnixTime::MAX).to_string(), "100");
    }

    #[test]
    fn each_broken_rule_is_named() {
        use TermsFault as Fault;
        refused(
            &TermsDraft { recipient: draft("1", "1").sender, ..draft("1", "1") },
            &[Fault::SenderIsRecipient],
        );
        refused(&draft("0", "1"), &[Fault::DepositNotPositive]);
        refused(&draft("1", "-1"), &[Fault::RateNotPositive]);
        refused(&draft("0.9999999", "1"), &[Fault::DepositBelowRate]);
        refused(&draft("9223372036854775807", "0.0000001"), &[Fault::NeverFinishes]);
        refused(&TermsDraft { start: at(100), end: at(100), ..draft("1", "1") }, &[Fault::EndNotAfterStart]);
        refused(
            &TermsDraft { start: at(100), cliff: at(99), ..draft("1", "1") },
            &[Fault::CliffOutsideStream],
        );
        refused(
            &TermsDraft { start: at(100), cliff: at(103), ..draft("2", "1") },
            &[Fault::CliffOutsideStream],
        );
        refused(
            &TermsDraft { start: at(1_700_000_000_000), ..draft("1", "1") },
            &[Fault::TimeOutOfRange { field: "startTime" }],
        );
    }

    #[test]
    fn all_broken_rules_are_named_together() {
        let same = draft("-1", "0").sender;
        let draft = TermsDraft { recipient: same, start: at(5), end: at(4), ..draft("-1", "0") };
        let faults = draft.settle(NOW.parse().unwrap()).unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| (fault.field(), *fault)).collect();
        assert_eq!(
            fields,
            [
                ("recipient", TermsFault::SenderIsRecipient),
                ("depositAmount", TermsFault::DepositNotPositive),
                ("ratePerSecond", TermsFault::RateNotPositive),
                ("endTime", TermsFault::EndNotAfterStart),
            ]
        );
    }

    #[test]
    fn a_deposit_that_never_runs_out_is_named_beside_other_faults() {
        let slow = draft("9223372036854775807", "0.0000001");
        let same = TermsDraft { recipient: slow.sender, ..slow };
        refused(&same, &[TermsFault::SenderIsRecipient, TermsFault::NeverFinishes]);
    }

    #[test]
    fn an_absent_field_is_left_to_the_reader_of_the_fields() {
        refused(&TermsDraft { deposit: None, ..draft("1", "1") }, &[]);
    }

    #[test]
    fn a_slow_rate_is_fine_where_an_end_is_given() {
        let draft = TermsDraft { start: at(0), end: at(10), ..draft("9223372036854775807", "0.0000001") };
        assert_eq!(draft.settle(NOW.parse().unwrap()).unwrap().end_time.seconds(), 10);
    }
}
