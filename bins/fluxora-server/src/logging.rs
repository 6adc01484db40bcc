use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::Logs;

/// The format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Pretty,
}

/// Starts logging to standard output: this workspace's events from the configured level up, those of libraries from warnings up.
pub(crate) fn start(logs: Logs) {
    let targets = Targets::new()
        .with_default(logs.level.min(LevelFilter::WARN))
        .with_target("fluxora", logs.level)
        // It logs bytes that are not HTTP, which any port scan sends, as errors.
        .with_target("actix_http", LevelFilter::OFF);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match logs.format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Pretty => {
            fmt::layer().with_target(false).with_ansi(std::io::stdout().is_terminal()).boxed()
        }
    };
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
}
