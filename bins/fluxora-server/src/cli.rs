#[cfg(test)]
mod reference;

use clap::{Parser, Subcommand};

use crate::config::Settings;
use crate::{copy, migrate, reindex, webhook};

/// The command line: settings for serving, or a command that does one thing and ends.
#[derive(Parser)]
#[command(name = "fluxora-server", version, about = "The backend of the Fluxora payment-streaming protocol.")]
#[command(
    long_about = "The backend of the Fluxora payment-streaming protocol.\n\nWithout a command it serves. Every setting \
    is also an environment variable and may stand in a file .env; the command line wins, then the environment."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: Settings,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Copy everything from one database to another, also to the other engine, and verify it.
    Copy(copy::Copy),
    /// Ask the server that listens on HOST and PORT whether it is healthy; the exit code tells.
    Healthcheck,
    /// Bring the schema of the database up to date before any server starts, or check whether it is.
    Migrate(migrate::Migrate),
    /// Build the streams of the chain again from the contract's events, or say where they differ from what is stored.
    Reindex(reindex::Reindex),
    /// Sign a webhook delivery, or verify one and explain what is wrong with it.
    #[command(subcommand)]
    Webhook(webhook::Command),
}
