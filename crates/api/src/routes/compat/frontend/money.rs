//! The amounts of a row, as integers of the smallest unit.

use fluxora_stream::vesting::Units;
use fluxora_stream::{Address, Details, Stream, UnixTime};

use crate::{Frontend, Tokens};

/// The front end shows a rate for a month of thirty days.
const SECONDS_OF_A_MONTH: i128 = 2_592_000;
/// Decimals of API streams and of contract version 9.
const STROOP_DECIMALS: u8 = 7;

/// The asset of a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asset {
    /// The code of the token; its address, shortened, where the operator does not name it.
    pub(super) code: String,
    /// The token contract, where the stream names it. Two tokens may have one code.
    token: Option<Address>,
    decimals: u8,
}

impl Asset {
    fn of(stream: &Stream, tokens: &Tokens, frontend: &Frontend) -> Self {
        let Some(state) = stream.details().vesting() else { return Self::unnamed(frontend) };
        let (code, decimals) = match tokens.known(state.token) {
            Some((code, decimals)) => (code.to_owned(), decimals),
            None => (short(state.token), 0),
        };
        Self { code, token: Some(state.token), decimals }
    }

    /// The asset of streams whose token is not known.
    pub(super) fn unnamed(frontend: &Frontend) -> Self {
        Self { code: frontend.asset.clone(), token: None, decimals: STROOP_DECIMALS }
    }

    pub(super) fn show(&self, amount: i128) -> String {
        Units(amount).with_decimals(self.decimals)
    }
}

/// An address in the few characters that a list has room for.
pub(super) fn short(address: Address) -> String {
    let text = address.to_string();
    let (first, last) = (text.get(..6), text.len().checked_sub(3).and_then(|at| text.get(at..)));
    match (first, last) {
        (Some(first), Some(last)) => format!("{first}…{last}"),
        _ => text,
    }
}

/// The amounts of a stream at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Money {
    pub(super) asset: Asset,
    pub(super) deposit: i128,
    pub(super) streamed: i128,
    pub(super) withdrawable: i128,
    /// What the contract still holds: not what is still to stream.
    pub(super) remaining: i128,
    pub(super) monthly: i128,
}

impl Money {
    pub(super) fn of(stream: &Stream, at: UnixTime, tokens: &Tokens, frontend: &Frontend) -> Self {
        let asset = Asset::of(stream, tokens, frontend);
        let (deposit, monthly, streamed, withdrawn, withdrawable, refunded) = match stream.details() {
            Details::Vesting(state) => {
                let balance = state.balance_at(at);
                let monthly = match state.average_rate(stream.status.name()) {
                    Some(_) => monthly_of(state.schedule.deposited, state.schedule.duration()),
                    None => 0,
                };
                let deposit = state.total_deposit();
                (
                    deposit,
                    monthly,
                    balance.streamed,
                    balance.withdrawn,
                    balance.withdrawable,
                    balance.refunded,
                )
            }
            Details::Api(flow) | Details::V9(fluxora_stream::V9State { flow, .. }) => {
                let Some(balance) = stream.balance_at(at) else { return Self::nothing(asset) };
                let monthly = flow.schedule.rate.stroops().saturating_mul(SECONDS_OF_A_MONTH);
                (
                    flow.schedule.deposit.stroops(),
                    monthly,
                    balance.streamed.stroops(),
                    balance.withdrawn.stroops(),
                    balance.withdrawable.stroops(),
                    balance.refunded.stroops(),
                )
            }
        };
        // A contract that paid out more than was deposited holds nothing for the stream.
        let remaining = deposit.saturating_sub(withdrawn).saturating_sub(refunded).max(0);
        Self { asset, deposit, streamed, withdrawable, remaining, monthly }
    }

    const fn nothing(asset: Asset) -> Self {
        Self { asset, deposit: 0, streamed: 0, withdrawable: 0, remaining: 0, monthly: 0 }
    }

    /// Whether the front end accepts the amounts.
    pub(super) const fn is_sound(&self) -> bool {
        0 <= self.streamed
            && self.streamed <= self.deposit
            && 0 <= self.withdrawable
            && self.withdrawable <= self.remaining
            && self.remaining <= self.deposit
            && 0 <= self.monthly
    }

    /// The streamed share in percent with one decimal, rounded down.
    pub(super) fn progress(&self) -> f64 {
        let text = Units(self.progress_tenths().into()).with_decimals(1);
        text.parse().unwrap_or(0.0)
    }

    /// The streamed share in tenths of a percent: 0 to 1000.
    fn progress_tenths(&self) -> u16 {
        let share = match self.streamed.checked_mul(1_000) {
            Some(thousandfold) => thousandfold.checked_div(self.deposit),
            None => self.deposit.checked_div(1_000).and_then(|part| self.streamed.checked_div(part)),
        };
        share.and_then(|share| u16::try_from(share).ok()).unwrap_or(0).min(1_000)
    }
}

/// The amount of a month at a constant flow of the deposit.
fn monthly_of(deposit: i128, duration: u64) -> i128 {
    let duration = i128::from(duration);
    let exact = deposit.checked_mul(SECONDS_OF_A_MONTH).and_then(|product| product.checked_div(duration));
    let rounded = || deposit.checked_div(duration).unwrap_or(0).saturating_mul(SECONDS_OF_A_MONTH);
    exact.unwrap_or_else(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(deposit: i128, streamed: i128) -> Money {
        let asset = Asset::unnamed(&Frontend::default());
        Money { deposit, streamed, ..Money::nothing(asset) }
    }

    #[test]
    fn progress_has_one_decimal_is_rounded_down_and_survives_the_greatest_amounts() {
        for (streamed, deposit, tenths) in
            [(0, 0, 0), (0, 7, 0), (398_999, 1_000_000, 398), (7, 7, 1_000), (1, 3, 333)]
        {
            assert_eq!(money(deposit, streamed).progress_tenths(), tenths, "{streamed} of {deposit}");
        }
        assert_eq!(money(i128::MAX, i128::MAX).progress_tenths(), 1_000);
        assert_eq!(money(i128::MAX, i128::MAX / 2).progress_tenths(), 500);
    }

    #[test]
    fn a_month_of_a_slow_stream_is_not_rounded_to_nothing() {
        assert_eq!(monthly_of(1_000, 5_184_000), 500);
        assert_eq!(monthly_of(i128::MAX, 1), i128::MAX);
        assert_eq!(monthly_of(7, 0), 0);
    }

    #[test]
    fn amounts_that_the_front_end_refuses_are_found() {
        assert!(money(7, 7).is_sound());
        let sound = Money { withdrawable: 3, remaining: 5, ..money(7, 6) };
        assert!(sound.is_sound());
        for broken in [
            Money { streamed: 8, ..sound.clone() },
            Money { streamed: -1, ..sound.clone() },
            Money { withdrawable: 6, ..sound.clone() },
            Money { remaining: 8, ..sound.clone() },
            Money { monthly: -1, ..sound.clone() },
        ] {
            assert!(!broken.is_sound(), "{broken:?}");
        }
    }
}
