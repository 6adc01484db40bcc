//! `fluxora-server migrate [--check]`: migrates the database to the schema of this version, or checks whether it has it.
//!
//! Exit codes: 0 the schema is up to date; 1 it is behind (`--check`), or the command failed.

use clap::Args;
use fluxora_store_postgres::{Schema, check_schema, migrate};

use super::{block_on, complain, print};
use crate::database::Database;
use crate::exit;

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Change nothing: exit code 0 if the schema is up to date, 1 if it is behind.
    #[arg(long)]
    check: bool,
}

/// The schema after the command.
enum Outcome {
    Current,
    Applied(Vec<String>),
    Behind(Vec<String>),
}

pub(crate) fn run(command: &Migrate, database: &Database) -> u8 {
    match block_on(work(command, database)) {
        Ok(Outcome::Current) => print("the schema is up to date"),
        Ok(Outcome::Applied(migrations)) => print(format_args!("applied {}", migrations.join(", "))),
        Ok(Outcome::Behind(missing)) => {
            print(format_args!("the schema is behind by {}", missing.join(", ")));
            return exit::FAILURE;
        }
        Err(error) => {
            complain(format_args!("fluxora-server migrate: {error:#}"));
            return exit::FAILURE;
        }
    }
    exit::OK
}

async fn work(command: &Migrate, database: &Database) -> anyhow::Result<Outcome> {
    Ok(match (database, command.check) {
        (Database::Postgres(location, options), true) => match check_schema(location, options).await? {
            Schema::Current => Outcome::Current,
            Schema::Behind(missing) => Outcome::Behind(missing),
        },
        (Database::Postgres(location, options), false) => {
            let applied = migrate(location, options).await?;
            if applied.is_empty() { Outcome::Current } else { Outcome::Applied(applied) }
        }
        (Database::Sqlite(_), true) => {
            anyhow::bail!("--check is for PostgreSQL: a SQLite file is migrated whenever it is opened")
        }
        (Database::Sqlite(_), false) => {
            database.open().await?.close().await;
            Outcome::Current
        }
    })
}
