//! The Fluxora backend: reads its configuration, then serves or runs one command. Exit codes: see [`exit`].

mod cli;
mod clock_guard;
mod commands;
mod config;
mod database;
mod descriptors;
mod exit;
mod follower;
mod logging;
mod process_usage;
mod system;
mod traces;
mod webhooks;
mod workers;

use std::io::Write;
use std::process::ExitCode;

use cli::{Cli, Command};
use config::{Config, ConfigFaults, Environment, TokenConfig};

/// Gives memory that is free for ten seconds back to the system.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The version of the package and the commit of the sources.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("FLUXORA_COMMIT"));

fn main() -> ExitCode {
    let code = run().unwrap_or_else(|faults| {
        // With stderr closed, the exit code still reports the fault.
        write!(std::io::stderr(), "{faults}").ok();
        exit::CONFIG
    });
    ExitCode::from(code)
}

fn run() -> Result<u8, ConfigFaults> {
    let environment = Environment::read()?;
    let Cli { settings, command } = Cli::read(&environment);
    let config = || Config::check(&settings);
    let names = Cli::known_names();
    let unknown = config::unknown_names(&environment, &names);
    if command.as_ref().is_some_and(Command::reads_database) {
        commands::warn(&unknown);
    }
    Ok(match command {
        None => commands::serve::run(&config()?, &unknown, async |supervisor, deps| {
            workers::start(supervisor, deps);
            Ok(())
        }),
        Some(Command::Audit(audit)) => commands::audit::run(&audit, &config()?.database),
        Some(Command::Backfill(range)) => commands::backfill::run(&range, &config()?),
        Some(Command::Copy(copy)) => commands::copy::run(&copy),
        Some(Command::Demo(demo)) => commands::demo::run(&demo, &settings, &unknown)?,
        Some(Command::Healthcheck) => commands::healthcheck::run(config::address(&settings)?),
        Some(Command::Key(key)) => commands::key::run(&key, &config()?.database),
        Some(Command::Migrate(migrate)) => commands::migrate::run(&migrate, &config()?.database),
        Some(Command::Proof(proof)) => commands::proof::run(&proof),
        Some(Command::Reindex(reindex)) => commands::reindex::run(&reindex, &config()?.database),
        Some(Command::Token(token)) => commands::token::run(&token, &TokenConfig::check(&settings)?),
        Some(Command::Webhook(webhook)) => commands::webhook::run(&webhook, &settings, &environment)?,
    })
}
