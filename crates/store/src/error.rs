use std::error::Error as StdError;
use std::fmt;

use thiserror::Error;

type Source = Box<dyn StdError + Send + Sync>;

/// The error of a store call. The variants are the different things a caller can do about it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The queue is full. Nothing was done: try again shortly.
    #[error("the store's queue is full")]
    Overloaded,
    /// An outage: a full disk, a lock held elsewhere, a lost server. The write is either committed or absent; with an idempotency key it can be
    /// sent again.
    #[error("storage is unavailable: {reason}")]
    Unavailable {
        /// The cause of the outage, for an operator.
        reason: String,
        /// The driver's error.
        #[source]
        source: Option<Source>,
    },
    /// A stored row cannot be read. Other rows can.
    #[error(transparent)]
    Corrupt(#[from] CorruptRow),
    /// A defect: the backend's SQL or logic is wrong. Nothing was done.
    #[error("the store failed: {reason}")]
    Internal {
        /// What was attempted.
        reason: String,
        /// The driver's error.
        #[source]
        source: Option<Source>,
    },
}

impl StoreError {
    /// Storage does not answer now, for this reason.
    pub fn unavailable(reason: &str) -> Self {
        Self::Unavailable { reason: reason.to_owned(), source: None }
    }

    /// The error of every call after [`Store::close`](crate::Store::close).
    pub fn closed() -> Self {
        Self::unavailable("the store is closed")
    }

    /// The same error for a further caller, without the driver's error.
    #[must_use]
    pub fn repeat(&self) -> Self {
        match self {
            Self::Unavailable { reason, .. } => Self::unavailable(reason),
            Self::Overloaded => Self::Overloaded,
            Self::Corrupt(row) => Self::Corrupt(row.clone()),
            Self::Internal { reason, .. } => Self::Internal { reason: reason.clone(), source: None },
        }
    }
}

/// An error and its causes in one line, outermost first.
pub fn error_chain(error: &(dyn StdError + 'static)) -> String {
    sources(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An error and its causes, outermost first.
pub fn sources<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// A stored row that cannot be read, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct CorruptRow {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key, as an operator can look it up.
    pub row: String,
    /// Why the value makes no sense.
    pub reason: String,
}

impl fmt::Display for CorruptRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, column, row, reason } = self;
        write!(f, "row {row} of table {table} cannot be read: column {column}: {reason}")
    }
}
