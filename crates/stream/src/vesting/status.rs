use std::str::FromStr;

use jiff::Timestamp;
use thiserror::Error;

use super::curve::coded;
use crate::{Status, StatusName};

coded! {
    /// The contract's status of a stream. There is none for "past its end": such a stream stays active (or paused)
    /// until it is emptied.
    VestingStatus, UnknownVestingStatus, "status", 4;
    /// The clock runs.
    #[default]
    Active = 0, "active";
    /// The clock of the schedule stands still; what had vested can be withdrawn.
    Paused = 1, "paused";
    /// Ended by a cancellation. Stays so when the recipient withdraws the rest.
    Cancelled = 2, "cancelled";
    /// Everything was withdrawn.
    Depleted = 3, "depleted";
}

impl VestingStatus {
    /// The contract's status with this name; `None` for a name that vesting contracts do not have.
    pub const fn of(name: StatusName) -> Option<Self> {
        match name {
            StatusName::Active => Some(Self::Active),
            StatusName::Paused => Some(Self::Paused),
            StatusName::Cancelled => Some(Self::Cancelled),
            StatusName::Depleted => Some(Self::Depleted),
            StatusName::Scheduled | StatusName::Completed => None,
        }
    }

    /// This status of a stream, which began at `at`.
    pub const fn since(self, at: Timestamp) -> Status {
        match self {
            Self::Active => Status::Active,
            Self::Paused => Status::Paused { at },
            Self::Cancelled => Status::Cancelled { at },
            Self::Depleted => Status::Depleted,
        }
    }

    /// Whether no other status can follow.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::Depleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reads_back_from_its_code_and_its_word() {
        for (status, code) in VestingStatus::ALL.into_iter().zip(0..) {
            assert_eq!((status.code(), VestingStatus::from_code(code)), (code, Some(status)));
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!(VestingStatus::from_code(4), None);
        assert_eq!("completed".parse::<VestingStatus>(), Err(UnknownVestingStatus));
    }

    #[test]
    fn cancelled_and_depleted_are_final() {
        let finals = VestingStatus::ALL.map(VestingStatus::is_final);
        assert_eq!(finals, [false, false, true, true]);
    }
}
