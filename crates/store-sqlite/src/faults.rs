use std::error::Error as _;

use fluxora_store::StoreError;
use rusqlite::{Error, ErrorCode};

/// Sorts a driver's error by what a caller can do about it.
pub(crate) fn sort(attempted: &str, error: Error) -> StoreError {
    match outage(&error) {
        Some(reason) => StoreError::Unavailable { reason: reason.to_owned(), source: Some(error.into()) },
        None => StoreError::Internal { reason: attempted.to_owned(), source: Some(error.into()) },
    }
}

/// What is in the way, if it is the machine and not our SQL.
fn outage(error: &Error) -> Option<&'static str> {
    Some(match error.sqlite_error_code()? {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "another process holds the database locked",
        ErrorCode::DiskFull => "the disk is full",
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => "the database cannot be written to",
        ErrorCode::SystemIoFailure => "the disk reports an error",
        ErrorCode::CannotOpen => "the database file cannot be opened",
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => "the database file is damaged",
        ErrorCode::OutOfMemory => "there is no memory left",
        ErrorCode::FileLockingProtocolFailed => "the file system does not lock files properly",
        _ => return None,
    })
}

/// Adds what was attempted to a driver's error.
pub(crate) trait Attempt<T> {
    fn attempt(self, what: &str) -> Result<T, StoreError>;
}

impl<T> Attempt<T> for Result<T, Error> {
    fn attempt(self, what: &str) -> Result<T, StoreError> {
        self.map_err(|error| sort(what, error))
    }
}

/// The same fault once more, for another that it concerns; its source stays with the first.
pub(crate) fn repeat(fault: &StoreError) -> StoreError {
    match fault {
        StoreError::Unavailable { reason, .. } => {
            StoreError::Unavailable { reason: reason.clone(), source: None }
        }
        StoreError::Overloaded => StoreError::Overloaded,
        StoreError::Corrupt(row) => StoreError::Corrupt(row.clone()),
        StoreError::Internal { reason, .. } => StoreError::Internal { reason: reason.clone(), source: None },
    }
}

/// A fault with all its sources, for the log.
pub(crate) fn chain(fault: &StoreError) -> String {
    let mut text = fault.to_string();
    let mut next = fault.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

/// What comes after [`Store::close`](fluxora_store::Store::close) is refused.
pub(crate) fn closed() -> StoreError {
    unavailable("the store is closed")
}

pub(crate) fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned(), source: None }
}
