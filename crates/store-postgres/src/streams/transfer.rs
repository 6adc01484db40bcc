//! Records at their places, for a copy from or to another backend.

mod put;

pub(crate) use put::put;

use fluxora_store::transfer::{KeptAnswer, Place, Record, Section};
use fluxora_store::{Answer, IdempotencyKey, Position, StoreError};
use fluxora_stream::StreamId;
use tokio_postgres::Row;

use super::events;
use super::row::{self, stream_columns};
use crate::columns::Columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// How a section is read: a query up to its condition, and what follows it.
struct Query {
    table: &'static str,
    select: &'static str,
    after: &'static str,
    at: &'static str,
    decode: fn(&Row) -> Result<Record, StoreError>,
}

const STREAMS: Query = Query {
    table: "streams",
    select: concat!("SELECT ", stream_columns!(), " FROM streams"),
    after: "WHERE seq > $1 ORDER BY seq LIMIT $2",
    at: "WHERE seq = ANY ($1)",
    decode: stream,
};
const EVENTS: Query = Query {
    table: "stream_events",
    select: "SELECT e.seq, e.number, e.type, e.occurred_at, e.recorded_at, e.data::text, s.id \
             FROM stream_events e JOIN streams s ON s.seq = e.stream",
    after: "WHERE e.seq > $1 ORDER BY e.seq LIMIT $2",
    at: "WHERE e.seq = ANY ($1)",
    decode: event,
};
const ANSWERS: Query = Query {
    table: "kept_answers",
    select: "SELECT scope || ' ' || key, scope, key, request, status::bigint, location, body, made_at FROM kept_answers",
    after: "WHERE (scope, key) > ($1, $2) ORDER BY scope, key LIMIT $3",
    at: "WHERE (scope, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
    decode: answer,
};

const fn query(section: Section) -> &'static Query {
    match section {
        Section::Streams => &STREAMS,
        Section::Events => &EVENTS,
        Section::Answers => &ANSWERS,
    }
}

/// The tables that a copy takes along.
#[cfg(test)]
pub(crate) fn copied_tables() -> Vec<&'static str> {
    Section::ALL.map(|section| query(section).table).to_vec()
}

pub(crate) async fn count_records(lease: &Lease, section: Section) -> Result<u64, Fault> {
    let what = "counting records";
    let sql = format!("SELECT count(*) FROM {}", query(section).table);
    let row = lease.query_one(&sql, &[]).await.attempt(what)?;
    let count: i64 = row.try_get(0).attempt(what)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(crate) async fn records(
    lease: &Lease,
    section: Section,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Record>, Fault> {
    let what = "reading records to copy";
    let Query { select, after: condition, decode, .. } = query(section);
    let statement = lease.prepare_cached(&format!("{select} {condition}")).await.attempt(what)?;
    let limit = i64::from(limit);
    let rows = match (after, section) {
        (Some(Place::Key(scope, key)), _) => lease.query(&statement, &[scope, key, &limit]).await,
        (Some(Place::Number(place)), _) => lease.query(&statement, &[&seq(*place), &limit]).await,
        (None, Section::Answers) => lease.query(&statement, &[&"", &"", &limit]).await,
        (None, Section::Streams | Section::Events) => lease.query(&statement, &[&0_i64, &limit]).await,
    };
    Ok(rows.attempt(what)?.iter().map(decode).collect::<Result<_, _>>()?)
}

/// What has these places, in no order.
async fn found(lease: &Lease, section: Section, places: &[Place]) -> Result<Vec<Record>, Fault> {
    let what = "looking up the places of records";
    let Query { select, at, decode, .. } = query(section);
    let (mut seqs, mut scopes, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for place in places {
        match place {
            Place::Number(place) => seqs.push(seq(*place)),
            Place::Key(scope, key) => {
                scopes.push(scope);
                keys.push(key);
            }
        }
    }
    let statement = lease.prepare_cached(&format!("{select} {at}")).await.attempt(what)?;
    let rows = match section {
        Section::Answers => lease.query(&statement, &[&scopes, &keys]).await,
        Section::Streams | Section::Events => lease.query(&statement, &[&seqs]).await,
    };
    Ok(rows.attempt(what)?.iter().map(decode).collect::<Result<_, _>>()?)
}

fn stream(row: &Row) -> Result<Record, StoreError> {
    let found = row::decode(row)?;
    Ok(Record::Stream(position(found.seq), found.stream))
}

fn event(row: &Row) -> Result<Record, StoreError> {
    let columns = || Columns::of(row, "stream_events");
    let seq = columns().integer("seq")?;
    let id = row.try_get("id").map_err(|error| columns().corrupt("stream", error))?;
    let id =
        StreamId::parse(id).ok_or_else(|| columns().corrupt("stream", "its stream has no readable id"))?;
    Ok(Record::Event(position(seq), events::decode(row, &id)?))
}

fn answer(row: &Row) -> Result<Record, StoreError> {
    let mut columns = Columns::of(row, "kept_answers");
    columns.text("key")?;
    let scope = columns.text("scope")?.to_owned();
    let key = columns.parsed("key", IdempotencyKey::parse)?;
    let request = columns.text("request")?.to_owned();
    let status = columns.number("status")?;
    let location = columns.text("location")?.to_owned();
    let body = columns.text("body")?.to_owned();
    let at = columns.instant("made_at")?;
    Ok(Record::Answer(KeptAnswer { scope, key, request, answer: Answer { status, location, body }, at }))
}

fn position(seq: i64) -> Position {
    Position(u64::try_from(seq).unwrap_or(0))
}

fn seq(place: Position) -> i64 {
    i64::try_from(place.0).unwrap_or(i64::MAX)
}
