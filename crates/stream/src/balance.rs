use fluxora_decimal::Amount;

/// The division of a stream's deposit at one instant: amounts of stroops, or integers of a token's smallest unit.
///
/// `streamed + remaining + refunded` equals the deposit; `remaining` is zero once the stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance<A = Amount> {
    /// Accrued to the recipient.
    pub streamed: A,
    /// Taken out by the recipient.
    pub withdrawn: A,
    /// Streamed and not withdrawn; zero while the contract holds withdrawals.
    pub withdrawable: A,
    /// Not streamed yet; can still stream.
    pub remaining: A,
    /// Returned to the sender when the stream ended early.
    pub refunded: A,
}

impl Balance {
    /// Divides `deposit`, of which `streamed` (between zero and the deposit) has flowed.
    pub(crate) fn divide(
        deposit: Amount,
        streamed: Amount,
        withdrawn: Amount,
        ended: bool,
        decimals: u8,
    ) -> Self {
        let show = |stroops: i128| Amount::from_stroops(stroops).with_decimals(decimals);
        let rest = deposit.stroops().saturating_sub(streamed.stroops());
        let (remaining, refunded) = if ended { (0, rest) } else { (rest, 0) };
        let withdrawable = streamed.stroops().saturating_sub(withdrawn.stroops()).max(0);
        Self {
            streamed: streamed.with_decimals(decimals),
            withdrawn: withdrawn.with_decimals(decimals),
            withdrawable: show(withdrawable),
            remaining: show(remaining),
            refunded: show(refunded),
        }
    }

    /// The same balance with a withdrawable amount of zero.
    pub(crate) fn nothing_withdrawable(self) -> Self {
        let withdrawable = Amount::ZERO.with_decimals(self.withdrawable.decimals());
        Self { withdrawable, ..self }
    }
}
