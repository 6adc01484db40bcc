//! `fluxora-server migrate [--check]`: migrates the database to the schema of this version, or checks whether it has
//! it.
//!
//! Exit codes: 0 the schema is up to date; 1 it is behind or the database is empty (`--check`), or the command failed.
//! `--check` creates and changes nothing.

use clap::Args;

use super::{block_on, complain, print};
use crate::database::{Database, Schema};
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
    Empty,
    Behind(Vec<String>),
}

pub(crate) fn run(command: &Migrate, database: &Database) -> u8 {
    match block_on(work(command, database)) {
        Ok(Outcome::Current) => print("the schema is up to date"),
        Ok(Outcome::Applied(migrations)) => print(format_args!("applied {}", migrations.join(", "))),
        Ok(Outcome::Empty) => {
            print("the database is empty: every migration is missing");
            return exit::FAILURE;
        }
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
    if command.check {
        return Ok(match database.schema().await? {
            Schema::Current => Outcome::Current,
            Schema::Empty => Outcome::Empty,
            Schema::Behind(missing) => Outcome::Behind(missing),
        });
    }
    if let Database::Postgres(location, options) = database {
        let applied = fluxora_store_postgres::migrate(location, options).await?;
        return Ok(if applied.is_empty() { Outcome::Current } else { Outcome::Applied(applied) });
    }
    database.open().await?.close().await;
    Ok(Outcome::Current)
}
