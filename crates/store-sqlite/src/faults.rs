use fluxora_store::StoreError;
use rusqlite::{Error, ErrorCode};

/// Sorts a driver's error by what a caller can do about it.
pub(crate) fn sort(attempted: &str, error: Error) -> StoreError {
    match outage(&error) {
        Some(reason) => StoreError::Unavailable { reason: reason.to_owned(), source: Some(error.into()) },
        None => StoreError::Internal { reason: attempted.to_owned(), source: Some(error.into()) },
    }
}

/// The reason, if the fault is an outage of the machine and not a defect of the SQL.
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
