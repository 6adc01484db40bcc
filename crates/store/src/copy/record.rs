use std::fmt;

use fluxora_audit::Row;
use fluxora_delivery::{Attempt, Replay};
use fluxora_indexer::{Ledger, LedgerProof};
use fluxora_stream::{Stream, StreamEvent, StreamId};
use jiff::Timestamp;

use super::Section;
use crate::chain::{ChainState, ComparedEntry, Coverage, EventCursor, Reorg, RepeatedEvent, StoredEvent};
use crate::delivery::{StoredDelivery, StoredEndpoint};
use crate::{IdempotencyRecord, Sequence, StoredKey};

/// The key of a record in its section. It is the same in every backend, because cursors hold it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKey {
    /// A number; there may be gaps.
    Number(Sequence),
    /// Scope and key, compared byte by byte. The scope of a coverage is its contract, that of an owner or a drift its stream, and
    /// their key is empty.
    Key(String, String),
    /// Where a contract event lies, and its id, which no other event has.
    OnChain(EventCursor),
}

/// A stored record in a form that does not depend on the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A stream.
    Stream(Sequence, Stream),
    /// What is left of a stream that a reorg has removed.
    Removed(RemovedStream),
    /// An event of a stream.
    Event(Sequence, StreamEvent),
    /// The response to a keyed request.
    Idempotency(IdempotencyRecord),
    /// A ledger of the chain.
    Ledger(Ledger),
    /// What a contract emitted, with its number in the order of arrival.
    ContractEvent(Sequence, StoredEvent),
    /// What proves contract events of a ledger.
    LedgerProof(LedgerProof),
    /// The ledgers that were read whole for a contract.
    Coverage(Coverage),
    /// A contract event that is set aside.
    RepeatedEvent(RepeatedEvent),
    /// A reorg or a rewind.
    Reorg(Reorg),
    /// The state of the chain without the last reorg, which is a separate record, and the last number that a contract event
    /// was given in the order of arrival.
    ChainState(ChainState, Sequence),
    /// A webhook endpoint with its queue, and when it was deleted.
    WebhookEndpoint(Box<StoredEndpoint>, Option<Timestamp>),
    /// A webhook delivery.
    WebhookDelivery(Box<StoredDelivery>),
    /// An attempt of a webhook delivery.
    WebhookAttempt(CopiedAttempt),
    /// A replay of webhook deliveries.
    WebhookReplay(Sequence, Box<Replay>),
    /// The position up to which events were fanned out.
    WebhookFanOut(Sequence),
    /// A row of the audit log.
    Audit(Box<Row>),
    /// An API key.
    ApiKey(Box<StoredKey>),
    /// The partner that created a stream.
    StreamOwner(StreamId, String),
    /// A stream that differs from the entry of its contract.
    StreamDrift(ComparedEntry),
}

/// An attempt with its position and that of its delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedAttempt {
    /// The position among all attempts.
    pub sequence: Sequence,
    /// The position of the delivery.
    pub delivery: Sequence,
    /// The attempt.
    pub attempt: Attempt,
}

/// What is left of a stream whose ledgers are not part of the chain any more: what it needs to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedStream {
    /// The position in the order of creation.
    pub sequence: Sequence,
    /// Its id.
    pub id: StreamId,
    /// How many stream events have been emitted for it.
    pub event_count: u32,
}

impl Record {
    /// The kind of record it is.
    pub const fn section(&self) -> Section {
        match self {
            Self::Stream(..) => Section::Streams,
            Self::Removed(_) => Section::Removed,
            Self::Event(..) => Section::Events,
            Self::Idempotency(_) => Section::IdempotencyRecords,
            Self::Ledger(_) => Section::Ledgers,
            Self::ContractEvent(..) => Section::ContractEvents,
            Self::LedgerProof(_) => Section::LedgerProofs,
            Self::Coverage(_) => Section::Coverage,
            Self::RepeatedEvent(_) => Section::RepeatedEvents,
            Self::Reorg(_) => Section::Reorgs,
            Self::ChainState(..) => Section::ChainState,
            Self::WebhookEndpoint(..) => Section::WebhookEndpoints,
            Self::WebhookDelivery(_) => Section::WebhookDeliveries,
            Self::WebhookAttempt(_) => Section::WebhookAttempts,
            Self::WebhookReplay(..) => Section::WebhookReplays,
            Self::WebhookFanOut(_) => Section::WebhookFanOut,
            Self::Audit(_) => Section::Audit,
            Self::ApiKey(_) => Section::ApiKeys,
            Self::StreamOwner(..) => Section::StreamOwners,
            Self::StreamDrift(_) => Section::StreamDrifts,
        }
    }

    /// The key in its section.
    pub fn key(&self) -> RecordKey {
        match self {
            Self::Stream(place, _) | Self::Event(place, _) => RecordKey::Number(*place),
            Self::Removed(removed) => RecordKey::Number(removed.sequence),
            Self::Idempotency(record) => RecordKey::Key(record.scope.clone(), record.key.as_str().to_owned()),
            Self::Ledger(ledger) => RecordKey::Number(Sequence(ledger.sequence.into())),
            Self::ContractEvent(_, StoredEvent { event, .. }) => {
                RecordKey::OnChain(EventCursor { position: event.position, id: event.id.clone() })
            }
            Self::RepeatedEvent(repeated) => RecordKey::Number(Sequence(repeated.number)),
            Self::LedgerProof(proof) => RecordKey::Number(Sequence(proof.ledger.into())),
            Self::Coverage(coverage) => RecordKey::Key(coverage.contract.to_string(), String::new()),
            Self::Reorg(reorg) => RecordKey::Number(Sequence(reorg.number)),
            Self::ChainState(..) | Self::WebhookFanOut(_) => RecordKey::Number(Sequence(1)),
            Self::WebhookEndpoint(stored, _) => RecordKey::Number(stored.sequence),
            Self::WebhookDelivery(stored) => RecordKey::Number(stored.sequence),
            Self::WebhookAttempt(attempt) => RecordKey::Number(attempt.sequence),
            Self::WebhookReplay(sequence, _) => RecordKey::Number(*sequence),
            Self::Audit(row) => RecordKey::Number(Sequence(row.seq)),
            Self::ApiKey(stored) => RecordKey::Number(stored.sequence),
            Self::StreamOwner(stream, _) => RecordKey::Key(stream.to_string(), String::new()),
            Self::StreamDrift(drift) => RecordKey::Key(drift.stream.to_string(), String::new()),
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(Sequence(number)) => number.fmt(f),
            // The key is a client's.
            Self::Key(scope, _) => write!(f, "a key of {scope}"),
            Self::OnChain(EventCursor { position, id }) => write!(f, "{id} of ledger {}", position.ledger),
        }
    }
}
