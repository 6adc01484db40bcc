use fluxora_decimal::Amount;

use crate::Schedule;

/// The money of a stream that flows by a rate: an API stream, or a stream of a version 9 contract. Amounts are in
/// stroops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateFlow {
    /// Deposit, rate, times and kind.
    pub schedule: Schedule,
    /// The amount taken out by the recipient.
    pub withdrawn: Amount,
}
