use fluxora_decimal::Amount;
use fluxora_store::chain::StoredStream;
use fluxora_store::{CorruptRow, StoreError};
use fluxora_stream::{
    Address, Body, ChainBody, ContractState, Kind, Origin, Schedule, Status, StatusName, Stream, StreamId,
};
use tokio_postgres::Row;

use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// A stream and its place in the order of creation.
pub(crate) struct StreamRow {
    pub(crate) seq: i64,
    pub(crate) stream: Stream,
}

/// The columns that [`decode`] reads, in its order. Numbers of any size travel as text, as they were written.
macro_rules! stream_columns {
    () => {
        "seq, id, origin, sender, recipient, deposit::text, rate::text, start_time::text, cliff_time::text, end_time::text, \
         withdrawn::text, status, status_at, created_at, updated_at, events, kind, checkpoint_amount::text, checkpoint_at::text, \
         chain::text"
    };
}
pub(crate) use stream_columns;

pub(crate) const FIND: &str = concat!("SELECT ", stream_columns!(), " FROM streams WHERE id = $1");

pub(crate) fn decode(row: &Row) -> Result<StreamRow, StoreError> {
    let mut columns = Columns::of(row, "streams");
    let seq = columns.integer("seq")?;
    let id = columns.parsed("id", |text| StreamId::parse(text).ok_or("not a stream's id"))?;
    let origin = columns.parsed("origin", str::parse::<Origin>)?;
    if origin != id.origin() {
        return Err(columns.corrupt("origin", "does not go with the id"));
    }
    let sender = columns.parsed("sender", Address::parse)?;
    let recipient = columns.parsed("recipient", Address::parse)?;
    let deposit = columns.parsed("deposit", Amount::parse)?;
    let rate = columns.parsed("rate", Amount::parse)?;
    let start = columns.time("start_time")?;
    let cliff = columns.time("cliff_time")?;
    let end = columns.time("end_time")?;
    let withdrawn = columns.parsed("withdrawn", Amount::parse)?;
    let name = columns.parsed("status", str::parse::<StatusName>)?;
    let at = columns.optional_instant("status_at")?;
    let status = Status::from_parts(name, at)
        .ok_or_else(|| columns.corrupt("status_at", "does not go with the status"))?;
    let created_at = columns.instant("created_at")?;
    let updated_at = columns.instant("updated_at")?;
    let event_count = columns.number("events")?;
    let mut schedule = Schedule::linear(deposit, rate, start, cliff, end);
    let body = decode_body(&mut columns, id, &mut schedule)?;
    let stream =
        Stream { body, sender, recipient, schedule, withdrawn, status, created_at, updated_at, event_count };
    Ok(StreamRow { seq, stream })
}

/// Reads the columns that only a chain stream has, the rest of its schedule among them.
fn decode_body(columns: &mut Columns<'_>, id: StreamId, schedule: &mut Schedule) -> Result<Body, StoreError> {
    match id {
        StreamId::Api(id) => Ok(Body::Api { id }),
        StreamId::Chain { contract, number } => {
            schedule.kind = columns.parsed("kind", str::parse::<Kind>)?;
            schedule.checkpoint.amount = columns.parsed("checkpoint_amount", Amount::parse)?;
            schedule.checkpoint.at = columns.time("checkpoint_at")?;
            let state = columns.parsed("chain", |text| serde_json::from_str(text).map(ContractState::V9))?;
            Ok(Body::Chain(Box::new(ChainBody { contract, number, state })))
        }
    }
}

impl StreamRow {
    /// The row as a chain stream.
    pub(crate) fn into_stored(self) -> Result<StoredStream, StoreError> {
        let (id, event_count) = (self.stream.id(), self.stream.event_count);
        let stream = self.stream.into_chain().ok_or_else(|| CorruptRow {
            table: "streams",
            column: "id",
            row: self.seq.to_string(),
            reason: "not the id of a chain stream".to_owned(),
        })?;
        let sequence = columns::sequence(self.seq);
        Ok(StoredStream { id, sequence, event_count, stream: Some(stream) })
    }
}

/// Reads a stream that is about to change, together with the number of the last event in its history: its count of events must
/// be that number, or the next event would leave a hole or meet another of its number.
pub(crate) fn decode_to_change(row: &Row, last: Option<i64>) -> Result<StreamRow, StoreError> {
    let found = decode(row)?;
    if last == Some(found.stream.event_count.into()) {
        return Ok(found);
    }
    let last = last.map_or("none".to_owned(), |last| last.to_string());
    Err(Columns::of(row, "streams")
        .corrupt("events", format_args!("the last event of its history is number {last}")))
}

pub(crate) async fn find(lease: &Lease, id: &StreamId) -> Result<Option<Stream>, Fault> {
    let what = "reading a stream";
    let statement = lease.prepare_cached(FIND).await.attempt(what)?;
    let row = lease.query_opt(&statement, &[&id.to_string()]).await.attempt(what)?;
    Ok(row.map(|row| decode(&row)).transpose()?.map(|row| row.stream))
}
