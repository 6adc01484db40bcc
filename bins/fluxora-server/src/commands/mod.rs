//! One file per command. Each returns its exit code.

pub(crate) mod audit;
pub(crate) mod backfill;
pub(crate) mod copy;
pub(crate) mod demo;
pub(crate) mod healthcheck;
pub(crate) mod key;
pub(crate) mod migrate;
pub(crate) mod proof;
pub(crate) mod reindex;
pub(crate) mod serve;
pub(crate) mod token;
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

/// Reads a time such as `90s`, `15m`, `12h` or `30d`, in seconds.
fn seconds(text: &str) -> Result<u32, &'static str> {
    const LONGEST: u32 = 366 * 86_400;
    let needed = "a number and s, m, h or d, such as 12h, up to 366d";
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(needed)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(needed),
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<u32>().ok().filter(|number| digits && *number > 0);
    let seconds = number.and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| *seconds <= LONGEST).ok_or(needed)
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

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, expect) in [("1s", 1), ("15m", 900), ("12h", 43_200), ("366d", 31_622_400)] {
            assert_eq!(seconds(text), Ok(expect), "{text}");
        }
        for text in ["", "s", "0s", "1", "-1h", "+1h", "1w", "367d", "1h30m", "99999999999d", "1ü"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
