//! Reads and writes records by their keys, for a copy from or to another backend.

mod chain;
mod keys;
mod section;
mod streams;
mod webhooks;

use fluxora_store::StoreError;
use fluxora_store::chain::EventCursor;
use fluxora_store::copy::{Put, Record, RecordKey, Section};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use section::SectionQuery;

use crate::audit::{self, audit_columns};
use crate::chain::{drifts, events, evidence};
use crate::columns;
use crate::faults::Attempt;
use crate::streams::idempotency;
use crate::webhooks::save_cursor;

const AUDIT: SectionQuery = SectionQuery {
    table: "audit_log",
    select: concat!("SELECT ", audit_columns!(), " FROM audit_log"),
    holds: "true",
    after: "seq > ?1 ORDER BY seq LIMIT ?2",
    at: "seq = ?1",
    decode: |row| audit::decode(row).map(|row| Record::Audit(Box::new(row))),
};

const fn query(section: Section) -> &'static SectionQuery {
    match section {
        Section::Streams => &streams::STREAMS,
        Section::Removed => &chain::REMOVED,
        Section::Events => &streams::EVENTS,
        Section::IdempotencyRecords => &streams::IDEMPOTENCY_RECORDS,
        Section::Ledgers => &chain::LEDGERS,
        Section::ContractEvents => &chain::CONTRACT_EVENTS,
        Section::LedgerProofs => &chain::LEDGER_PROOFS,
        Section::Coverage => &chain::COVERAGE,
        Section::RepeatedEvents => &chain::REPEATED_EVENTS,
        Section::Reorgs => &chain::REORGS,
        Section::ChainState => &chain::STATE,
        Section::WebhookEndpoints => &webhooks::ENDPOINTS,
        Section::WebhookDeliveries => &webhooks::DELIVERIES,
        Section::WebhookAttempts => &webhooks::ATTEMPTS,
        Section::WebhookReplays => &webhooks::REPLAYS,
        Section::WebhookFanOut => &webhooks::FAN_OUT,
        Section::Audit => &AUDIT,
        Section::ApiKeys => &keys::KEYS,
        Section::StreamOwners => &keys::STREAM_OWNERS,
        Section::StreamDrifts => &chain::DRIFTS,
    }
}

/// The tables that a copy takes along.
#[cfg(test)]
pub(crate) fn copied_tables() -> Vec<&'static str> {
    Section::ALL.map(|section| query(section).table).to_vec()
}

pub(crate) fn count(connection: &Connection, section: Section) -> Result<u64, StoreError> {
    let SectionQuery { table, holds, .. } = query(section);
    let sql = format!("SELECT count(*) FROM {table} WHERE {holds}");
    connection.query_row(&sql, [], |row| row.get(0)).attempt("counting records")
}

pub(crate) fn records(
    connection: &Connection,
    section: Section,
    after: Option<&RecordKey>,
    limit: u32,
) -> Result<Vec<Record>, StoreError> {
    let SectionQuery { select, holds, after: condition, decode, .. } = query(section);
    let mut values = after.map_or_else(|| before_the_first(section), key);
    values.push(Value::Integer(limit.into()));
    let what = "reading records to copy";
    let sql = format!("{select} WHERE {holds} AND {condition}");
    let mut statement = connection.prepare_cached(&sql).attempt(what)?;
    let rows = statement.query_map(params_from_iter(values), |row| Ok(decode(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

/// Everything is checked before anything is written: a unit that answers is committed.
pub(crate) fn put(connection: &Connection, records: &[Record]) -> Result<Put, StoreError> {
    let mut missing = Vec::with_capacity(records.len());
    for record in records {
        match found(connection, record)? {
            Some(there) if there.canonical()? == record.canonical()? => continue,
            Some(there) => return Ok(Put::Taken(there.key())),
            None => {}
        }
        let owner = match record {
            Record::Event(_, event) => streams::owner(connection, &event.stream)?,
            _ => Some(0),
        };
        let Some(owner) = owner else { return Ok(Put::Orphan(record.key())) };
        missing.push((record, owner));
    }
    for (record, owner) in missing {
        match record {
            Record::Stream(place, stream) => streams::put_stream(connection, *place, stream)?,
            Record::Removed(removed) => chain::put_removed(connection, removed)?,
            Record::Event(place, event) => streams::put_event(connection, *place, owner, event)?,
            Record::Idempotency(record) => idempotency::put(connection, record)?,
            Record::Ledger(ledger) => chain::put_ledger(connection, ledger)?,
            Record::ContractEvent(arrival, stored) => chain::put_event(connection, *arrival, stored)?,
            Record::LedgerProof(proof) => evidence::write_proofs(connection, std::slice::from_ref(proof))?,
            Record::Coverage(coverage) => {
                evidence::write_coverage(connection, std::slice::from_ref(coverage))?;
            }
            Record::RepeatedEvent(repeated) => events::put_repeated(connection, repeated)?,
            Record::Reorg(reorg) => chain::put_reorg(connection, reorg)?,
            Record::ChainState(state, last) => chain::put_state(connection, state, *last)?,
            Record::WebhookEndpoint(stored, deleted_at) => {
                webhooks::put_endpoint(connection, stored, *deleted_at)?;
            }
            Record::WebhookDelivery(stored) => webhooks::put_delivery(connection, stored)?,
            Record::WebhookAttempt(attempt) => webhooks::put_attempt(connection, attempt)?,
            Record::WebhookReplay(sequence, replay) => webhooks::put_replay(connection, *sequence, replay)?,
            Record::WebhookFanOut(cursor) => save_cursor(connection, *cursor)?,
            Record::Audit(row) => audit::insert(connection, row)?,
            Record::ApiKey(stored) => {
                crate::keys::insert(connection, Some(stored.sequence), &stored.key, &stored.hash)
                    .map(drop)?;
            }
            Record::StreamOwner(stream, owner) => {
                crate::keys::put_stream_owner(connection, &stream.to_string(), owner)?;
            }
            Record::StreamDrift(drift) => drifts::record(connection, std::slice::from_ref(drift))?,
        }
    }
    Ok(Put::Done)
}

/// The stored record with the key of this one.
fn found(connection: &Connection, record: &Record) -> Result<Option<Record>, StoreError> {
    let SectionQuery { select, holds, at, decode, .. } = query(record.section());
    let what = "looking up a record";
    let sql = format!("{select} WHERE {holds} AND {at}");
    let mut statement = connection.prepare_cached(&sql).attempt(what)?;
    let row = statement.query_row(params_from_iter(key(&record.key())), |row| Ok(decode(row)));
    row.optional().attempt(what)?.transpose()
}

fn key(place: &RecordKey) -> Vec<Value> {
    match place {
        RecordKey::Number(sequence) => vec![Value::Integer(columns::seq(*sequence))],
        RecordKey::Key(scope, key) => vec![Value::Text(scope.clone()), Value::Text(key.clone())],
        RecordKey::OnChain(cursor) => event_key(Some(cursor)),
    }
}

fn before_the_first(section: Section) -> Vec<Value> {
    match section {
        Section::IdempotencyRecords | Section::Coverage | Section::StreamOwners | Section::StreamDrifts => {
            key(&RecordKey::Key(String::new(), String::new()))
        }
        Section::ContractEvents => event_key(None),
        // There is a ledger 0.
        _ => vec![Value::Integer(-1)],
    }
}

fn event_key(cursor: Option<&EventCursor>) -> Vec<Value> {
    let (ledger, [transaction, operation, event], id) = crate::chain::place_of(cursor);
    let numbers = [ledger, transaction, operation, event].map(Value::Integer);
    numbers.into_iter().chain([Value::Text(id.to_owned())]).collect()
}
