use fluxora_stream::{
    Address, Body, ChainBody, ContractState, EventData, EventKind, Kind, LoggedEvent, Origin, Schedule,
    Sequence, Status, StatusName, Stream, StreamEvent, StreamId,
};

use super::ReadColumns;
use crate::chain::StoredStream;
use crate::copy::RemovedStream;
use crate::{CorruptRow, IdempotencyKey, IdempotencyRecord, StoreError};

/// A stream and its position in the order of creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRow {
    /// The position.
    pub sequence: Sequence,
    /// The stream.
    pub stream: Stream,
}

impl StreamRow {
    /// The row as a chain stream.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if its id is an API stream's.
    pub fn into_stored(self) -> Result<StoredStream, StoreError> {
        let (id, event_count) = (self.stream.id(), self.stream.event_count);
        let stream = self.stream.into_chain().ok_or_else(|| CorruptRow {
            table: "streams",
            column: "id",
            row: self.sequence.0.to_string(),
            reason: "not the id of a chain stream".to_owned(),
        })?;
        Ok(StoredStream { id, sequence: self.sequence, event_count, stream: Some(stream) })
    }
}

/// Reads `seq, id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, status, status_at, created_at,
/// updated_at, events, kind, checkpoint_amount, checkpoint_at, chain` of `streams`.
pub fn stream<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<StreamRow, StoreError> {
    let sequence = columns.sequence("seq")?;
    let id = stream_id(columns, "id")?;
    let origin = columns.parsed("origin", str::parse::<Origin>)?;
    if origin != id.origin() {
        return Err(columns.corrupt("origin", "does not go with the id"));
    }
    let sender = columns.parsed("sender", Address::parse)?;
    let recipient = columns.parsed("recipient", Address::parse)?;
    let deposit = columns.amount("deposit")?;
    let rate = columns.amount("rate")?;
    let start = columns.time("start_time")?;
    let cliff = columns.time("cliff_time")?;
    let end = columns.time("end_time")?;
    let withdrawn = columns.amount("withdrawn")?;
    let name = columns.parsed("status", str::parse::<StatusName>)?;
    let at = columns.optional("status_at", C::instant)?;
    let status = Status::from_parts(name, at)
        .ok_or_else(|| columns.corrupt("status_at", "does not go with the status"))?;
    let created_at = columns.instant("created_at")?;
    let updated_at = columns.instant("updated_at")?;
    let event_count = columns.number("events")?;
    let mut schedule = Schedule::linear(deposit, rate, start, cliff, end);
    let body = body(columns, id, &mut schedule)?;
    let stream =
        Stream { body, sender, recipient, schedule, withdrawn, status, created_at, updated_at, event_count };
    Ok(StreamRow { sequence, stream })
}

/// Reads the columns that only a chain stream has, the rest of its schedule among them.
fn body<'r, C: ReadColumns<'r>>(
    columns: &mut C,
    id: StreamId,
    schedule: &mut Schedule,
) -> Result<Body, StoreError> {
    match id {
        StreamId::Api(id) => {
            ["kind", "checkpoint_amount", "checkpoint_at", "chain"].into_iter().for_each(|_| columns.skip());
            Ok(Body::Api { id })
        }
        StreamId::Chain { contract, number } => {
            schedule.kind = columns.parsed("kind", str::parse::<Kind>)?;
            schedule.checkpoint.amount = columns.amount("checkpoint_amount")?;
            schedule.checkpoint.at = columns.time("checkpoint_at")?;
            let state = columns.parsed("chain", |text| serde_json::from_str(text).map(ContractState::V9))?;
            Ok(Body::Chain(Box::new(ChainBody { contract, number, state })))
        }
    }
}

/// Reads a [`stream`] that is about to change, whose history ends with event number `last`. Its count of events must be that number, or
/// the next event would leave a gap or get a number that is taken.
pub fn stream_to_change<'r, C: ReadColumns<'r>>(
    columns: &mut C,
    last: impl FnOnce(&mut C) -> Result<Option<i64>, StoreError>,
) -> Result<StreamRow, StoreError> {
    let found = stream(columns)?;
    let last = last(columns)?;
    if last == Some(found.stream.event_count.into()) {
        return Ok(found);
    }
    let last = last.map_or("none".to_owned(), |last| last.to_string());
    Err(columns.corrupt("events", format_args!("the last event of its history is number {last}")))
}

/// Reads `seq, number, type, occurred_at, recorded_at, data` of `stream_events`, for events of one stream.
pub fn event_of<'r>(columns: &mut impl ReadColumns<'r>, stream: StreamId) -> Result<LoggedEvent, StoreError> {
    let sequence = columns.sequence("seq")?;
    event(columns, sequence, stream)
}

/// Reads `seq`, the id of the event's stream, and `number, type, occurred_at, recorded_at, data` of `stream_events`.
pub fn logged_event<'r>(columns: &mut impl ReadColumns<'r>) -> Result<LoggedEvent, StoreError> {
    let sequence = columns.sequence("seq")?;
    let stream = columns.optional("stream", stream_id)?;
    let stream = stream
        .ok_or_else(|| columns.corrupt("stream", "neither a stream nor a removed stream has this seq"))?;
    event(columns, sequence, stream)
}

fn event<'r>(
    columns: &mut impl ReadColumns<'r>,
    sequence: Sequence,
    stream: StreamId,
) -> Result<LoggedEvent, StoreError> {
    let stream_seq = columns.number("number")?;
    let kind = columns.parsed("type", str::parse::<EventKind>)?;
    let occurred_at = columns.instant("occurred_at")?;
    let recorded_at = columns.instant("recorded_at")?;
    let data = columns.parsed("data", |text| {
        let mut text = serde_json::Deserializer::from_str(text);
        let data = EventData::decode(kind, occurred_at, &mut text)?;
        text.end().map(|()| data)
    })?;
    let event = StreamEvent { stream, stream_seq, occurred_at, recorded_at, kind, data };
    Ok(LoggedEvent { sequence, event })
}

/// Reads `seq, id, events` of `removed_streams`.
pub fn removed_stream<'r>(columns: &mut impl ReadColumns<'r>) -> Result<RemovedStream, StoreError> {
    let sequence = columns.sequence("seq")?;
    let id = stream_id(columns, "id")?;
    Ok(RemovedStream { sequence, id, event_count: columns.number("events")? })
}

/// Reads scope and key as one text, and `scope, key, request, response, made_at` of `idempotency_records`.
pub fn idempotency_record<'r>(columns: &mut impl ReadColumns<'r>) -> Result<IdempotencyRecord, StoreError> {
    columns.skip();
    Ok(IdempotencyRecord {
        scope: columns.text("scope")?.to_owned(),
        key: columns.parsed("key", IdempotencyKey::parse)?,
        request: columns.text("request")?.to_owned(),
        response: columns.bytes("response")?.to_owned(),
        at: columns.instant("made_at")?,
    })
}

fn stream_id<'r>(columns: &mut impl ReadColumns<'r>, column: &'static str) -> Result<StreamId, StoreError> {
    columns.parsed(column, |text| StreamId::parse(text).ok_or("not a stream's id"))
}
