use clap::{Args, ValueEnum};
use fluxora_api::LoggedRequests;
use tracing::level_filters::LevelFilter;

use super::ConfigFaults;
use super::setting::{Parser, Setting};
use crate::logging::LogFormat;

/// What is logged, and how.
#[derive(Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct LogSettings {
    /// Least severe level that is logged: error, warn, info, debug or trace.
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_parser = level())]
    log_level: Setting<LevelFilter>,

    /// Format of a log line: json, or pretty for people.
    #[arg(long, env = "LOG_FORMAT", default_value = "json", value_parser = format())]
    log_format: Setting<LogFormat>,

    /// Requests that are logged: off, errors (answered with an error), no-probes (all but probes and collections of metrics that
    /// succeed), or all. A defect of the server is always logged. Unless all are logged, requests that are refused because storage
    /// is unavailable get one line a minute for each route
    #[arg(long, env = "ACCESS_LOG", default_value = "no-probes", value_parser = requests())]
    access_log: Setting<LoggedRequests>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Logs {
    pub(crate) level: LevelFilter,
    pub(crate) format: LogFormat,
    pub(crate) requests: LoggedRequests,
}

impl LogSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<Logs> {
        let (level, format) = (faults.take(&self.log_level), faults.take(&self.log_format));
        let requests = faults.take(&self.access_log);
        Some(Logs { level: level?, format: format?, requests: requests? })
    }
}

fn level() -> Parser<LevelFilter> {
    Parser::new("error, warn, info, debug or trace", |text| {
        // `Level` also parses the digits 1 to 5.
        let level = text.parse::<tracing::Level>().ok();
        level.filter(|_| !text.starts_with(|c: char| c.is_ascii_digit())).map(Into::into)
    })
}

fn format() -> Parser<LogFormat> {
    Parser::new("json or pretty", |text| LogFormat::from_str(text, true).ok())
}

fn requests() -> Parser<LoggedRequests> {
    Parser::new("off, errors, no-probes or all", |text| match text {
        "off" => Some(LoggedRequests::Defects),
        "errors" => Some(LoggedRequests::Errors),
        "no-probes" => Some(LoggedRequests::WithoutProbes),
        "all" => Some(LoggedRequests::All),
        _ => None,
    })
}
