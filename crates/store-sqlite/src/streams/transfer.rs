//! Records at their places, for a copy from or to another backend.

use fluxora_store::transfer::{KeptAnswer, Place, Put, Record, Section};
use fluxora_store::{Answer, IdempotencyKey, Position, StoreError};
use fluxora_stream::{Stream, StreamEvent, StreamId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::events;
use super::row::{self, stream_columns};
use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// How a section is read: a query up to its condition, and what follows it.
struct Query {
    table: &'static str,
    select: &'static str,
    after: &'static str,
    at: &'static str,
    decode: fn(&Row<'_>) -> Result<Record, StoreError>,
}

const STREAMS: Query = Query {
    table: "streams",
    select: concat!("SELECT ", stream_columns!(), " FROM streams"),
    after: "WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    at: "WHERE seq = ?1",
    decode: stream,
};
const EVENTS: Query = Query {
    table: "stream_events",
    select: "SELECT e.seq, e.number, e.type, e.occurred_at, e.recorded_at, e.data, s.id \
             FROM stream_events e JOIN streams s ON s.seq = e.stream",
    after: "WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2",
    at: "WHERE e.seq = ?1",
    decode: event,
};
const ANSWERS: Query = Query {
    table: "kept_answers",
    select: "SELECT scope || ' ' || key, scope, key, request, status, location, body, made_at FROM kept_answers",
    after: "WHERE (scope, key) > (?1, ?2) ORDER BY scope, key LIMIT ?3",
    at: "WHERE scope = ?1 AND key = ?2",
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

pub(crate) fn count_records(connection: &Connection, section: Section) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM {}", query(section).table);
    connection.query_row(&sql, [], |row| row.get(0)).attempt("counting records")
}

pub(crate) fn records(
    connection: &Connection,
    section: Section,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Record>, StoreError> {
    let Query { select, after: condition, decode, .. } = query(section);
    let mut values = match (after, section) {
        (Some(place), _) => key(place),
        (None, Section::Streams | Section::Events) => key(&Place::Number(Position(0))),
        (None, Section::Answers) => key(&Place::Key(String::new(), String::new())),
    };
    values.push(Value::Integer(limit.into()));
    let what = "reading records to copy";
    let mut statement = connection.prepare_cached(&format!("{select} {condition}")).attempt(what)?;
    let rows = statement.query_map(params_from_iter(values), |row| Ok(decode(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

/// Everything is checked before anything is written: a unit that answers is committed.
pub(crate) fn put(connection: &Connection, records: &[Record]) -> Result<Put, StoreError> {
    let mut missing = Vec::with_capacity(records.len());
    for record in records {
        match found(connection, record)? {
            Some(there) if there.canonical() == record.canonical() => continue,
            Some(_) => return Ok(Put::Taken(record.place())),
            None => {}
        }
        let owner = match record {
            Record::Event(_, event) => seq_of(connection, &event.stream)?,
            Record::Stream(..) | Record::Answer(_) => Some(0),
        };
        let Some(owner) = owner else { return Ok(Put::Orphan(record.place())) };
        missing.push((record, owner));
    }
    for (record, owner) in missing {
        match record {
            Record::Stream(place, stream) => put_stream(connection, *place, stream)?,
            Record::Event(place, event) => put_event(connection, *place, owner, event)?,
            Record::Answer(kept) => put_answer(connection, kept)?,
        }
    }
    Ok(Put::Done)
}

/// What has the place of a record.
fn found(connection: &Connection, record: &Record) -> Result<Option<Record>, StoreError> {
    let Query { select, at, decode, .. } = query(record.section());
    let what = "looking up a record's place";
    let mut statement = connection.prepare_cached(&format!("{select} {at}")).attempt(what)?;
    let row = statement.query_row(params_from_iter(key(&record.place())), |row| Ok(decode(row)));
    row.optional().attempt(what)?.transpose()
}

fn seq_of(connection: &Connection, id: &StreamId) -> Result<Option<i64>, StoreError> {
    let find = || {
        let mut statement = connection.prepare_cached(events::SEQ_OF)?;
        statement.query_row([id.to_string()], |row| row.get(0)).optional()
    };
    find().attempt("looking up the stream of an event")
}

fn put_stream(connection: &Connection, place: Position, stream: &Stream) -> Result<(), StoreError> {
    row::insert_row(connection, Some(columns::count(place.0)), stream).map(drop)
}

fn put_event(
    connection: &Connection,
    place: Position,
    owner: i64,
    event: &StreamEvent,
) -> Result<(), StoreError> {
    events::insert(connection, owner, event)?;
    // Most are at their places already: numbering goes on by one.
    let (place, seq) = (columns::count(place.0), connection.last_insert_rowid());
    if place == seq {
        return Ok(());
    }
    let sql = "UPDATE stream_events SET seq = ?1 WHERE seq = ?2";
    let write = || connection.prepare_cached(sql)?.execute(params![place, seq]);
    write().map(drop).attempt("putting an event at its place")
}

fn put_answer(connection: &Connection, kept: &KeptAnswer) -> Result<(), StoreError> {
    let sql = "INSERT INTO kept_answers (scope, key, request, status, location, body, made_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let KeptAnswer { scope, key, request, answer: Answer { status, location, body }, at } = kept;
    let at = columns::instant(*at);
    let write = || {
        let values = params![scope, key.as_str(), request, status, location, body, at];
        connection.prepare_cached(sql)?.execute(values)
    };
    write().map(drop).attempt("putting a kept answer")
}

fn key(place: &Place) -> Vec<Value> {
    match place {
        Place::Number(Position(number)) => vec![Value::Integer(columns::count(*number))],
        Place::Key(scope, key) => vec![Value::Text(scope.clone()), Value::Text(key.clone())],
    }
}

fn stream(row: &Row<'_>) -> Result<Record, StoreError> {
    let found = row::decode(row)?;
    Ok(Record::Stream(position(found.seq), found.stream))
}

fn event(row: &Row<'_>) -> Result<Record, StoreError> {
    let seq = Columns::of(row, "stream_events").integer("seq")?;
    let id: String = row.get("id").attempt("reading the stream of an event")?;
    let id = StreamId::parse(&id).ok_or_else(|| {
        Columns::of(row, "stream_events").corrupt("stream", "its stream has no readable id")
    })?;
    Ok(Record::Event(position(seq), events::decode(row, &id)?))
}

fn answer(row: &Row<'_>) -> Result<Record, StoreError> {
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
