//! Streams, their events and idempotency records as records of a copy.

use std::collections::HashMap;

use fluxora_store::copy::Record;
use fluxora_store::{IdempotencyRecord, Sequence};
use fluxora_stream::{LoggedEvent, StreamEvent};
use jiff::Timestamp;

use super::section::{SectionQuery, continue_numbering_after};
use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;
use crate::streams::column_lists::stream_columns;
use crate::streams::events::{self, EventValues, logged_columns, logged_tables};
use crate::streams::idempotency::{self, record_columns};
use crate::streams::row;

pub(crate) const STREAMS: SectionQuery = SectionQuery {
    table: "streams",
    select: concat!("SELECT ", stream_columns!(), " FROM streams"),
    holds: "true",
    after: "seq > $1 ORDER BY seq LIMIT $2",
    at: "seq = ANY ($1)",
    decode: |row| row::decode(row).map(|row| Record::Stream(row.sequence, row.stream)),
};
pub(crate) const EVENTS: SectionQuery = SectionQuery {
    table: "stream_events",
    select: concat!("SELECT ", logged_columns!(), " FROM ", logged_tables!()),
    holds: "true",
    after: "e.seq > $1 ORDER BY e.seq LIMIT $2",
    at: "e.seq = ANY ($1)",
    decode: |row| {
        events::decode_logged(row).map(|LoggedEvent { sequence, event }| Record::Event(sequence, event))
    },
};
pub(crate) const IDEMPOTENCY_RECORDS: SectionQuery = SectionQuery {
    table: "idempotency_records",
    select: concat!("SELECT ", record_columns!(), " FROM idempotency_records"),
    holds: "true",
    after: "(scope, key) > ($1, $2) ORDER BY scope, key LIMIT $3",
    at: "(scope, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
    decode: |row| idempotency::decode(row).map(Record::Idempotency),
};

const PUT_EVENTS: &str = "INSERT INTO stream_events (seq, stream, number, type, occurred_at, recorded_at, data) OVERRIDING SYSTEM VALUE \
    SELECT seq, stream, number, type, occurred_at, recorded_at, data::json \
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[]) \
        AS new (seq, stream, number, type, occurred_at, recorded_at, data)";

const PUT_IDEMPOTENCY_RECORDS: &str = "INSERT INTO idempotency_records (scope, key, request, response, made_at) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::timestamptz[])";

const OWNERS: &str = "SELECT id, seq FROM streams WHERE id = ANY ($1) \
                      UNION ALL SELECT id, seq FROM removed_streams WHERE id = ANY ($1)";

/// Queues inserts of events. Returns the sequence of an event whose stream is not stored, if there is one.
pub(crate) async fn put_events(
    transaction: &mut PipelinedTransaction,
    events: &[(Sequence, &StreamEvent)],
) -> Result<Option<Sequence>, Fault> {
    if events.is_empty() {
        return Ok(None);
    }
    let owners = owners(transaction, events).await?;
    let (mut sequences, mut streams, mut values) = (Vec::new(), Vec::new(), EventValues::default());
    for (place, event) in events {
        let Some(owner) = owners.get(&event.stream.to_string()) else { return Ok(Some(*place)) };
        sequences.push(columns::seq(*place));
        streams.push(*owner);
        values.push(event)?;
    }
    let EventValues { numbers, types, occurred_at, recorded_at, data } = values;
    let values: Values = vec![
        Box::new(sequences),
        Box::new(streams),
        Box::new(numbers),
        Box::new(types),
        Box::new(occurred_at),
        Box::new(recorded_at),
        Box::new(data),
    ];
    transaction.enqueue("inserting copied events", PUT_EVENTS, values, Some(events.len())).await?;
    continue_numbering_after(transaction, "stream_events", events.iter().map(|(place, _)| *place).max())
        .await?;
    Ok(None)
}

/// The rows of the streams of these events, be they there or removed, by their ids.
async fn owners(
    transaction: &mut PipelinedTransaction,
    events: &[(Sequence, &StreamEvent)],
) -> Result<HashMap<String, i64>, Fault> {
    let what = "looking up the streams of events";
    let ids: Vec<_> = events.iter().map(|(_, event)| event.stream.to_string()).collect();
    let rows = transaction.query(what, OWNERS, &[&ids]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, _>>().attempt(what)
}

pub(crate) async fn put_idempotency_records(
    transaction: &mut PipelinedTransaction,
    records: &[&IdempotencyRecord],
) -> Result<(), Fault> {
    if records.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&IdempotencyRecord) -> &str| -> Box<Vec<String>> {
        Box::new(records.iter().map(|record| of(record).to_owned()).collect())
    };
    let responses: Vec<Vec<u8>> = records.iter().map(|record| record.response.clone()).collect();
    let made_at: Vec<Timestamp> = records.iter().map(|record| columns::instant(record.at)).collect();
    let values: Values = vec![
        text(|record| &record.scope),
        text(|record| record.key.as_str()),
        text(|record| &record.request),
        Box::new(responses),
        Box::new(made_at),
    ];
    let what = "writing copied idempotency records";
    transaction.enqueue(what, PUT_IDEMPOTENCY_RECORDS, values, Some(records.len())).await
}
