use tokio_postgres::error::SqlState;

use crate::connect::ConnectFault;
use crate::error::OpenError;
use crate::faults::redact;
use crate::location::Location;

/// Sorts a failed connection by what an operator can do about it.
pub(crate) fn refused(location: &Location, fault: ConnectFault) -> OpenError {
    let location = location.to_string();
    let error = match fault {
        ConnectFault::Driver(error) => error,
        ConnectFault::Timeout | ConnectFault::Paused(_) => {
            return OpenError::Unreachable { location, reason: "no answer in time", source: None };
        }
        ConnectFault::RuntimeEnded => {
            return OpenError::Unreachable { location, reason: "the runtime has ended", source: None };
        }
    };
    let code = error.code().cloned();
    let said = error.to_string();
    let source = redact(error);
    match code {
        Some(SqlState::INVALID_PASSWORD) => OpenError::WrongPassword { location, source },
        Some(SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => OpenError::NotAdmitted { location, source },
        Some(SqlState::INVALID_CATALOG_NAME) => OpenError::NoDatabase { location, source },
        Some(_) => OpenError::Refused { location, source },
        // The driver names these kinds in its message alone.
        None if said.starts_with("error performing TLS") => OpenError::NotPrivate { location, source },
        None if said.starts_with("authentication error") || said.starts_with("invalid configuration") => {
            OpenError::WrongPassword { location, source }
        }
        None => OpenError::Unreachable { location, reason: "no connection", source: Some(source) },
    }
}
