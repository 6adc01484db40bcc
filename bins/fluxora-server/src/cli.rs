#[cfg(test)]
mod reference;

use std::ffi::OsStr;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands::{audit, backfill, copy, demo, key, migrate, proof, reindex, token, webhook};
use crate::config::{Environment, Settings};

const EXAMPLES: &str = "\
Examples:
  fluxora-server
      Serve on http://127.0.0.1:3000 with the SQLite database data/fluxora.db.
  fluxora-server --database-url-file database_url --indexer-worker-token-file worker_token
      Serve with the PostgreSQL database that the file names, and accept contract events.";

/// Settings of the server, or one command.
#[derive(Parser)]
#[command(
    name = "fluxora-server",
    version = crate::VERSION,
    before_help = EXAMPLES,
    about = "The backend of the Fluxora payment-streaming protocol.",
    long_about = "The backend of the Fluxora payment-streaming protocol.\n\nWithout a command it serves. \
    Every setting is an option, an environment variable, or a line in the file .env; the option wins over the variable, \
    the variable over the file."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: Settings,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Cli {
    /// Reads the command line, the environment and the file `.env`. Wrong usage ends the process.
    pub(crate) fn read(environment: &Environment) -> Self {
        let matches = environment.apply_file(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Every name that a variable or a line of `.env` may have.
    pub(crate) fn known_names() -> Vec<String> {
        let mut names = Vec::new();
        let mut commands = vec![Self::command()];
        while let Some(command) = commands.pop() {
            let variables = command.get_arguments().filter_map(|arg| arg.get_env().and_then(OsStr::to_str));
            names.extend(variables.map(str::to_owned));
            commands.extend(command.get_subcommands().cloned());
        }
        names
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Verify the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Read a range of ledgers from the network and store the events of the followed contracts.
    Backfill(backfill::Range),
    /// Copy a whole database to another one, also of the other engine, and verify the copy.
    Copy(copy::Copy),
    /// Serve a simulated chain from a database in memory, to see what the server does.
    ///
    /// A contract of ABI 1 creates, withdraws from, pauses, resumes, tops up, cancels and empties streams. A ledger
    /// closes every second, and a reorg replaces the last three once a minute. `/` and `/health` have `demo: true`. The
    /// log is written for people, the network is named as a simulation, and the rules of the indexer are the defaults.
    /// A DATABASE_URL that is set is refused: no database is opened.
    Demo(demo::Demo),
    /// Check whether the server on HOST and PORT is healthy: exit code 0 if it is, 1 if not.
    Healthcheck,
    /// Create, list, revoke and rotate API keys in the database, also while servers run on it.
    ///
    /// The first key closes writes to callers without a credential, unless OPEN_WRITES is true.
    #[command(subcommand)]
    Key(key::Command),
    /// Migrate the database to the schema of this version, or check whether it has that schema.
    Migrate(migrate::Migrate),
    /// Verify the proof of a contract event, without a network and without a database.
    #[command(subcommand)]
    Proof(proof::Command),
    /// Rebuild chain streams from the stored contract events, or compare them with what is stored.
    Reindex(reindex::Reindex),
    /// Print a JSON Web Token that is signed with the JWT_SECRET.
    Token(token::Token),
    /// Sign, verify or receive webhook deliveries, or seal stored secrets again.
    #[command(subcommand)]
    Webhook(webhook::Command),
}

impl Command {
    /// Whether it opens a database, so that a misspelt setting matters.
    pub(crate) const fn reads_database(&self) -> bool {
        matches!(
            self,
            Self::Audit(_)
                | Self::Backfill(_)
                | Self::Copy(_)
                | Self::Key(_)
                | Self::Migrate(_)
                | Self::Reindex(_)
                | Self::Webhook(webhook::Command::Rekey)
        )
    }
}
