//! `fluxora-server reindex [--verify] [--stream ID]`: rebuilds chain streams from the stored contract events and
//! corrects those that differ, in one transaction; then compares the sums of treasuries. With `--verify` it only
//! reports. It creates no database and migrates none.
//!
//! Exit codes: 0 no difference is left; 1 failed, nothing was changed; 2 wrong usage; 65 something differs, or an event
//! that is set aside contradicts the event at its position (`--verify`).

use std::sync::{Arc, Mutex};

use anyhow::Context;
use clap::Args;
use fluxora_audit::{Action, Actor, Entry, Outcome};
use fluxora_store::chain::{Deviation, Difference, Rebuild, RebuildReport, Repeated, Scope, Step};
use fluxora_store::treasury::{SumsDifference, SumsReport};
use fluxora_store::{Clock, Sequence, Store, StoreError};
use fluxora_stream::StreamId;

use super::{Throttle, block_on, complain, print};
use crate::database::Database;
use crate::exit;
use crate::system::SystemClock;

/// Streams per transaction when the sums of treasuries are counted again.
const STREAMS_PER_STEP: u32 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct Reindex {
    /// Report differences and change nothing: exit code 0 if there are none, 65 if there are some or an event that is
    /// set aside contradicts the one at its position.
    #[arg(long)]
    verify: bool,
    /// Rebuild only this stream and its dependents.
    #[arg(long, value_name = "ID", value_parser = chain_stream)]
    stream: Option<StreamId>,
}

pub(crate) fn run(command: &Reindex, database: &Database) -> u8 {
    match block_on(work(command, database)) {
        Ok(report) => {
            let (report, sums) = &report;
            show(command, report);
            let contradicted = contradictions(report) > 0;
            let sums_differ = show_sums(command, sums);
            let differs =
                !report.differences.is_empty() || report.reclassified > 0 || contradicted || sums_differ;
            if differs && command.verify { exit::DATA } else { exit::OK }
        }
        Err(error) => {
            complain(format_args!("fluxora-server reindex: {error:#}"));
            exit::FAILURE
        }
    }
}

async fn work(command: &Reindex, database: &Database) -> anyhow::Result<(RebuildReport, SumsReport)> {
    let store = database.open_existing().await?;
    let throttle = Mutex::new(Throttle::default());
    let rebuild = Rebuild {
        scope: command.stream.map_or(Scope::Everything, Scope::Stream),
        verify_only: command.verify,
        progress: Arc::new(move |Step { events, of }| {
            if throttle.lock().is_ok_and(|mut throttle| throttle.is_due()) {
                complain(format_args!("read {events} of {of} contract events"));
            }
        }),
    };
    let now = SystemClock.now();
    let entry = Entry::new(now, Actor::command(), Action::IndexerReindex, Outcome::Done);
    let entry = Entry { target: command.stream.map(|stream| stream.to_string()), ..entry };
    let report = store.audited(entry).rebuild(rebuild, now).await;
    let sums = match (&report, command.stream) {
        (Ok(_), None) => check_sums(command, store.as_ref()).await,
        _ => Ok(SumsReport::default()),
    };
    store.close().await;
    Ok((report.context("nothing was changed")?, sums.context("the sums of treasuries cannot be checked")?))
}

/// Compares the sums of treasuries with the streams. Without `--verify` it counts what waits, and every stream if something
/// differs.
async fn check_sums(command: &Reindex, store: &dyn Store) -> Result<SumsReport, StoreError> {
    let report = store.check_sums().await?;
    if !command.verify {
        if !report.differences.is_empty() {
            store.forget_sums().await?;
        }
        while store.count_streams_again(SystemClock.now(), STREAMS_PER_STEP).await?.more {}
    }
    Ok(report)
}

/// Reports differences of the sums and rows that cannot be decoded; whether there are some.
fn show_sums(command: &Reindex, report: &SumsReport) -> bool {
    for difference in &report.differences {
        match difference {
            SumsDifference::Stream(Sequence(row)) => {
                print(format_args!("stream row {row} is not in the sums of its parties as it is"));
            }
            SumsDifference::Sums { party, asset } => {
                let (role, address) = (party.role.as_str(), party.address);
                print(format_args!("the sums of {role} {address} in {asset} are not those of its streams"));
            }
        }
    }
    for Sequence(row) in &report.unreadable {
        print(format_args!("stream row {row} cannot be decoded: it is in no sum of a treasury"));
    }
    match (report.differences.len(), command.verify) {
        (0, _) => {}
        (count, true) => print(format_args!("{count} sums of treasuries differ; nothing was changed")),
        (count, false) => print(format_args!("{count} sums of treasuries differed and were counted again")),
    }
    !report.differences.is_empty() || !report.unreadable.is_empty()
}

/// The events set aside whose contents are not those of the event at their position. Only one of two such events
/// happened, and the stored streams are made of the other one if that was the wrong one.
fn contradictions(report: &RebuildReport) -> usize {
    report.repeated.iter().filter(|event| !event.is_same).count()
}

fn chain_stream(text: &str) -> Result<StreamId, &'static str> {
    let id = StreamId::parse(text).filter(|id| id.contract().is_some());
    id.ok_or("a chain stream's id is <contract>-<number>")
}

fn show(command: &Reindex, report: &RebuildReport) {
    let RebuildReport { events, streams, reclassified, differences, repeated } = report;
    for Repeated { id, position, kept, is_same } in repeated {
        let contents = if *is_same { "the same contents" } else { "other contents" };
        print(format_args!(
            "event {id} of ledger {} is set aside: event {kept} with {contents} has its position",
            position.ledger
        ));
    }
    for Difference { stream, how } in differences {
        match how {
            Deviation::Surplus => print(format_args!("{stream} is stored, but no event creates it")),
            Deviation::Missing => print(format_args!("{stream} is created by events, but not stored")),
            Deviation::Changed(changes) => {
                let changes = serde_json::to_string(changes).unwrap_or_default();
                print(format_args!("{stream} should be {changes}"));
            }
        }
    }
    match (*reclassified, command.verify) {
        (0, _) => {}
        (count, true) => print(format_args!("{count} contract events have an outdated classification")),
        (count, false) => {
            print(format_args!(
                "{count} contract events had an outdated classification and were reclassified"
            ));
        }
    }
    match contradictions(report) {
        0 => {}
        count => print(format_args!(
            "{count} events that are set aside contradict the events at their positions: compare them with the chain"
        )),
    }
    let end = match (differences.len(), command.verify) {
        (0, _) if *reclassified == 0 && contradictions(report) == 0 => "nothing differs".to_owned(),
        (0, _) => "no stream differs".to_owned(),
        (count, true) => format!("{count} streams differ; nothing was changed"),
        (count, false) => format!("{count} streams differed and were corrected"),
    };
    print(format_args!("{events} contract events make {streams} streams: {end}"));
}
