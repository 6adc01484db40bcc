//! The Fluxora backend: reads its configuration, opens its store, serves until it is told to stop.
//!
//! Exit codes: 0 after a stop that was asked for, 1 if it could not start or had to give up, 2 for wrong usage, 70 if a background
//! worker keeps failing, 78 if the configuration is wrong. Commands have more of their own: see their modules.

mod cli;
mod config;
mod copy;
#[cfg(test)]
mod fixtures;
mod healthcheck;
mod logging;
mod migrate;
mod reindex;
mod retention;
mod secret;
mod serve;
mod shell;
mod storage;
mod stream_clock;
mod supervisor;
mod webhook;
mod workers;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use config::{Config, ConfigFaults};
use supervisor::{Supervisor, WorkerFailed};
use workers::WorkerDeps;

const STOPPED_IN_ORDER: u8 = 0;
const IT_GAVE_UP: u8 = 1;
/// `EX_SOFTWARE` of sysexits(3).
const A_WORKER_KEEPS_FAILING: u8 = 70;
/// `EX_CONFIG` of sysexits(3).
const CONFIGURATION_IS_WRONG: u8 = 78;

fn main() -> ExitCode {
    start().unwrap_or_else(|faults| {
        // Where stderr is closed there is nobody to tell; the exit code still tells.
        write!(std::io::stderr(), "{faults}").ok();
        ExitCode::from(CONFIGURATION_IS_WRONG)
    })
}

fn start() -> Result<ExitCode, ConfigFaults> {
    config::load_env_file()?;
    let Cli { settings, command } = Cli::parse();
    match command {
        Some(Command::Copy(command)) => Ok(copy::run(&command)),
        Some(Command::Healthcheck) => config::address(&settings).map(healthcheck::run),
        Some(Command::Webhook(command)) => Ok(webhook::run(&command)),
        Some(Command::Migrate(command)) => {
            Config::check(&settings).map(|config| migrate::run(&command, &config.database))
        }
        Some(Command::Reindex(command)) => {
            Config::check(&settings).map(|config| reindex::run(&command, &config.database))
        }
        None => Config::check(&settings).map(|config| serve(config, workers::start).into()),
    }
}

/// Serves until the end, and says with which code to exit.
fn serve(config: Config, start_workers: impl FnOnce(&mut Supervisor, &WorkerDeps)) -> u8 {
    logging::start(config.log_level, config.log_format);
    let Err(error) = serve::run(config, start_workers) else { return STOPPED_IN_ORDER };
    tracing::error!(error = format!("{error:#}"), "fluxora-server gives up");
    if error.is::<WorkerFailed>() { A_WORKER_KEEPS_FAILING } else { IT_GAVE_UP }
}
