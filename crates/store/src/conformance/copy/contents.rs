use fluxora_audit::{Action, Actor, ActorKind, Entry, Hash, Head, Outcome, Row};
use fluxora_indexer::{ContractEvent, Opaque};
use fluxora_stream::{Stream, StreamEvent, StreamId, TermsDraft};
use futures_util::FutureExt;
use serde_json::json;

use crate::chain::{ChainState, ComparedEntry, DriftedField, RepeatedEvent, StoredEvent};
use crate::conformance::chain::{contract, live_through_forks};
use crate::conformance::fixtures::*;
use crate::conformance::keys::live_through_keys;
use crate::conformance::model::{Contents, Model};
use crate::conformance::webhooks::live_through_deliveries;
use crate::copy::{CopiedAttempt, CopyStore, Record, RecordKey, RemovedStream, Section};
use crate::delivery::{StoredDelivery, StoredEndpoint};
use crate::{IdempotencyRecord, KeyedResponse, Sequence, StoredKey};

/// Streams of every status an API stream can have, with their histories and idempotency records, and a chain with a past. Sequences have gaps,
/// and those of different streams and their events are mixed. Each section is in its order.
pub(super) fn contents() -> [Vec<Record>; 20] {
    let lives: Vec<_> = (1..=23).map(life).collect();
    let longest = lives.iter().map(|(_, events)| events.len()).max().unwrap();
    let chain = chain();

    let streams = (1..).zip(&lives);
    let streams = streams.map(|(n, (stream, _))| Record::Stream(streams_place(n), stream.clone()));
    let on_chain = chain.streams.iter();
    let on_chain = on_chain.map(|(place, stream)| Record::Stream(chain_place(*place), stream.clone()));
    let mut streams: Vec<_> = streams.chain(on_chain).collect();
    streams.sort_by_key(Record::key);
    let removed = chain.chain.removed.iter().map(|stored| {
        Record::Removed(RemovedStream {
            sequence: removed_place(),
            id: stored.id,
            event_count: stored.event_count,
        })
    });
    let in_turn =
        (0..longest).flat_map(|number| lives.iter().filter_map(move |(_, events)| events.get(number)));
    let in_turn = in_turn.chain(&chain.events);
    let events = (1..).zip(in_turn).map(|(n, event)| Record::Event(Sequence(n * 3), event.clone()));
    let mut answers: Vec<_> = (1..=11).map(idempotency_record).collect();
    answers.sort_by_key(Record::key);
    let ledgers = chain.chain.ledgers.values().cloned().map(Record::Ledger);
    let contract_events = chain
        .chain
        .events
        .iter()
        .map(|stored| Record::ContractEvent(chain.chain.arrivals[&stored.event.id], stored.clone()));
    let proofs = chain.chain.proofs.values().cloned().map(Record::LedgerProof);
    let coverage = chain.chain.coverage.iter().cloned().map(Record::Coverage);
    let reorgs = chain.chain.reorgs.iter().cloned().map(Record::Reorg);
    let state = ChainState { last_reorg: None, ..chain.chain.state.clone() };
    // The newest events may have been removed by a reorg: their numbers are not given again.
    let state = Record::ChainState(state, Sequence(chain.chain.last_arrival + 5));
    let [endpoints, deliveries, attempts, replays, cursor] = webhooks();
    [
        streams,
        removed.collect(),
        events.collect(),
        answers,
        ledgers.collect(),
        contract_events.collect(),
        proofs.collect(),
        coverage.collect(),
        (1..=5).map(repeated).collect(),
        reorgs.collect(),
        vec![state],
        endpoints,
        deliveries,
        attempts,
        replays,
        cursor,
        audit_rows(),
        keys(),
        owners(),
        drifts(),
    ]
}

/// What the model makes of endpoints and deliveries. Positions have gaps.
fn webhooks() -> [Vec<Record>; 5] {
    let model = Model::default();
    live_through_deliveries(&model).now_or_never().unwrap();
    let contents = model.contents();
    let webhooks = &contents.webhooks;
    let apart = |Sequence(position): Sequence| Sequence(position * 3 + 1);
    let endpoints = webhooks.endpoints.iter().map(|(stored, deleted_at)| {
        let stored = StoredEndpoint { sequence: apart(stored.sequence), ..stored.clone() };
        Record::WebhookEndpoint(Box::new(stored), *deleted_at)
    });
    let deliveries = webhooks.deliveries.iter().map(|stored| {
        let stored = StoredDelivery { sequence: apart(stored.sequence), ..stored.clone() };
        Record::WebhookDelivery(Box::new(stored))
    });
    let attempts = (1..).zip(&webhooks.attempts).map(|(n, (delivery, attempt))| {
        let (sequence, delivery) = (Sequence(n * 2), apart(*delivery));
        Record::WebhookAttempt(CopiedAttempt { sequence, delivery, attempt: attempt.clone() })
    });
    let replays = webhooks
        .replays
        .iter()
        .map(|(sequence, replay)| Record::WebhookReplay(apart(*sequence), Box::new(replay.clone())));
    let cursor = vec![Record::WebhookFanOut(webhooks.cursor)];
    [endpoints.collect(), deliveries.collect(), attempts.collect(), replays.collect(), cursor]
}

/// A chain of rows whose first ones retention has deleted: with and without what is optional.
fn audit_rows() -> Vec<Record> {
    let mut head = Head { seq: 40, hash: Hash::from_slice(&[7; 32]).unwrap() };
    let entry = |n: u64| {
        let actor = Actor { id: Some(format!("key {n}")), ..Actor::of(ActorKind::Key, "partner") };
        let entry = match n % 3 {
            0 => Entry::new(t(5), Actor::anonymous(), Action::StreamCreate, Outcome::Done),
            1 => Entry::new(t(6), actor, Action::StreamCancel, Outcome::Refused("NOT_FOUND".to_owned())),
            _ => Entry::new(t(7), Actor::server(), Action::AuditSuppressed, Outcome::Failed("X".to_owned())),
        };
        Entry {
            target: n.is_multiple_of(2).then(|| stream_id(n).to_string()),
            request_id: n.is_multiple_of(3).then(|| "a request, \"ü\"".to_owned()),
            client_address: n.is_multiple_of(5).then(|| "2001:db8::1".to_owned()),
            count: n,
            ..entry
        }
    };
    let seal = |n| {
        let row = Row::seal(head, &entry(n));
        head = row.head();
        Record::Audit(Box::new(row))
    };
    (1..=12).map(seal).collect()
}

/// Keys of every role and state. Positions have gaps.
fn keys() -> Vec<Record> {
    let model = Model::default();
    live_through_keys(&model).now_or_never().unwrap();
    let stored = model.contents().keys.clone();
    let apart = |stored: StoredKey| StoredKey { sequence: Sequence(stored.sequence.0 * 4), ..stored };
    stored.into_iter().map(|stored| Record::ApiKey(Box::new(apart(stored)))).collect()
}

fn owners() -> Vec<Record> {
    (1..=9).map(|n| Record::StreamOwner(stream_id(n), format!("partner-{}", n % 3))).collect()
}

fn drifts() -> Vec<Record> {
    let field = |name: &str| DriftedField { name: name.to_owned(), ours: json!("7"), theirs: json!(null) };
    let drift = |n: u64| ComparedEntry {
        stream: StreamId::chain(contract(), n),
        ledger: u32::try_from(n).unwrap(),
        fields: vec![field("kind"), field("ü")],
    };
    (1..=9).map(|n| Record::StreamDrift(drift(n))).collect()
}

/// Events that a migration set aside.
fn repeated(number: u64) -> Record {
    let kept = chain().chain.events.swap_remove(0);
    let id = Opaque::new(&format!("repeats-{number}")).unwrap();
    let event = ContractEvent { id, ..kept.event.clone() };
    let stored = StoredEvent { event, ..kept.clone() };
    Record::RepeatedEvent(RepeatedEvent { number, kept: kept.event.id, stored })
}

/// What the model makes of a chain.
fn chain() -> Contents {
    let model = Model::default();
    live_through_forks(&model).now_or_never().unwrap();
    model.contents().clone()
}

/// One of its streams is gone.
fn chain_place(Sequence(n): Sequence) -> Sequence {
    Sequence(3 + 3 * n)
}

/// Beyond every other stream: its sequence is not used again.
pub(super) fn removed_place() -> Sequence {
    Sequence((1 << 40) + 7)
}

/// Every third sequence, and then one beyond 32 bits.
pub(super) fn streams_place(n: u64) -> Sequence {
    Sequence(if n == 23 { 1 << 40 } else { 2 + 3 * n })
}

fn life(n: u64) -> (Stream, Vec<StreamEvent>) {
    let made = t(i64::try_from(n).unwrap());
    let draft = TermsDraft {
        deposit: Some(if n.is_multiple_of(2) { "100.000" } else { "100" }.parse().unwrap()),
        start: Some(second(if n.is_multiple_of(3) { 50 } else { 10 })),
        cliff: n.is_multiple_of(5).then(|| second(60)),
        ..draft()
    };
    let (mut stream, event) = Stream::create(uuid(n), &draft.settle(made).unwrap(), made);
    let mut events = vec![event];
    let later = match n % 4 {
        0 => stream.catch_up(t(70)),
        1 => stream.catch_up(t(500)),
        2 => stream.cancel(t(65)).unwrap(),
        _ => stream.catch_up(made),
    };
    stream = later.stream;
    events.extend(later.events);
    (stream, events)
}

/// Keys in no order, with characters that locales sort differently from bytes.
pub(super) fn idempotency_record(n: u64) -> Record {
    let key = format!("{}-{n}", ["a", "B", "_", "Z", "z", "~"][usize::try_from(n % 6).unwrap()]);
    Record::Idempotency(stored(keyed(n, &key, "{\"the\":\"request\"}", t(5)).keyed.unwrap()))
}

fn stored(KeyedResponse { scope, key, request, response, at, .. }: KeyedResponse) -> IdempotencyRecord {
    IdempotencyRecord { scope, key, request, response, at }
}

/// The records of one section.
pub(super) fn of(section: Section) -> Vec<Record> {
    contents().into_iter().flatten().filter(|record| record.section() == section).collect()
}

/// Puts everything there.
pub(super) async fn fill(store: &impl CopyStore) {
    for records in contents() {
        assert_eq!(store.put(records).await.unwrap(), crate::copy::Put::Done);
    }
}

/// Everything that is there, a few at a time.
pub(super) async fn all(store: &impl CopyStore) -> Vec<String> {
    let mut found = Vec::new();
    for section in Section::ALL {
        let mut last: Option<RecordKey> = None;
        loop {
            let records = store.records(section, last.as_ref(), 7).await.unwrap();
            let Some(end) = records.last() else { break };
            last = Some(end.key());
            found.extend(records.iter().map(|record| record.canonical().unwrap()));
        }
    }
    found
}
