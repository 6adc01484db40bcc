//! `fluxora-server migrate [--check]`: brings the schema of the database up to date, or says whether it is.
//!
//! Exit codes: 0 it is up to date; 1 it is behind (`--check`), or could not be reached or changed.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use fluxora_store_postgres::{Schema, check_schema, migrate};

use crate::storage::Database;

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Only say whether the schema is up to date; the exit code tells.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(command: &Migrate, database: &Database) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done =
        runtime.context("starting the runtime").and_then(|runtime| runtime.block_on(work(command, database)));
    let (code, text) = match done {
        Ok((true, text)) => (ExitCode::SUCCESS, text),
        Ok((false, text)) => (ExitCode::FAILURE, text),
        Err(error) => (ExitCode::FAILURE, format!("fluxora-server migrate: {error:#}")),
    };
    // Where nobody reads, the exit code still tells.
    writeln!(io::stdout(), "{text}").ok();
    code
}

/// Whether the schema is up to date in the end, and what to say.
async fn work(command: &Migrate, database: &Database) -> anyhow::Result<(bool, String)> {
    Ok(match (database, command.check) {
        (Database::Postgres(location, options), true) => match check_schema(location, options).await? {
            Schema::Current => (true, "the schema is up to date".to_owned()),
            Schema::Behind(missing) => (false, format!("the schema is behind by {}", missing.join(", "))),
        },
        (Database::Postgres(location, options), false) => {
            let applied = migrate(location, options).await?;
            (
                true,
                if applied.is_empty() {
                    "the schema was up to date".to_owned()
                } else {
                    format!("applied {}", applied.join(", "))
                },
            )
        }
        (Database::Sqlite(_), true) => {
            anyhow::bail!(
                "--check is for PostgreSQL: a SQLite file is brought up to date whenever it is opened"
            )
        }
        (Database::Sqlite(_), false) => {
            database.open().await?.close().await;
            (true, "the schema is up to date".to_owned())
        }
    })
}
