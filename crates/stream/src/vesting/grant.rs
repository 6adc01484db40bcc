use serde::{Deserialize, Serialize};

use crate::{Address, UnixTime};

/// What a delegate may do. The first two come from the recipient, the others from the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DelegateOperation {
    /// Withdraw. The money goes to the recipient.
    Withdraw,
    /// Change the recipient.
    Transfer,
    /// Cancel.
    Cancel,
    /// Pause.
    Pause,
    /// Resume.
    Resume,
    /// Top up.
    TopUp,
}

impl DelegateOperation {
    /// All operations.
    pub const ALL: [Self; 6] =
        [Self::Withdraw, Self::Transfer, Self::Cancel, Self::Pause, Self::Resume, Self::TopUp];

    /// The bit in the contract's `ops`.
    pub const fn bit(self) -> u32 {
        match self {
            Self::Withdraw => 1,
            Self::Cancel => 2,
            Self::Pause => 4,
            Self::Resume => 8,
            Self::TopUp => 16,
            Self::Transfer => 32,
        }
    }

    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Withdraw => "withdraw",
            Self::Transfer => "transfer",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::TopUp => "top_up",
        }
    }
}

/// What one delegate of one stream may do. An expired grant stays until it is replaced or revoked, and grants survive
/// a change of the recipient and the end of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grant {
    /// The party that granted it.
    pub grantor: Address,
    /// Bits of [`DelegateOperation`]. Higher bits are kept as they came.
    pub operations: u32,
    /// Last second of validity; `None` for no limit.
    pub expires_at: Option<UnixTime>,
}

impl Grant {
    /// Whether the grant permits `operation` in a ledger that closes at `now`.
    pub fn permits(&self, operation: DelegateOperation, now: UnixTime) -> bool {
        self.operations & operation.bit() != 0 && self.expires_at.is_none_or(|last| now <= last)
    }
}
