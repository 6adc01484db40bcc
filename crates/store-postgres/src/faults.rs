use std::error::Error as StdError;

use fluxora_store::{StoreError, sources};
use thiserror::Error;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

type Source = Box<dyn StdError + Send + Sync>;

/// Why a unit of work was not done.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A deadlock or serialization failure: the server rolled the transaction back, and the whole unit can be retried.
    Conflict {
        attempted: String,
        source: Option<Source>,
    },
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What the server said of a fault, without the values it was about: `DETAIL` quotes whole rows.
#[derive(Debug, Error)]
#[error("the server said {code}: {message}{}", about(.relation.as_deref()))]
pub(crate) struct ServerSaid {
    code: String,
    message: String,
    /// The constraint that refused, or else the table.
    relation: Option<String>,
}

fn about(relation: Option<&str>) -> String {
    relation.map_or(String::new(), |relation| format!(" ({relation})"))
}

impl ServerSaid {
    pub(crate) fn of(error: &DbError) -> Self {
        // The messages of data exceptions (class 22) quote the value.
        let code = error.code().code();
        let message = if code.starts_with("22") { "a value does not fit its type" } else { error.message() };
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
            relation: error.constraint().or(error.table()).map(str::to_owned),
        }
    }
}

/// A driver's error without the values it was about.
pub(crate) fn redact(error: Error) -> Source {
    match error.as_db_error() {
        Some(said) => Box::new(ServerSaid::of(said)),
        None => Box::new(error),
    }
}

/// Sorts a driver's error by what a caller can do about it.
pub(crate) fn sort(attempted: &str, error: Error) -> Fault {
    let code = error.code().cloned();
    if matches!(code, Some(SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED)) {
        return Fault::Conflict { attempted: attempted.to_owned(), source: Some(redact(error)) };
    }
    let lost = sources(&error).any(<dyn StdError>::is::<std::io::Error>);
    let reason = match &code {
        Some(code) => outage(code),
        None if error.is_closed() || lost => Some("the connection to the database server was lost"),
        None => None,
    };
    let source = Some(redact(error));
    Fault::Store(match reason {
        Some(reason) => StoreError::Unavailable { reason: reason.to_owned(), source },
        None => StoreError::Internal { reason: attempted.to_owned(), source },
    })
}

/// The reason, if the fault is an outage of the server and not a defect of the SQL.
fn outage(code: &SqlState) -> Option<&'static str> {
    Some(match *code {
        SqlState::QUERY_CANCELED => "the database server did not finish a statement within its time limit",
        SqlState::LOCK_NOT_AVAILABLE => "a lock in the database is held by another transaction",
        SqlState::DISK_FULL => "the database server's disk is full",
        SqlState::OUT_OF_MEMORY => "the database server has no memory left",
        SqlState::TOO_MANY_CONNECTIONS => "the database server takes no more connections",
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            "the database cannot be written to: the server is a standby or read-only"
        }
        SqlState::INSUFFICIENT_PRIVILEGE => "the database role may not do this",
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => "the database is damaged",
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => "a transaction was left idle for too long",
        ref other => match other.code().get(..2)? {
            "08" | "57" => "the database server is stopping or starting",
            "53" => "the database server is out of resources",
            "58" => "the database server reports a system error",
            "28" | "3D" => "the database server does not let this role in any more",
            _ => return None,
        },
    })
}

/// Adds what was attempted to a driver's error.
pub(crate) trait Attempt<T> {
    fn attempt(self, what: &str) -> Result<T, Fault>;
}

impl<T> Attempt<T> for Result<T, Error> {
    fn attempt(self, what: &str) -> Result<T, Fault> {
        self.map_err(|error| sort(what, error))
    }
}
