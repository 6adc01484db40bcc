use std::str::FromStr;

use thiserror::Error;

/// The class of a contract event, decided by the event alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// An event of the contract about a stream.
    Stream,
    /// An event of the contract about no stream.
    Protocol,
    /// A transfer of a token.
    Transfer,
    /// The topic or the shape of the payload is not the contract's.
    Unknown,
    /// The topic is the contract's, but a field is missing or wrong.
    Unreadable,
}

/// A text that names no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a class is one of stream, protocol, transfer, unknown, unreadable")]
pub struct UnknownClass;

impl Class {
    /// Every class.
    pub const ALL: [Self; 5] =
        [Self::Stream, Self::Protocol, Self::Transfer, Self::Unknown, Self::Unreadable];

    /// The word used in storage and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Protocol => "protocol",
            Self::Transfer => "transfer",
            Self::Unknown => "unknown",
            Self::Unreadable => "unreadable",
        }
    }
}

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(word: &str) -> Result<Self, UnknownClass> {
        Self::ALL.into_iter().find(|class| class.as_str() == word).ok_or(UnknownClass)
    }
}
