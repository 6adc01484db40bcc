//! One file per command. Each returns its exit code.

pub(crate) mod audit;
pub(crate) mod backfill;
pub(crate) mod copy;
pub(crate) mod demo;
pub(crate) mod healthcheck;
pub(crate) mod migrate;
pub(crate) mod proof;
pub(crate) mod reindex;
pub(crate) mod serve;
pub(crate) mod webhook;

use std::fmt::Display;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::config::UnknownName;

/// Runs a future to its end on this thread.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("starting the runtime")?.block_on(work)
}

/// Writes a line to standard output. If it is closed, the exit code still reports the result.
fn print(line: impl Display) {
    writeln!(io::stdout(), "{line}").ok();
}

/// Writes a line to standard error. If it is closed, the exit code still reports the result.
fn complain(line: impl Display) {
    writeln!(io::stderr(), "{line}").ok();
}

/// Warns about names that are probably misspelt settings.
pub(crate) fn warn(unknown: &[UnknownName<'_>]) {
    for UnknownName { name, source, nearest } in unknown {
        let source = source.as_str();
        complain(format_args!(
            "fluxora-server: unknown setting {name} ({source}) ignored; the nearest name is {nearest}"
        ));
    }
}

/// Limits progress output to one line per second.
#[derive(Debug, Default)]
struct Throttle(Option<Instant>);

impl Throttle {
    const INTERVAL: Duration = Duration::from_secs(1);

    /// Whether a line is due; if so, the next one is due in a second.
    #[expect(clippy::disallowed_methods, reason = "measures the time between two lines")]
    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let due = self.0.is_none_or(|last| now.duration_since(last) >= Self::INTERVAL);
        if due {
            self.0 = Some(now);
        }
        due
    }

    fn reset(&mut self) {
        self.0 = None;
    }
}
