//! Moving everything that one backend holds to another, whatever their engines.

mod copy;
mod digest;

pub use copy::{Copied, CopyError, PAGE, Progress, Step, copy};
pub use digest::{Digest, Tally};

use std::fmt;

use async_trait::async_trait;
use fluxora_stream::{Stream, StreamEvent};
use jiff::Timestamp;

use crate::{Answer, IdempotencyKey, Position, StoreError};

/// A kind of record, in an order of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Streams, in the order of their creation.
    Streams,
    /// Events of all streams, in the order of their commits.
    Events,
    /// Answers kept for idempotent requests, by scope and key.
    Answers,
}

impl Section {
    /// Every section; what others refer to comes first.
    pub const ALL: [Self; 3] = [Self::Streams, Self::Events, Self::Answers];

    /// What an operator calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Events => "events",
            Self::Answers => "kept answers",
        }
    }
}

/// A record's place in its section. It is the same in every backend: cursors hold it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A number; there may be gaps.
    Number(Position),
    /// Scope and key, compared byte by byte.
    Key(String, String),
}

/// Something a backend keeps, in a form that none of them owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A stream.
    Stream(Position, Stream),
    /// An event of a stream.
    Event(Position, StreamEvent),
    /// An answer kept for an idempotent request.
    Answer(KeptAnswer),
}

/// An answer as it is kept: a [`KeyedAnswer`](crate::KeyedAnswer) whose scope was read from storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// What kind of request the key belongs to.
    pub scope: String,
    /// The client's key.
    pub key: IdempotencyKey,
    /// The request in its canonical form.
    pub request: String,
    /// What it was answered.
    pub answer: Answer,
    /// When the request was made.
    pub at: Timestamp,
}

impl Record {
    /// The kind of record it is.
    pub const fn section(&self) -> Section {
        match self {
            Self::Stream(..) => Section::Streams,
            Self::Event(..) => Section::Events,
            Self::Answer(_) => Section::Answers,
        }
    }

    /// Its place among its kind.
    pub fn place(&self) -> Place {
        match self {
            Self::Stream(place, _) | Self::Event(place, _) => Place::Number(*place),
            Self::Answer(kept) => Place::Key(kept.scope.clone(), kept.key.as_str().to_owned()),
        }
    }

    /// All that it says, as one line of text: equal for two records that are the same to the last decimal of an amount (to `==`, 100
    /// and 100.0 are one amount). For comparing within one run of one program, not for keeping.
    pub fn canonical(&self) -> String {
        // The derived form shows every field, whichever are added.
        format!("{self:?}")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(Position(number)) => number.fmt(f),
            // The key is a client's.
            Self::Key(scope, _) => write!(f, "a key of {scope}"),
        }
    }
}

/// What came of putting records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// They are there.
    Done,
    /// Another record has this place; nothing was written.
    Taken(Place),
    /// The event at this place is of a stream that is not there; nothing was written.
    Orphan(Place),
}

/// A backend whose contents can be moved.
#[async_trait]
pub trait Transfer: Send + Sync {
    /// Counts the records of a section, readable or not.
    async fn count(&self, section: Section) -> Result<u64, StoreError>;

    /// Reads up to `limit` records of a section that come after a place, in order; from the first on without one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if one of them cannot be read.
    async fn records(
        &self,
        section: Section,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError>;

    /// Writes records of one section at their places, whole or not at all, and lets the numbering of what is written later go on after
    /// them. Those that are there already, the same in every field, are left as they are.
    async fn put(&self, records: Vec<Record>) -> Result<Put, StoreError>;
}
