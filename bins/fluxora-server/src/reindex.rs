//! `fluxora-server reindex [--verify] [--stream ID]`: reads the contract's events anew, builds the streams of the chain again from
//! them, and puts what is different in its place, all in one transaction; or only says what is different.
//!
//! Exit codes: 0 nothing is different any more; 1 it could not be done, and nothing was changed; 2 wrong usage; 65 something is
//! different (`--verify`).

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use fluxora_api::Clock;
use fluxora_store::chain::{Deviation, Difference, Rebuild, RebuildReport, Scope, Step};
use fluxora_stream::StreamId;

use crate::shell::SystemClock;
use crate::storage::Database;

/// `EX_DATAERR` of sysexits(3).
const DIFFERENT: u8 = 65;
const BETWEEN_LINES: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct Reindex {
    /// Only say what is different, and change nothing.
    #[arg(long)]
    verify: bool,
    /// Only this stream, and those that began from it or it from them.
    #[arg(long, value_name = "ID", value_parser = stream_of_the_chain)]
    stream: Option<StreamId>,
}

pub(crate) fn run(command: &Reindex, database: &Database) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done =
        runtime.context("starting the runtime").and_then(|runtime| runtime.block_on(work(command, database)));
    match done {
        Ok(report) => {
            print(command, &report);
            let clean = report.differences.is_empty() && report.reclassified == 0;
            if clean || !command.verify { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) }
        }
        Err(error) => {
            // Where nobody reads, the exit code still tells.
            writeln!(io::stderr(), "fluxora-server reindex: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn work(command: &Reindex, database: &Database) -> anyhow::Result<RebuildReport> {
    let store = database.open().await?;
    let lines = Mutex::new(None);
    let rebuild = Rebuild {
        scope: command.stream.map_or(Scope::Everything, Scope::Stream),
        verify_only: command.verify,
        progress: Arc::new(move |step| tell(&lines, step)),
    };
    let report = store.rebuild(rebuild, SystemClock.now()).await;
    store.close().await;
    report.context("nothing was changed")
}

fn stream_of_the_chain(text: &str) -> Result<StreamId, &'static str> {
    let id = StreamId::parse(text).filter(|id| id.contract().is_some());
    id.ok_or("the id of a stream of the chain is needed: <contract>-<number>")
}

/// A line a second, for whoever watches.
fn tell(last: &Mutex<Option<Instant>>, Step { events, of }: Step) {
    let Ok(mut last) = last.lock() else { return };
    let now = now();
    if last.is_none_or(|last| now.duration_since(last) >= BETWEEN_LINES) {
        *last = Some(now);
        writeln!(io::stderr(), "read {events} of {of} contract events").ok();
    }
}

fn print(command: &Reindex, report: &RebuildReport) {
    let RebuildReport { events, streams, reclassified, differences } = report;
    let mut out = io::stdout();
    for Difference { stream, how } in differences {
        let how = match how {
            Deviation::Surplus => "is stored, and no event makes it".to_owned(),
            Deviation::Missing => "is made by events, and not stored".to_owned(),
            Deviation::Changed(changes) => {
                let changes = serde_json::to_string(changes).unwrap_or_default();
                format!("should be {changes}")
            }
        };
        writeln!(out, "{stream} {how}").ok();
    }
    match (*reclassified, command.verify) {
        (0, _) => {}
        (some, true) => {
            writeln!(out, "{some} contract events are read otherwise than they are stored").ok();
        }
        (some, false) => {
            writeln!(
                out,
                "{some} contract events were stored otherwise than they are read, and are put right"
            )
            .ok();
        }
    }
    let different = differences.len();
    let end = match (different, command.verify) {
        (0, _) if *reclassified == 0 => "nothing is different".to_owned(),
        (0, _) => "no stream is different".to_owned(),
        (_, true) => format!("{different} streams are different; nothing was changed"),
        (_, false) => format!("{different} streams were different and are put right"),
    };
    writeln!(out, "{events} contract events make {streams} streams: {end}").ok();
}

#[expect(clippy::disallowed_methods, reason = "measures how long nothing was told")]
fn now() -> Instant {
    Instant::now()
}
