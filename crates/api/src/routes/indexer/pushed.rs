//! Parses the body of a push into a batch.

use std::fmt;

use fluxora_indexer::{Batch, BatchFault, BatchSource, ChainPosition, ContractEvent, Ledger, Opaque, Pushed};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::pushed_invocation;
use crate::body::{self, JsonObject, JsonValue};
use crate::error::{ApiError, ErrorKind, FieldFault};
use crate::field_code::FieldCode;
use crate::fields::Fields;

/// The events in one push, at most.
const BATCH_MAX: usize = 100;

/// Parses a body.
///
/// # Errors
/// `VALIDATION_ERROR` with every fault of the body; `CONFLICT` if its only faults are repeated event ids.
pub(super) fn read(bytes: &[u8]) -> Result<Batch, ApiError> {
    let Pairs(mut pairs) = body::parse_as(bytes)?;
    let events = take(&mut pairs, "events");
    let mut faults = Vec::new();
    let mut fields = Fields::of(parsed(pairs));
    let tip = fields.object("tip").map(|members| read_tip(members, &mut faults));
    let list = one_list(&events, &mut faults);
    let mut pushed = Vec::with_capacity(list.len());
    for (index, event) in list.into_iter().enumerate() {
        pushed.push(read_event(index, event, &mut faults));
    }
    fields.add(faults);
    fields.finish()?;
    // Without a fault, every event was read.
    let pushed = pushed.into_iter().flatten().collect();
    Batch::new(pushed, tip.flatten(), BATCH_MAX).map_err(|faults| contradictory(&faults))
}

/// The events, if the field is given once as an array of at most [`BATCH_MAX`].
fn one_list<'a>(events: &[&'a RawValue], faults: &mut Vec<FieldFault>) -> Vec<&'a RawValue> {
    let (code, message) = match events {
        [] => (FieldCode::Required, "events is required".to_owned()),
        [events] => match serde_json::from_str::<Vec<&RawValue>>(events.get()) {
            Ok(list) if list.len() <= BATCH_MAX => return list,
            Ok(list) => {
                (FieldCode::BatchSize, format!("a batch has at most {BATCH_MAX} events, not {}", list.len()))
            }
            Err(_) => (FieldCode::InvalidType, "events must be an array".to_owned()),
        },
        _ => (FieldCode::DuplicateField, format!("events is given {} times", events.len())),
    };
    faults.push(FieldFault::new("events", code, message));
    Vec::new()
}

fn read_event(index: usize, sent: &RawValue, faults: &mut Vec<FieldFault>) -> Option<Pushed> {
    let Ok(Pairs(mut pairs)) = serde_json::from_str(sent.get()) else {
        let message = "an event must be an object";
        faults.push(FieldFault::new(format!("events[{index}]"), FieldCode::InvalidType, message));
        return None;
    };
    let payloads = take(&mut pairs, "payload");
    let invocations = take(&mut pairs, "invocation");
    let members = parsed(pairs);
    let mut fields = Fields::within(format!("events[{index}]."), members);
    let id = fields.opaque("eventId");
    let ledger = fields.count("ledger");
    let ledger_hash = fields.opaque("ledgerHash");
    let previous_hash = fields.optional_opaque("previousLedgerHash");
    let contract = fields.contract("contractId");
    let topic = fields.opaque("topic");
    let tx_hash = fields.opaque("txHash");
    let transaction = fields.count("txIndex");
    let operation = fields.count("operationIndex");
    let event = fields.count("eventIndex");
    let happened_at = fields.instant("happenedAt");
    let payload = fields.raw_object("payload", &payloads);
    faults.append(&mut fields.into_faults());
    let path = format!("events[{index}].invocation");
    let invocation = pushed_invocation::read(&path, contract.as_ref(), &invocations, faults);
    Some(Pushed {
        event: ContractEvent {
            id: id?,
            position: ChainPosition {
                ledger: ledger?,
                transaction: transaction?,
                operation: operation?,
                event: event?,
            },
            contract: contract?,
            topic: topic?,
            tx_hash: tx_hash?,
            happened_at: happened_at?,
            payload: payload?.into(),
            invocation,
        },
        ledger_hash: ledger_hash?,
        previous_hash,
    })
}

fn read_tip(members: JsonObject, faults: &mut Vec<FieldFault>) -> Option<Ledger> {
    let mut fields = Fields::within("tip.".to_owned(), members);
    let sequence = fields.count("ledger");
    let hash = fields.opaque("ledgerHash");
    let previous_hash: Option<Opaque> = fields.optional_opaque("previousLedgerHash");
    let closed_at = fields.optional_instant("closedAt");
    faults.append(&mut fields.into_faults());
    Some(Ledger { sequence: sequence?, hash: hash?, previous_hash, closed_at })
}

/// The fields are valid one by one and contradict each other.
fn contradictory(faults: &[BatchFault]) -> ApiError {
    let details = faults.iter().map(|fault| {
        let (field, code) = match fault {
            BatchFault::Empty { .. } | BatchFault::TooMany { .. } => {
                ("events".to_owned(), FieldCode::BatchSize)
            }
            BatchFault::TwoHashes { reported_by, .. } => {
                (field(*reported_by, "ledgerHash"), FieldCode::LedgerHashMismatch)
            }
            BatchFault::TwoPreviousHashes { reported_by, .. } => {
                (field(*reported_by, "previousLedgerHash"), FieldCode::LedgerHashMismatch)
            }
            BatchFault::TwoCloseTimes { reported_by, .. } => {
                let name = match reported_by {
                    BatchSource::Event(_) => "happenedAt",
                    BatchSource::Tip => "closedAt",
                };
                (field(*reported_by, name), FieldCode::CloseTimeMismatch)
            }
            BatchFault::BrokenLink { .. } => ("events".to_owned(), FieldCode::LedgerHashMismatch),
            BatchFault::TipTooLow { .. } => ("tip.ledger".to_owned(), FieldCode::TipTooLow),
            BatchFault::DuplicateId { index } => {
                (format!("events[{index}].eventId"), FieldCode::DuplicateEventId)
            }
        };
        FieldFault::new(field, code, fault.to_string())
    });
    let error = ApiError::invalid(details.collect());
    let only_repeats = faults.iter().all(|fault| matches!(fault, BatchFault::DuplicateId { .. }));
    if only_repeats { ApiError { kind: ErrorKind::Conflict, ..error } } else { error }
}

fn field(source: BatchSource, name: &str) -> String {
    match source {
        BatchSource::Event(index) => format!("events[{index}].{name}"),
        BatchSource::Tip => format!("tip.{name}"),
    }
}

/// The members of a JSON object in the order of the request, with repetitions, each value unparsed.
pub(super) struct Pairs<'a>(pub(super) Vec<(String, &'a RawValue)>);

/// Removes every value of one name.
pub(super) fn take<'a>(pairs: &mut Vec<(String, &'a RawValue)>, name: &str) -> Vec<&'a RawValue> {
    pairs.extract_if(.., |(given, _)| given == name).map(|(_, value)| value).collect()
}

pub(super) fn parsed(pairs: Vec<(String, &RawValue)>) -> JsonObject {
    // The only JSON value that fails to parse is a number that is too large.
    let read = |value: &RawValue| serde_json::from_str(value.get()).unwrap_or(JsonValue::Number);
    pairs.into_iter().map(|(name, value)| (name, read(value))).collect()
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
