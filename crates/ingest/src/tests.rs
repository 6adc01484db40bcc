//! The service over the model store: what is logged and observed for each outcome.

mod halts;
mod unavailable;

use std::io::Write;
use std::sync::{Arc, Mutex};

use fluxora_indexer::projection::{Anomaly, ReportedAnomaly, Unprojected};
use fluxora_indexer::{Batch, ChainPosition, ContractEvent, Ledger, Opaque, Pushed, Rules};
use fluxora_store::chain::{ChainState, Ingested, OrphanEvent};
use fluxora_store::conformance::Model;
use fluxora_store::{StoreError, still};
use fluxora_stream::{ContractId, StreamId};
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::subscriber::DefaultGuard;

use unavailable::Unavailable;

use crate::{Ingest, IngestError, Observation, Observer, RefusalKind, log, observer};

/// The log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let to = log.clone();
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || to.clone());
        (log, tracing::subscriber::set_default(lines.finish()))
    }

    /// The only line.
    #[track_caller]
    fn line(&self) -> Value {
        let text = self.0.lock().unwrap().clone();
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Recorder(Mutex<Vec<Observation>>);

impl Observer for Recorder {
    fn observe(&self, observation: Observation) {
        self.0.lock().unwrap().push(observation);
    }
}

impl Recorder {
    fn take(&self) -> Vec<Observation> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A service over an empty model, with final ledgers from three below the tip.
fn service() -> (Ingest, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let rules = Rules { safety_margin: 1, max_reorg_depth: 3, ..Rules::default() };
    let ingest = Ingest::new(Arc::new(Model::default()), still(Timestamp::UNIX_EPOCH), rules);
    (ingest.observed_by(recorder.clone()), recorder)
}

fn opaque(text: &str) -> Opaque {
    Opaque::new(text).unwrap()
}

/// One event of another contract than ours, in a ledger of this branch.
fn event(branch: &str, ledger: u32, payload: &str) -> Pushed {
    let event = ContractEvent {
        id: opaque(&format!("{ledger}-0")),
        position: ChainPosition { ledger, transaction: 1, operation: 0, event: 0 },
        contract: opaque("contract"),
        topic: opaque("topic"),
        tx_hash: opaque("tx"),
        happened_at: Timestamp::UNIX_EPOCH,
        payload: payload.into(),
        invocation: None,
    };
    let previous_hash = Some(opaque(&format!("hash-{}", ledger - 1)));
    Pushed { event, ledger_hash: opaque(&format!("{branch}-{ledger}")), previous_hash }
}

fn batch(events: Vec<Pushed>) -> Arc<Batch> {
    Arc::new(Batch::new(events, None, 100).unwrap())
}

fn ledger(branch: &str, number: u32) -> Arc<Batch> {
    batch(vec![event(branch, number, "{}")])
}

#[tokio::test]
async fn an_ordinary_batch_is_observed_and_not_logged() {
    let (log, _guard) = Log::start();
    let (ingest, recorder) = service();
    for (events, duplicates) in [(1, 0), (0, 1)] {
        let ingested = ingest.push(&ledger("hash", 5)).await.unwrap();
        assert_eq!((ingested.inserted.len(), ingested.duplicates.len()), (events, duplicates));
        assert_eq!(recorder.take(), [Observation::Stored { events, duplicates }]);
    }
    assert!(log.is_empty());
}

#[tokio::test]
async fn a_reorg_is_logged_with_its_fork_and_what_it_removed() {
    let (ingest, recorder) = service();
    for number in 5..=7 {
        ingest.push(&ledger("hash", number)).await.unwrap();
    }
    recorder.take();
    let (log, _guard) = Log::start();
    ingest.push(&ledger("other", 6)).await.unwrap();
    let line = log.line();
    assert_eq!((&line["level"], &line["message"]), (&json!("WARN"), &json!("reorg applied")));
    for (field, value) in [
        ("reorg", json!(1)),
        ("fork_ledger", json!(6)),
        ("depth", json!(1)),
        ("tip_before", json!(7)),
        ("events_removed", json!(2)),
        ("streams_rebuilt", json!(0)),
        ("existing_hash", json!("hash-6")),
        ("incoming_hash", json!("other-6")),
    ] {
        assert_eq!(line[field], value, "{field}: {line}");
    }
    let reorg = Observation::ReorgApplied { depth: 1, events_removed: 2, streams_rebuilt: 0 };
    assert_eq!(recorder.take(), [Observation::Stored { events: 1, duplicates: 0 }, reorg]);
}

/// A batch that contradicts ledgers 5 to 12, which are stored: its log line.
async fn refused(batch: Arc<Batch>, kind: RefusalKind) -> Value {
    let (ingest, recorder) = service();
    for number in 5..=12 {
        ingest.push(&ledger("hash", number)).await.unwrap();
    }
    recorder.take();
    let (log, _guard) = Log::start();
    let error = ingest.push(&batch).await.unwrap_err();
    assert!(matches!(error, IngestError::Refused(_)), "{error}");
    assert_eq!(recorder.take(), [Observation::Refused(kind)]);
    log.line()
}

#[tokio::test]
async fn a_reorg_into_final_ledgers_is_logged_as_an_error() {
    let line = refused(ledger("other", 6), RefusalKind::ReorgTooDeep).await;
    assert_eq!(line["level"], "ERROR");
    assert!(line["message"].as_str().unwrap().starts_with("reorg refused"), "{line}");
    for (field, value) in [
        ("fork_ledger", json!(6)),
        ("depth", json!(6)),
        ("final_ledger", json!(8)),
        ("existing_hash", json!("hash-6")),
        ("incoming_hash", json!("other-6")),
    ] {
        assert_eq!(line[field], value, "{field}: {line}");
    }
}

#[tokio::test]
async fn a_batch_with_a_changed_event_is_logged_with_the_first_of_them() {
    let line = refused(batch(vec![event("hash", 12, r#"{"a":1}"#)]), RefusalKind::EventConflict).await;
    assert_eq!((&line["level"], &line["events"]), (&json!("WARN"), &json!(1)), "{line}");
    assert_eq!((&line["first_event"], &line["first_ledger"]), (&json!("12-0"), &json!(12)), "{line}");
}

#[tokio::test]
async fn a_batch_with_a_changed_link_is_logged_with_its_ledger() {
    let changed = Ledger { previous_hash: Some(opaque("nowhere")), ..tip(12) };
    let batch = Arc::new(Batch::new(Vec::new(), Some(changed), 100).unwrap());
    let line = refused(batch, RefusalKind::LedgerConflict).await;
    assert_eq!((&line["level"], &line["ledger"]), (&json!("WARN"), &json!(12)), "{line}");
}

fn tip(sequence: u32) -> Ledger {
    Ledger { sequence, hash: opaque(&format!("hash-{sequence}")), previous_hash: None, closed_at: None }
}

fn ingested() -> Ingested {
    Ingested {
        inserted: vec![0],
        duplicates: Vec::new(),
        state: ChainState::default(),
        reorg: None,
        orphans: Vec::new(),
        unprojected: Vec::new(),
        anomalies: Vec::new(),
    }
}

/// Logs and observes this outcome: the line, and the observations after the first.
fn reported(ingested: &Ingested) -> (Value, Vec<Observation>) {
    let (log, _guard) = Log::start();
    log::stored(ingested);
    let recorder = Recorder::default();
    observer::observe(&recorder, ingested);
    (log.line(), recorder.take().split_off(1))
}

#[test]
fn an_event_that_cannot_be_projected_is_logged_with_its_reason() {
    let id = StreamId::chain(ContractId::from_hash([7; 32]), 7);
    for (stream, marks_stream, end) in [
        (None, false, "no stream is stored for it"),
        (Some(id), false, "no stream is stored for it"),
        (Some(id), true, "its stream is marked uncertain"),
    ] {
        let reason = "no amount".to_owned();
        let unprojected = Unprojected { event: opaque("7-0"), stream, marks_stream, reason };
        let outcome = Ingested { unprojected: vec![unprojected], ..ingested() };
        let (line, observed) = reported(&outcome);
        assert_eq!(
            (&line["level"], &line["event"], &line["reason"]),
            (&json!("WARN"), &json!("7-0"), &json!("no amount"))
        );
        assert!(line["message"].as_str().unwrap().ends_with(end), "{line}");
        assert_eq!(observed, [Observation::Unprojected { events: 1 }]);
    }
}

#[test]
fn events_without_a_stream_are_logged_with_the_first_of_them() {
    let stream = StreamId::chain(ContractId::from_hash([7; 32]), 7);
    let orphan = |event: &str| OrphanEvent { event: opaque(event), stream };
    let outcome = Ingested { orphans: vec![orphan("7-0"), orphan("8-0")], ..ingested() };
    let (line, observed) = reported(&outcome);
    assert_eq!(
        (&line["level"], &line["events"], &line["first_event"]),
        (&json!("WARN"), &json!(2), &json!("7-0"))
    );
    assert_eq!(line["first_stream"], stream.to_string());
    assert_eq!(observed, [Observation::Orphans { events: 2 }]);
}

#[tokio::test]
async fn an_implausible_tip_is_logged_as_an_error() {
    let unix_seconds = batch(vec![event("hash", 1_767_225_600, "{}")]);
    let line = refused(unix_seconds, RefusalKind::ImplausibleTip).await;
    assert_eq!(
        (&line["level"], &line["ledger"], &line["tip"]),
        (&json!("ERROR"), &json!(1_767_225_600), &json!(12))
    );
}

#[test]
fn a_double_payment_is_logged_with_both_amounts() {
    let what = Anomaly::PaidTwice { keeper_paid: "5".parse().unwrap(), again: "3".parse().unwrap() };
    let stream = StreamId::chain(ContractId::from_hash([7; 32]), 7);
    let anomaly = ReportedAnomaly { event: opaque("7-0"), stream, what };
    let outcome = Ingested { anomalies: vec![anomaly], ..ingested() };
    let (line, observed) = reported(&outcome);
    assert!(line["message"].as_str().unwrap().starts_with("double payment"), "{line}");
    assert_eq!((&line["keeper_paid"], &line["paid_again"]), (&json!("5"), &json!("3")), "{line}");
    assert_eq!(observed, [Observation::Anomalies { count: 1 }]);
}

#[tokio::test]
async fn a_failure_of_the_store_is_observed_and_left_to_the_caller_to_report() {
    let (log, _guard) = Log::start();
    let recorder = Arc::new(Recorder::default());
    let ingest = Ingest::new(Arc::new(Unavailable), still(Timestamp::UNIX_EPOCH), Rules::default());
    let error = ingest.observed_by(recorder.clone()).push(&ledger("hash", 5)).await.unwrap_err();
    assert!(matches!(error, IngestError::Store(StoreError::Unavailable { .. })), "{error}");
    assert_eq!(recorder.take(), [Observation::StoreFailed]);
    assert!(log.is_empty());
}
