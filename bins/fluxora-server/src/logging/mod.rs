mod fields;
mod level;
mod queue;

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::Duration;

use clap::ValueEnum;
use fluxora_metrics::Counter;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::Logs;

use fields::SpanFields;
pub(crate) use level::LevelControl;
pub(crate) use queue::Flush;
use queue::LogQueue;

/// Limit of the log queue, in bytes: ten thousand lines and more.
const QUEUE_CAPACITY: usize = 4 << 20;
/// Lines dropped since the start of the process.
static DROPPED: Counter = Counter::new();
/// How long the end of the process waits for the last lines to be read.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// The format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Pretty,
}

/// Starts logging to standard output, through a queue, until the result is dropped: this workspace's events from the
/// configured level up, those of libraries from warnings up.
///
/// # Errors
/// The thread that writes cannot be started.
pub(crate) fn start(logs: Logs) -> io::Result<(Flush, LevelControl)> {
    let (filter, handle) = reload::Layer::new(targets(logs.level));
    // Not `io::stdout()`: its lock would be held while a write blocks.
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let is_terminal = stdout.is_terminal();
    let queue = LogQueue::start(QUEUE_CAPACITY, stdout, report_dropped)?;
    let flush = queue.flush_on_drop(FLUSH_LIMIT);
    let writer = move || queue.clone();
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match logs.format {
        LogFormat::Json => {
            let lines = fmt::layer().json().flatten_event(true).with_span_list(false);
            lines.fmt_fields(SpanFields).with_writer(writer).boxed()
        }
        LogFormat::Pretty => {
            fmt::layer().with_target(false).with_ansi(is_terminal).with_writer(writer).boxed()
        }
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    Ok((flush, LevelControl::new(handle, logs.level)))
}

fn targets(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("fluxora", level)
        // It logs bytes that are not HTTP, which any port scan sends, as errors.
        .with_target("actix_http", LevelFilter::OFF)
}

/// The number of dropped log lines since the start of the process that the last report counted.
pub(crate) fn dropped() -> u64 {
    DROPPED.value()
}

/// An error, so that it is logged at every level.
fn report_dropped(dropped: u64) {
    DROPPED.add(dropped);
    tracing::error!(dropped, "log lines dropped: standard output is not read fast enough");
}
