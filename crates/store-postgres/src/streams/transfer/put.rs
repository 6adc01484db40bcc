use std::collections::HashMap;

use fluxora_store::Position;
use fluxora_store::transfer::{KeptAnswer, Place, Put, Record, Section};
use fluxora_stream::{Stream, StreamEvent};
use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use super::{found, seq};
use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;
use crate::streams::change::leave;
use crate::streams::events::EventValues;

const STREAMS: &str = "INSERT INTO streams (seq, id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, \
        withdrawn, status, status_at, created_at, updated_at, events) OVERRIDING SYSTEM VALUE \
    SELECT seq, id, origin, sender, recipient, deposit::numeric, rate::numeric, start_time::numeric, cliff_time::numeric, \
        end_time::numeric, withdrawn::numeric, status, status_at, created_at, updated_at, events \
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], \
        $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::bigint[]) \
        AS new (seq, id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, \
            withdrawn, status, status_at, created_at, updated_at, events)";

const EVENTS: &str = "INSERT INTO stream_events (seq, stream, number, type, occurred_at, recorded_at, data) OVERRIDING SYSTEM VALUE \
    SELECT seq, stream, number, type, occurred_at, recorded_at, data::jsonb \
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[]) \
        AS new (seq, stream, number, type, occurred_at, recorded_at, data)";

const ANSWERS: &str = "INSERT INTO kept_answers (scope, key, request, status, location, body, made_at) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[])";

const OWNERS: &str = "SELECT id, seq FROM streams WHERE id = ANY ($1)";

/// Numbering goes on after the last place that was put. It is never set back, and that it is not undone with its transaction does no
/// harm: it leaves a gap.
const GO_ON: &str = "SELECT setval(sequence, greatest($2, coalesce(pg_sequence_last_value(sequence), 0))) \
    FROM (SELECT pg_get_serial_sequence($1, 'seq')::regclass AS sequence) AS numbering";

/// One transaction.
pub(crate) async fn put(lease: &Lease, records: &[Record]) -> Result<Put, Fault> {
    lease.batch_execute("BEGIN").await.attempt("beginning to put records")?;
    let put = write(lease, records).await?;
    match put {
        Put::Done => lease.batch_execute("COMMIT").await.attempt("committing records")?,
        Put::Taken(_) | Put::Orphan(_) => leave(lease).await?,
    }
    Ok(put)
}

async fn write(lease: &Lease, records: &[Record]) -> Result<Put, Fault> {
    let missing = match missing(lease, records).await? {
        Ok(missing) => missing,
        Err(taken) => return Ok(Put::Taken(taken)),
    };
    let (mut streams, mut events, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for record in missing {
        match record {
            Record::Stream(place, stream) => streams.push((*place, stream)),
            Record::Event(place, event) => events.push((*place, event)),
            Record::Answer(kept) => answers.push(kept),
        }
    }
    put_streams(lease, &streams).await?;
    if let Some(orphan) = put_events(lease, &events).await? {
        return Ok(Put::Orphan(Place::Number(orphan)));
    }
    put_answers(lease, &answers).await?;
    Ok(Put::Done)
}

/// The records whose places are free, or the first place that another record has.
async fn missing<'r>(lease: &Lease, records: &'r [Record]) -> Result<Result<Vec<&'r Record>, Place>, Fault> {
    let mut there = HashMap::new();
    for section in Section::ALL {
        let of_section = records.iter().filter(|record| record.section() == section);
        let places: Vec<_> = of_section.map(Record::place).collect();
        if !places.is_empty() {
            let found = found(lease, section, &places).await?;
            there.extend(found.iter().map(|record| ((section, record.place()), record.canonical())));
        }
    }
    let mut missing = Vec::with_capacity(records.len());
    for record in records {
        let place = record.place();
        match there.get(&(record.section(), place.clone())) {
            Some(found) if *found == record.canonical() => {}
            Some(_) => return Ok(Err(place)),
            None => missing.push(record),
        }
    }
    Ok(Ok(missing))
}

async fn put_streams(lease: &Lease, streams: &[(Position, &Stream)]) -> Result<(), Fault> {
    let Some(last) = streams.iter().map(|(place, _)| seq(*place)).max() else { return Ok(()) };
    let places: Vec<_> = streams.iter().map(|(place, _)| seq(*place)).collect();
    let text = |of: fn(&Stream) -> String| streams.iter().map(|(_, stream)| of(stream)).collect::<Vec<_>>();
    let instant = |of: fn(&Stream) -> Timestamp| {
        streams.iter().map(|(_, stream)| columns::instant(of(stream))).collect::<Vec<_>>()
    };
    let since = streams.iter().map(|(_, stream)| stream.status.since().map(columns::instant));
    let counts: Vec<_> = streams.iter().map(|(_, stream)| i64::from(stream.events)).collect();
    let values: [&(dyn ToSql + Sync); 16] = [
        &places,
        &text(|stream| stream.id.to_string()),
        &text(|stream| stream.origin().as_str().to_owned()),
        &text(|stream| stream.sender.to_string()),
        &text(|stream| stream.recipient.to_string()),
        &text(|stream| stream.schedule.deposit.to_string()),
        &text(|stream| stream.schedule.rate.to_string()),
        &text(|stream| columns::time(stream.schedule.start)),
        &text(|stream| columns::time(stream.schedule.cliff)),
        &text(|stream| columns::time(stream.schedule.end)),
        &text(|stream| stream.withdrawn.to_string()),
        &text(|stream| stream.status.name().as_str().to_owned()),
        &since.collect::<Vec<_>>(),
        &instant(|stream| stream.created_at),
        &instant(|stream| stream.updated_at),
        &counts,
    ];
    insert(lease, STREAMS, &values, "putting streams").await?;
    go_on_after(lease, "streams", last).await
}

/// Answers the place of an event whose stream is not there; then something may have been written.
async fn put_events(lease: &Lease, events: &[(Position, &StreamEvent)]) -> Result<Option<Position>, Fault> {
    let Some(last) = events.iter().map(|(place, _)| seq(*place)).max() else { return Ok(None) };
    let owners = owners(lease, events).await?;
    let (mut places, mut streams, mut values) = (Vec::new(), Vec::new(), EventValues::default());
    for (place, event) in events {
        let Some(owner) = owners.get(&event.stream.to_string()) else { return Ok(Some(*place)) };
        places.push(seq(*place));
        streams.push(*owner);
        values.push(event)?;
    }
    let EventValues { numbers, types, occurred_at, recorded_at, data } = &values;
    let values: [&(dyn ToSql + Sync); 7] =
        [&places, &streams, numbers, types, occurred_at, recorded_at, data];
    insert(lease, EVENTS, &values, "putting events").await?;
    go_on_after(lease, "stream_events", last).await?;
    Ok(None)
}

/// The rows of the streams of these events, by their ids.
async fn owners(lease: &Lease, events: &[(Position, &StreamEvent)]) -> Result<HashMap<String, i64>, Fault> {
    let what = "looking up the streams of events";
    let ids: Vec<_> = events.iter().map(|(_, event)| event.stream.to_string()).collect();
    let statement = lease.prepare_cached(OWNERS).await.attempt(what)?;
    let rows = lease.query(&statement, &[&ids]).await.attempt(what)?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, _>>().attempt(what)
}

async fn put_answers(lease: &Lease, answers: &[&KeptAnswer]) -> Result<(), Fault> {
    if answers.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&KeptAnswer) -> &str| answers.iter().map(|kept| of(kept)).collect::<Vec<_>>();
    let status: Vec<_> = answers.iter().map(|kept| i32::from(kept.answer.status)).collect();
    let made_at: Vec<_> = answers.iter().map(|kept| columns::instant(kept.at)).collect();
    let values: [&(dyn ToSql + Sync); 7] = [
        &text(|kept| &kept.scope),
        &text(|kept| kept.key.as_str()),
        &text(|kept| &kept.request),
        &status,
        &text(|kept| &kept.answer.location),
        &text(|kept| &kept.answer.body),
        &made_at,
    ];
    insert(lease, ANSWERS, &values, "putting kept answers").await
}

async fn insert(lease: &Lease, sql: &str, values: &[&(dyn ToSql + Sync)], what: &str) -> Result<(), Fault> {
    let statement = lease.prepare_cached(sql).await.attempt(what)?;
    lease.execute(&statement, values).await.map(drop).attempt(what)
}

async fn go_on_after(lease: &Lease, table: &str, last: i64) -> Result<(), Fault> {
    let what = "numbering on after what was put";
    let statement = lease.prepare_cached(GO_ON).await.attempt(what)?;
    lease.execute(&statement, &[&table, &last]).await.map(drop).attempt(what)
}
