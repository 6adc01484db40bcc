use std::error::Error as StdError;
use std::path::PathBuf;

use thiserror::Error;

type Source = Box<dyn StdError + Send + Sync>;

/// Why a database cannot be opened. The message is for an operator: it names the database and what to do, and never holds
/// credentials.
#[derive(Debug, Error)]
pub enum OpenError {
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls {
        /// The underlying error.
        source: Source,
    },
    /// The file of root certificates cannot be used.
    #[error("cannot use the root certificates in {path} (sslrootcert)", path = path.display())]
    RootCertificates {
        /// The file.
        path: PathBuf,
        /// The underlying error.
        source: Source,
    },
    /// The system has no root certificates to verify the server by.
    #[error("this system has no root certificates: name a file of them with sslrootcert")]
    NoSystemRoots,
    /// No server answers at the address.
    #[error("cannot reach the server of {location}: {reason}")]
    Unreachable {
        /// The database.
        location: String,
        /// What was tried.
        reason: &'static str,
        /// The underlying error.
        source: Option<Source>,
    },
    /// The server does not speak TLS, or cannot be verified.
    #[error("cannot make a private connection to the server of {location} (sslmode)")]
    NotPrivate {
        /// The database.
        location: String,
        /// The underlying error.
        source: Source,
    },
    /// The password is wrong or missing.
    #[error("the server of {location} does not accept the user and password in DATABASE_URL")]
    WrongPassword {
        /// The database.
        location: String,
        /// What the server said.
        source: Source,
    },
    /// The server's rules (`pg_hba.conf`) do not let this user in from here, or not without TLS.
    #[error(
        "the server of {location} does not let this user in from here: its pg_hba.conf may require TLS (sslmode=require)"
    )]
    NotAdmitted {
        /// The database.
        location: String,
        /// What the server said.
        source: Source,
    },
    /// The server has no such database.
    #[error("{location} does not exist: create the database first")]
    NoDatabase {
        /// The database.
        location: String,
        /// What the server said.
        source: Source,
    },
    /// The server refuses for a reason not listed above: it is starting, or takes no more connections.
    #[error("the server of {location} refuses the connection")]
    Refused {
        /// The database.
        location: String,
        /// What the server said.
        source: Source,
    },
    /// The database belongs to another program.
    #[error("{location} is not a Fluxora database: nothing was changed; name an empty one in DATABASE_URL")]
    NotOurs {
        /// The database.
        location: String,
    },
    /// The database stores texts in another encoding than UTF-8: not every text of a contract or a client can be stored.
    #[error("{location} has the encoding {encoding}: create a database with ENCODING 'UTF8'")]
    NotUtf8 {
        /// The database.
        location: String,
        /// Its encoding.
        encoding: String,
    },
    /// A later version of Fluxora has written to the database.
    #[error(
        "{location} has a newer schema than this version knows ({migration}): run that version, or restore a backup"
    )]
    NewerSchema {
        /// The database.
        location: String,
        /// The first migration that is not known.
        migration: String,
    },
    /// A migration that was applied is not the one that this version knows by that number.
    #[error(
        "{location} was made by another build of Fluxora: its migration {migration} is not the one known here"
    )]
    OtherSchema {
        /// The database.
        location: String,
        /// The migration.
        migration: String,
    },
    /// The schema has to be made or brought up to date, and the role may not.
    #[error(
        "{location} needs its schema brought up to date ({migration}), and this role may not do that: \
         run `fluxora-server migrate` as a role that may"
    )]
    NotPermitted {
        /// The database.
        location: String,
        /// The first migration that is needed.
        migration: String,
        /// What the server said.
        source: Source,
    },
    /// The role may not read or write our tables.
    #[error(
        "this role may not use the tables of {location}: grant it SELECT, INSERT, UPDATE and DELETE on all of them"
    )]
    NoAccess {
        /// The database.
        location: String,
        /// What the server said.
        source: Source,
    },
    /// Another process has been bringing the schema up to date for longer than
    /// [`Options::migration_timeout`](crate::Options::migration_timeout).
    #[error(
        "another process is still bringing the schema of {location} up to date: try again when it is done"
    )]
    Migrating {
        /// The database.
        location: String,
    },
    /// The schema could not be read or brought up to date.
    #[error("cannot bring the schema of {location} up to date: {what}")]
    Migration {
        /// The database.
        location: String,
        /// What was attempted.
        what: &'static str,
        /// The underlying error.
        source: Source,
    },
}
