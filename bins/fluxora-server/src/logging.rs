use std::io::IsTerminal;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object in each line, for machines.
    Json,
    /// For people.
    Pretty,
}

/// Sends log lines to standard output from here on: ours from `level` up, those of libraries only from warnings up.
pub(crate) fn start(level: LevelFilter, format: LogFormat) {
    let wanted = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("fluxora", level)
        // It calls an error what any port scan sends: bytes that are not HTTP.
        .with_target("actix_http", LevelFilter::OFF);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Pretty => {
            fmt::layer().with_target(false).with_ansi(std::io::stdout().is_terminal()).boxed()
        }
    };
    tracing_subscriber::registry().with(lines.with_filter(wanted)).init();
}
