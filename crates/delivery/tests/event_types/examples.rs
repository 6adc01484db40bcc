//! An event of each type: those of an API stream from its life, those of chain streams as contracts cause them.

use fluxora_stream::{
    AccountId, Cause, Changes, ContractId, EventData, EventKind, LoggedEvent, RunwayLow, Sequence, Stream,
    StreamEvent, StreamId, TermsDraft, UnixTime,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

const CREATED_AT: Timestamp = Timestamp::constant(1_767_225_600, 250_000_000);
const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";
const DELEGATE: &str = "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H";

/// An event of each type, in the order of the types.
pub(crate) fn all() -> Vec<LoggedEvent> {
    let events = EventKind::ALL.into_iter().zip(4711..);
    events.map(|(kind, sequence)| LoggedEvent { sequence: Sequence(sequence), event: event(kind) }).collect()
}

/// When an event of a type is emitted.
pub(crate) const fn when(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Created => "A stream was created. `changes` has all its terms.",
        EventKind::Started => {
            "The start of a stream that was created before it has come. `changes` is empty for chain streams."
        }
        EventKind::Withdrawn => "The recipient's side took money out of a chain stream.",
        EventKind::Completed => {
            "A stream has reached its end. `streamedAmount` and `refundedAmount` are there for API streams."
        }
        EventKind::Cancelled => {
            "A stream was ended early. `streamedAmount` and `refundedAmount` are there for API streams."
        }
        EventKind::Paused => "The contract holds withdrawals of a chain stream.",
        EventKind::Resumed => "The contract allows withdrawals again.",
        EventKind::Updated => {
            "Terms, parties or contract state of a chain stream changed; the cause's `topic` says by what."
        }
        EventKind::Depleted => "A vesting stream was emptied. Follows its `stream.withdrawn`.",
        EventKind::Closed => "The contract removed a stream.",
        EventKind::Corrected => {
            "Earlier events of a chain stream were wrong or incomplete; `changes` corrects them. With `retracts`, a time event \
             did not happen by the ledgers that replaced others."
        }
        EventKind::CliffReached => "The cliff of a stream is reached. Time events change no field.",
        EventKind::Exhausted => "The whole deposit of a stream has accrued.",
        EventKind::Ended => {
            "The schedule of a stream has reached its end. An API stream also has `stream.completed`."
        }
        EventKind::RunwayLow => {
            "The runway of a treasury in one asset has crossed a threshold: the time until accrual ends first among its streams. The event \
             is one of the stream that ends first. `runway.topUps` says what must be added for every stream to go on."
        }
        EventKind::Removed => {
            "The ledgers that created a chain stream were replaced: the stream does not exist."
        }
    }
}

fn event(kind: EventKind) -> StreamEvent {
    match kind {
        EventKind::Created => created().1,
        EventKind::Started => of_life(kind, |stream| stream.catch_up(at(60))),
        EventKind::Completed => of_life(kind, |stream| {
            let started = stream.catch_up(at(60)).stream;
            started.catch_up(at(200_000))
        }),
        EventKind::Cancelled => of_life(kind, |stream| {
            let started = stream.catch_up(at(60)).stream;
            started.cancel(at(3_600)).unwrap()
        }),
        EventKind::Withdrawn => {
            by_contract(kind, "withdrawn", json!({ "withdrawn": "250000000", "lastLedger": 1_000_007 }))
        }
        EventKind::Paused => by_contract(
            kind,
            "paused",
            json!({ "status": "paused", "pausedAt": 1_767_312_000, "lastLedger": 1_000_007 }),
        ),
        EventKind::Resumed => by_contract(
            kind,
            "resumed",
            json!({ "status": "active", "pausedAt": null, "pausedTotal": 3_600, "lastLedger": 1_000_007 }),
        ),
        EventKind::Updated => by_contract(
            kind,
            "delegate_set",
            json!({
                "delegates": { DELEGATE: { "grantor": DELEGATE, "operations": 1, "expiresAt": null } },
                "lastLedger": 1_000_007,
            }),
        ),
        EventKind::Depleted => by_contract(kind, "withdrawn", json!({ "status": "depleted" })),
        EventKind::Closed => {
            by_contract(kind, "closed", json!({ "closedLedger": 1_000_007, "lastLedger": 1_000_007 }))
        }
        EventKind::Corrected => because(
            kind,
            Cause::Reorg { fork_ledger: 1_000_001 },
            json!({ "withdrawn": "0", "lastLedger": 1_000_000 }),
        ),
        EventKind::CliffReached | EventKind::Exhausted | EventKind::Ended => {
            let due = UnixTime::of(at(86_400)).instant();
            StreamEvent { occurred_at: due, ..because(kind, Cause::Clock, json!({})) }
        }
        EventKind::RunwayLow => runway_low(),
        EventKind::Removed => because(kind, Cause::Reorg { fork_ledger: 1_000_001 }, json!({})),
    }
}

fn at(seconds: i64) -> Timestamp {
    CREATED_AT + jiff::SignedDuration::from_secs(seconds)
}

/// A scheduled API stream, and its first event.
fn created() -> (Stream, StreamEvent) {
    let draft = TermsDraft {
        sender: Some(AccountId::from_public_key([1; 32])),
        recipient: Some(AccountId::from_public_key([2; 32])),
        deposit: Some("100".parse().unwrap()),
        rate: Some("0.001".parse().unwrap()),
        start: Some(UnixTime::of(at(60))),
        cliff: None,
        end: None,
    };
    let id = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0007);
    Stream::create(id, &draft.settle(CREATED_AT).unwrap(), CREATED_AT)
}

/// The event of a type that a step in the life of the API stream emits.
fn of_life(kind: EventKind, step: impl FnOnce(&Stream) -> fluxora_stream::Change) -> StreamEvent {
    let events = step(&created().0).events;
    events.into_iter().find(|event| event.kind == kind).unwrap()
}

/// An event of a chain stream that a contract event caused.
fn by_contract(kind: EventKind, topic: &str, changes: Value) -> StreamEvent {
    let cause = Cause::ContractEvent {
        ledger: 1_000_007,
        tx_hash: "c3c6a1b2".repeat(8),
        event_id: "0004294997360996352-0000000000".to_owned(),
        topic: topic.to_owned(),
    };
    because(kind, cause, changes)
}

fn runway_low() -> StreamEvent {
    let runway: RunwayLow = serde_json::from_value(json!({
        "treasury": DELEGATE,
        "asset": { "kind": "token", "contract": CONTRACT },
        "thresholdHours": 48,
        "measuredAt": 1_767_312_000,
        "runwaySeconds": 172_800,
        "exhaustedAt": 1_767_484_800,
        "streams": 1,
        "topUps": [
            { "days": 7, "amount": "4320000000", "complete": true },
            { "days": 30, "amount": "24192000000", "complete": true },
            { "days": 90, "amount": "76032000000", "complete": true },
        ],
    }))
    .unwrap();
    let mut event = because(EventKind::RunwayLow, Cause::Clock, json!({}));
    event.data.runway = Some(Box::new(runway));
    event
}

fn because(kind: EventKind, cause: Cause, changes: Value) -> StreamEvent {
    let changes: Changes = serde_json::from_value(changes).unwrap();
    StreamEvent {
        stream: StreamId::chain(ContractId::parse(CONTRACT).unwrap(), 3),
        stream_seq: 2,
        occurred_at: at(86_400),
        recorded_at: at(86_405),
        kind,
        data: EventData { cause, changes: Box::new(changes), settlement: None, retracts: None, runway: None },
    }
}
