use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The status of a stream, with the data that only this status has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The start lies ahead.
    Scheduled,
    /// The deposit flows.
    Active,
    /// Withdrawals are held. Accrual continues.
    Paused {
        /// Time of the pause.
        at: Timestamp,
    },
    /// The stream reached its end.
    Completed,
    /// The stream ended early: the streamed amount stays, the rest was refunded.
    Cancelled {
        /// Time of the cancellation.
        at: Timestamp,
    },
    /// Everything was withdrawn. Only vesting streams have this status.
    Depleted,
}

/// A [`Status`] without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusName {
    /// [`Status::Scheduled`]
    Scheduled,
    /// [`Status::Active`]
    Active,
    /// [`Status::Paused`]
    Paused,
    /// [`Status::Completed`]
    Completed,
    /// [`Status::Cancelled`]
    Cancelled,
    /// [`Status::Depleted`]
    Depleted,
}

/// A text that names no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a status is one of scheduled, active, paused, completed, cancelled, depleted")]
pub struct UnknownStatus;

impl Status {
    /// The status without its data.
    pub const fn name(self) -> StatusName {
        match self {
            Self::Scheduled => StatusName::Scheduled,
            Self::Active => StatusName::Active,
            Self::Paused { .. } => StatusName::Paused,
            Self::Completed => StatusName::Completed,
            Self::Cancelled { .. } => StatusName::Cancelled,
            Self::Depleted => StatusName::Depleted,
        }
    }

    /// A status from its name and its instant; `None` if this status needs an instant and there is none, or the
    /// reverse.
    pub const fn from_parts(name: StatusName, since: Option<Timestamp>) -> Option<Self> {
        Some(match (name, since) {
            (StatusName::Scheduled, None) => Self::Scheduled,
            (StatusName::Active, None) => Self::Active,
            (StatusName::Paused, Some(at)) => Self::Paused { at },
            (StatusName::Completed, None) => Self::Completed,
            (StatusName::Cancelled, Some(at)) => Self::Cancelled { at },
            (StatusName::Depleted, None) => Self::Depleted,
            _ => return None,
        })
    }

    /// The instant of a pause or a cancellation; `None` for another status.
    pub const fn since(self) -> Option<Timestamp> {
        match self {
            Self::Paused { at } | Self::Cancelled { at } => Some(at),
            Self::Scheduled | Self::Active | Self::Completed | Self::Depleted => None,
        }
    }
}

impl StatusName {
    /// Every status, in the order of a stream's life cycle.
    pub const ALL: [Self; 6] =
        [Self::Scheduled, Self::Active, Self::Paused, Self::Completed, Self::Cancelled, Self::Depleted];

    /// The word used on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Depleted => "depleted",
        }
    }

    /// Whether the status is final: completed, cancelled or depleted.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Depleted)
    }
}

impl fmt::Display for StatusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StatusName {
    type Err = UnknownStatus;

    fn from_str(word: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|name| name.as_str() == word).ok_or(UnknownStatus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_its_name_and_its_instant() {
        for name in StatusName::ALL {
            let whole = [None, Some(Timestamp::UNIX_EPOCH)].map(|since| Status::from_parts(name, since));
            let ([Some(status), None] | [None, Some(status)]) = whole else {
                panic!("{name}: one of the two")
            };
            assert_eq!(Status::from_parts(status.name(), status.since()), Some(status));
        }
    }

    #[test]
    fn a_status_reads_back_from_its_word_and_nothing_else_does() {
        for name in StatusName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        for word in ["", "Active", "pending", "active "] {
            assert_eq!(word.parse::<StatusName>(), Err(UnknownStatus));
        }
    }
}
