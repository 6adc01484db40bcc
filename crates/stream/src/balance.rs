use fluxora_decimal::Amount;

/// How a stream's deposit is divided at one instant.
///
/// `streamed + remaining + refunded` is the deposit, always; `remaining` is zero once the stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What has flowed to the recipient's side.
    pub streamed: Amount,
    /// What the recipient has taken out.
    pub withdrawn: Amount,
    /// What the recipient can take out: streamed and not yet withdrawn. Nothing while the contract holds withdrawals.
    pub withdrawable: Amount,
    /// What has yet to flow.
    pub remaining: Amount,
    /// What went back to the sender when the stream ended.
    pub refunded: Amount,
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

    /// The same, where the contract lets nothing be withdrawn.
    pub(crate) fn nothing_withdrawable(self) -> Self {
        let withdrawable = Amount::ZERO.with_decimals(self.withdrawable.decimals());
        Self { withdrawable, ..self }
    }
}
