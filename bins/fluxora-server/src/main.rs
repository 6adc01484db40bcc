//! The Fluxora backend: reads its configuration, opens its store, serves until it is told to stop.
//!
//! Exit codes: 0 after a stop that was asked for, 1 if it could not start or had to give up, 78 if the configuration is wrong.

mod config;
mod logging;
mod serve;
mod shell;
mod stream_clock;

use std::io::Write;
use std::process::ExitCode;

use config::Config;

/// `EX_CONFIG` of sysexits(3).
const CONFIGURATION_IS_WRONG: u8 = 78;

fn main() -> ExitCode {
    let config = match Config::load() {
        Ok(config) => config,
        Err(faults) => {
            // Where stderr is closed there is nobody to tell; the exit code still tells.
            write!(std::io::stderr(), "{faults}").ok();
            return ExitCode::from(CONFIGURATION_IS_WRONG);
        }
    };
    logging::start(config.log_level, config.log_format);
    match serve::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "fluxora-server gives up");
            ExitCode::FAILURE
        }
    }
}
