use std::collections::HashMap;

use fluxora_store::chain::{StoredStream, StreamWrite};
use fluxora_store::copy::RemovedStream;
use fluxora_store::{Sequence, StoreError, rows};
use fluxora_stream::{Stream, StreamEvent, StreamId};
use tokio_postgres::Row;

use super::change_set::{ChainValues, ChangeSet};
use super::terms::Terms;
use crate::columns::{Columns, seq};
use crate::faults::{Attempt, Fault};
use crate::parameters::{Parameters, Values};
use crate::pipeline::PipelinedTransaction;
use crate::streams::column_lists::{
    chain_arrays, chain_columns, chain_values, common_arrays, common_columns, common_values, stream_columns,
};
use crate::streams::{EventValues, decode};

pub(crate) const READ: &str =
    concat!("SELECT ", stream_columns!(), " FROM streams WHERE id = ANY($1::text[])");
pub(crate) const REMOVED: &str = "SELECT seq, id, events FROM removed_streams WHERE id = ANY($1::text[])";
/// Written so that no other index will do: those of the chain may be few among many.
pub(crate) const AFTER: &str = concat!(
    "SELECT ",
    stream_columns!(),
    " FROM streams WHERE (origin, seq) > ('chain', $1) AND origin <= 'chain' ORDER BY origin, seq LIMIT $2"
);

/// Streams in the order of [`ChainValues`], as rows `new`.
macro_rules! from_new {
    () => {
        concat!(
            " FROM unnest(",
            common_arrays!(),
            ", ",
            chain_arrays!(),
            ", $22::bigint[]) WITH ORDINALITY AS new (",
            common_columns!(),
            ", ",
            chain_columns!(),
            ", seq, place) "
        )
    };
}
macro_rules! columns {
    () => {
        concat!(common_columns!(), ", ", chain_columns!())
    };
}
macro_rules! values {
    () => {
        concat!(common_values!(), ", ", chain_values!())
    };
}
/// The identity column numbers the rows: the last parameter is not used.
const INSERT: &str = concat!(
    "INSERT INTO streams (",
    columns!(),
    ") SELECT ",
    values!(),
    from_new!(),
    "ORDER BY place RETURNING seq, id"
);
const INSERT_AT: &str = concat!(
    "INSERT INTO streams (seq, ",
    columns!(),
    ") OVERRIDING SYSTEM VALUE SELECT new.seq, ",
    values!(),
    from_new!()
);
pub(crate) const UPDATE: &str = concat!(
    "UPDATE streams SET (",
    columns!(),
    ") = ROW (",
    values!(),
    ")",
    from_new!(),
    "WHERE streams.seq = new.seq AND streams.id = new.id"
);
/// What most events change, and nothing else.
pub(crate) const UPDATE_STATUS_ONLY: &str = "UPDATE streams SET (withdrawn, status, status_at, updated_at, events, chain) = \
         ROW (new.withdrawn::numeric, new.status, new.status_at, new.updated_at, new.events, new.chain::json) \
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::bigint[], $8::text[]) \
         AS new (seq, id, withdrawn, status, status_at, updated_at, events, chain) \
     WHERE streams.seq = new.seq AND streams.id = new.id";
pub(crate) const DELETE: &str = "DELETE FROM streams WHERE seq = ANY($1::bigint[])";
pub(crate) const DELETE_REMOVED: &str = "DELETE FROM removed_streams WHERE seq = ANY($1::bigint[])";
const INSERT_REMOVED: &str = "INSERT INTO removed_streams (seq, id, events) \
                                SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])";
/// Numbered in the order of commit: the table's trigger sees to that.
const INSERT_EVENTS: &str = "INSERT INTO stream_events (stream, number, type, occurred_at, recorded_at, data) \
                    SELECT stream, number, type, occurred_at, recorded_at, data::json \
                    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[]) \
                        WITH ORDINALITY AS event (stream, number, type, occurred_at, recorded_at, data, place) ORDER BY place";
const READING: &str = "reading chain streams";
const CHANGING: &str = "changing chain streams";

pub(crate) async fn read(
    chain: &mut PipelinedTransaction,
    ids: &[StreamId],
) -> Result<Vec<StoredStream>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    // What waits to be sent never changes streams: `write` has sent all that does.
    let [present, removed] =
        chain.query_while_sending(READING, [(READ, &[&ids]), (REMOVED, &[&ids])]).await?;
    let present: Vec<_> = present.iter().map(stored).collect::<Result<_, _>>()?;
    let terms = |stored: &StoredStream| Some((seq(stored.sequence), Terms::of(stored.stream.as_ref()?)));
    chain.terms.extend(present.iter().filter_map(terms));
    Ok(present.into_iter().map(Ok).chain(removed.iter().map(stored_removal)).collect::<Result<_, _>>()?)
}

pub(crate) async fn after(
    chain: &mut PipelinedTransaction,
    after: Option<Sequence>,
    limit: u32,
) -> Result<Vec<StoredStream>, Fault> {
    let after = after.map_or(0, seq);
    let rows = chain.query(READING, AFTER, &[&after, &i64::from(limit)]).await?;
    Ok(rows.iter().map(stored).collect::<Result<_, _>>()?)
}

fn stored(row: &Row) -> Result<StoredStream, StoreError> {
    decode(row)?.into_stored()
}

pub(crate) fn decode_removed(row: &Row) -> Result<RemovedStream, StoreError> {
    rows::removed_stream(&mut Columns::of(row, "removed_streams"))
}

/// A removed stream in the form of the others.
fn stored_removal(row: &Row) -> Result<StoredStream, StoreError> {
    let RemovedStream { sequence, id, event_count } = decode_removed(row)?;
    Ok(StoredStream { id, sequence, event_count, stream: None })
}

/// Changes the streams. The inserts of their events are queued for the commit, so that the lock that numbers events is held no longer than
/// the commit takes.
pub(crate) async fn write(
    chain: &mut PipelinedTransaction,
    streams: &[StreamWrite],
    events: &[StreamEvent],
) -> Result<(), Fault> {
    let ChangeSet { inserted, updated, status_only, restored, removed, mut places } =
        ChangeSet::of(streams, &chain.terms)?;
    if !removed.is_empty() {
        let seqs: Vec<i64> = removed.iter().map(|removed| seq(removed.sequence)).collect();
        let rows = Some(seqs.len());
        let places: Values = vec![Box::new(seqs)];
        chain.enqueue(CHANGING, DELETE, places, rows).await?;
        insert_removed(chain, &removed).await?;
    }
    if !restored.seqs.is_empty() {
        let rows = Some(restored.seqs.len());
        let places: Values = vec![Box::new(restored.seqs.clone())];
        chain.enqueue(CHANGING, DELETE_REMOVED, places, rows).await?;
        chain.enqueue(CHANGING, INSERT_AT, restored, rows).await?;
    }
    if !updated.seqs.is_empty() {
        let rows = Some(updated.seqs.len());
        chain.enqueue(CHANGING, UPDATE, updated, rows).await?;
    }
    if !status_only.seqs.is_empty() {
        let rows = Some(status_only.seqs.len());
        chain.enqueue(CHANGING, UPDATE_STATUS_ONLY, status_only, rows).await?;
    }
    // The server runs these while the events are serialized.
    chain.dispatch();
    let mut values = EventValues::default();
    events.iter().try_for_each(|event| values.push(event))?;
    if inserted.seqs.is_empty() {
        chain.send().await?;
    } else {
        for row in chain.query(CHANGING, INSERT, &inserted.parameters()).await? {
            let id: &str = row.try_get(1).attempt(CHANGING)?;
            let seq: i64 = row.try_get(0).attempt(CHANGING)?;
            places.extend(StreamId::parse(id).map(|id| (id, seq)));
        }
    }
    insert_events(chain, &places, events, values).await
}

/// Queues inserts of streams of either origin with given sequences.
pub(crate) async fn insert_at(
    chain: &mut PipelinedTransaction,
    streams: &[(Sequence, &Stream)],
) -> Result<(), Fault> {
    if streams.is_empty() {
        return Ok(());
    }
    let mut values = ChainValues::default();
    for (place, stream) in streams {
        values.push(seq(*place), stream)?;
    }
    chain.enqueue("inserting copied streams", INSERT_AT, values, Some(streams.len())).await
}

/// Queues inserts of removed streams.
pub(crate) async fn insert_removed(
    chain: &mut PipelinedTransaction,
    removed: &[RemovedStream],
) -> Result<(), Fault> {
    if removed.is_empty() {
        return Ok(());
    }
    let seqs: Vec<i64> = removed.iter().map(|removed| seq(removed.sequence)).collect();
    let ids: Vec<String> = removed.iter().map(|removed| removed.id.to_string()).collect();
    let counts: Vec<i64> = removed.iter().map(|removed| removed.event_count.into()).collect();
    let values: Values = vec![Box::new(seqs), Box::new(ids), Box::new(counts)];
    chain.enqueue("inserting removed streams", INSERT_REMOVED, values, Some(removed.len())).await
}

/// Queues inserts of events of streams at these places.
pub(crate) async fn insert_events(
    chain: &mut PipelinedTransaction,
    places: &HashMap<StreamId, i64>,
    events: &[StreamEvent],
    values: EventValues,
) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let place = |event: &StreamEvent| {
        places.get(&event.stream).copied().ok_or_else(|| StoreError::Internal {
            reason: format!("an event is emitted for stream {}, which does not change", event.stream),
            source: None,
        })
    };
    let streams: Vec<i64> = events.iter().map(place).collect::<Result<_, _>>()?;
    let EventValues { numbers, types, occurred_at, recorded_at, data } = values;
    let values: Values = vec![
        Box::new(streams),
        Box::new(numbers),
        Box::new(types),
        Box::new(occurred_at),
        Box::new(recorded_at),
        Box::new(data),
    ];
    chain.enqueue("inserting events of chain streams", INSERT_EVENTS, values, Some(events.len())).await
}
