use fluxora_decimal::Amount;
use fluxora_stream::vesting::{Times, VestingRecord};
use fluxora_stream::{
    Address, Body, ChainBody, Checkpoint, ContractState, Details, EventData, EventKind, Kind, LoggedEvent,
    Origin, RateFlow, Schedule, Sequence, Status, StatusName, Stream, StreamBody, StreamEvent, StreamId,
    V9State,
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
/// updated_at, events, kind, checkpoint_amount, checkpoint_at, chain, family` of `streams`.
pub fn stream<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<StreamRow, StoreError> {
    let sequence = columns.sequence("seq")?;
    let id = stream_id(columns, "id")?;
    let origin = columns.parsed("origin", str::parse::<Origin>)?;
    if origin != id.origin() {
        return Err(columns.corrupt("origin", "does not go with the id"));
    }
    let sender = columns.parsed("sender", Address::parse)?;
    let recipient = columns.parsed("recipient", Address::parse)?;
    let deposit = columns.optional("deposit", C::amount)?;
    let rate = columns.optional("rate", C::amount)?;
    let times = Times {
        start: columns.time("start_time")?,
        cliff: columns.time("cliff_time")?,
        end: columns.time("end_time")?,
    };
    let withdrawn = columns.optional("withdrawn", C::amount)?;
    let name = columns.parsed("status", str::parse::<StatusName>)?;
    let at = columns.optional("status_at", C::instant)?;
    let status = Status::from_parts(name, at)
        .ok_or_else(|| columns.corrupt("status_at", "does not go with the status"))?;
    let created_at = columns.instant("created_at")?;
    let updated_at = columns.instant("updated_at")?;
    let event_count = columns.number("events")?;
    let body = body(columns, id, Money { deposit, rate, withdrawn }, times)?;
    let stream = Stream { body, sender, recipient, status, created_at, updated_at, event_count };
    Ok(StreamRow { sequence, stream })
}

/// The columns `deposit, rate, withdrawn`: NULL for a vesting stream, whose amounts are not stroops.
struct Money {
    deposit: Option<Amount>,
    rate: Option<Amount>,
    withdrawn: Option<Amount>,
}

impl Money {
    fn flow<'r>(self, columns: &impl ReadColumns<'r>, times: Times) -> Result<RateFlow, StoreError> {
        let Self { deposit: Some(deposit), rate: Some(rate), withdrawn: Some(withdrawn) } = self else {
            return Err(
                columns.corrupt("deposit", "deposit, rate or withdrawn is NULL where an amount belongs")
            );
        };
        Ok(RateFlow {
            schedule: Schedule::linear(deposit, rate, times.start, times.cliff, times.end),
            withdrawn,
        })
    }
}

/// Reads the columns that only a chain stream has, the rest of its schedule among them.
fn body<'r, C: ReadColumns<'r>>(
    columns: &mut C,
    id: StreamId,
    money: Money,
    times: Times,
) -> Result<Body, StoreError> {
    let (contract, number) = match id {
        StreamId::Chain { contract, number } => (contract, number),
        StreamId::Api(id) => {
            let none = ["kind", "checkpoint_amount", "checkpoint_at", "chain", "family"];
            none.into_iter().for_each(|_| columns.skip());
            return Ok(Body::Api { id, flow: money.flow(columns, times)? });
        }
    };
    let kind = columns.optional("kind", |columns, name| columns.parsed(name, str::parse::<Kind>))?;
    let amount = columns.optional("checkpoint_amount", C::amount)?;
    let at = columns.optional("checkpoint_at", C::time)?;
    let chain = columns.text("chain")?;
    let family = columns.optional("family", C::text)?;
    let unreadable = |columns: &C, error: serde_json::Error| columns.corrupt("chain", error);
    let state = match family {
        None => {
            let mut flow = money.flow(columns, times)?;
            let (Some(kind), Some(amount), Some(at)) = (kind, amount, at) else {
                return Err(columns.corrupt("kind", "kind or checkpoint is NULL where a value belongs"));
            };
            flow.schedule.kind = kind;
            flow.schedule.checkpoint = Checkpoint { amount, at };
            let on_chain = serde_json::from_str(chain).map_err(|error| unreadable(columns, error))?;
            ContractState::V9(Box::new(V9State { flow, on_chain }))
        }
        Some(VESTING) => {
            let record: VestingRecord =
                serde_json::from_str(chain).map_err(|error| unreadable(columns, error))?;
            let state =
                record.into_state(times).ok_or_else(|| columns.corrupt("chain", "no ABI has this number"))?;
            ContractState::Vesting(Box::new(state))
        }
        Some(_) => return Err(columns.corrupt("family", "not a family of contracts")),
    };
    Ok(Body::Chain(Box::new(ChainBody { contract, number, state })))
}

/// The word in `family` for a vesting stream. An API stream, and a stream of contract version 9, have none.
const VESTING: &str = "vesting";

/// The values of the columns that depend on a stream's family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FamilyColumns {
    /// `deposit`
    pub deposit: Option<String>,
    /// `rate`
    pub rate: Option<String>,
    /// `withdrawn`
    pub withdrawn: Option<String>,
    /// `kind`
    pub kind: Option<&'static str>,
    /// `checkpoint_amount` and `checkpoint_at`
    pub checkpoint: Option<Checkpoint>,
    /// `chain`
    pub chain: Option<String>,
    /// `family`
    pub family: Option<&'static str>,
}

impl FamilyColumns {
    /// The values for a stream.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if the contract state cannot be written as JSON.
    pub fn of<B: StreamBody>(stream: &Stream<B>) -> Result<Self, StoreError> {
        let json = |written: serde_json::Result<String>| {
            written.map(Some).map_err(|error| StoreError::Internal {
                reason: "writing the contract state of a stream as JSON".to_owned(),
                source: Some(error.into()),
            })
        };
        Ok(match stream.details() {
            Details::Api(flow) => Self::of_flow(flow),
            Details::V9(V9State { flow, on_chain }) => Self {
                kind: Some(flow.schedule.kind.as_str()),
                checkpoint: Some(flow.schedule.checkpoint),
                chain: json(serde_json::to_string(&on_chain.non_default()))?,
                ..Self::of_flow(flow)
            },
            Details::Vesting(state) => Self {
                chain: json(serde_json::to_string(&VestingRecord::of(state)))?,
                family: Some(VESTING),
                ..Self::default()
            },
        })
    }

    fn of_flow(flow: &RateFlow) -> Self {
        Self {
            deposit: Some(flow.schedule.deposit.to_string()),
            rate: Some(flow.schedule.rate.to_string()),
            withdrawn: Some(flow.withdrawn.to_string()),
            ..Self::default()
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
