//! The event log: `stream_events` in the order of its primary key.

use fluxora_store::rows::seq;
use fluxora_store::{EventFilter, EventLogPage, EventLogRange, Sequence, StoreError};
use fluxora_stream::LoggedEvent;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::events::{LOGGED, decode_logged};
use crate::faults::Attempt;

const HEAD: &str = "SELECT coalesce(max(seq), 0) FROM stream_events";
const OLDEST: &str = "SELECT coalesce(min(seq), 0) FROM stream_events";

pub(crate) fn head(connection: &Connection) -> Result<Sequence, StoreError> {
    let read = || connection.prepare_cached(HEAD)?.query_row([], |row| row.get(0));
    read().map(fluxora_store::rows::sequence).attempt("reading the head of the event log")
}

pub(crate) fn oldest(connection: &Connection) -> Result<Sequence, StoreError> {
    let read = || connection.prepare_cached(OLDEST)?.query_row([], |row| row.get(0));
    read().map(fluxora_store::rows::sequence).attempt("reading the oldest position of the event log")
}

/// Reads a page. The head is read first, and only events up to it: nothing is written before an event that is there.
pub(crate) fn after(
    connection: &Connection,
    after: Sequence,
    filter: &EventFilter,
    limit: u32,
) -> Result<EventLogPage, StoreError> {
    let what = "reading the event log";
    let head = head(connection)?;
    let range = EventLogRange::of(filter, after, head);
    let (sql, values) = select(filter, range, limit);
    let mut statement = connection.prepare_cached(&sql).attempt(what)?;
    let rows = statement.query_map(params_from_iter(values), |row| Ok(decode_logged(row))).attempt(what)?;
    let events: Vec<LoggedEvent> = rows.map(|row| row.attempt(what)?).collect::<Result<_, StoreError>>()?;
    Ok(range.page(events, limit, head))
}

/// The address that a stream had last in one of its terms. A removed stream has no row: its events name the address.
macro_rules! party {
    ($name:literal) => {
        concat!(
            "coalesce(s.",
            $name,
            ", (SELECT json_extract(p.data, '$.changes.",
            $name,
            "') FROM stream_events p WHERE p.stream = e.stream AND json_extract(p.data, '$.changes.",
            $name,
            "') IS NOT NULL ORDER BY p.number DESC LIMIT 1)) = ?"
        )
    };
}

/// The seq of a stream by its id, the removed ones among them.
const OWNER: &str =
    "(SELECT seq FROM streams WHERE id = ? UNION ALL SELECT seq FROM removed_streams WHERE id = ?)";

/// A query in the order of the log. The events of one stream are found by stream and number, which grow together with the log; the others by
/// the primary key.
pub(super) fn select(filter: &EventFilter, range: EventLogRange, limit: u32) -> (String, Vec<Value>) {
    let EventFilter { stream, sender, recipient, contract, kinds } = filter;
    let mut sql = format!("{LOGGED} WHERE e.seq > ? AND e.seq <= ?");
    let mut values = vec![Value::Integer(seq(range.after)), Value::Integer(seq(range.upto))];
    let mut require = |condition: &str, bound: &[Value]| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.extend_from_slice(bound);
    };
    if let Some(stream) = stream {
        let id = text(&stream);
        require(&format!("e.stream = {OWNER}"), &[id.clone(), id.clone()]);
        // The last event that has been read: looked for from the newest back, so that a reader near the head finds it at once.
        let read = format!(
            "e.number > coalesce((SELECT number FROM stream_events WHERE stream = {OWNER} AND seq <= ? \
             ORDER BY number DESC LIMIT 1), 0)"
        );
        require(&read, &[id.clone(), id, Value::Integer(seq(range.after))]);
    }
    if let Some(sender) = sender {
        require(party!("sender"), &[text(&sender)]);
    }
    if let Some(recipient) = recipient {
        require(party!("recipient"), &[text(&recipient)]);
    }
    if let Some(contract) = contract {
        // The id of a chain stream begins with its contract's.
        require("substr(coalesce(s.id, r.id), 1, 57) = ?", &[Value::Text(format!("{contract}-"))]);
    }
    if !kinds.is_empty() {
        let names: Vec<_> = kinds.iter().map(|kind| text(&kind.name())).collect();
        require(&format!("e.type IN ({})", vec!["?"; names.len()].join(", ")), &names);
    }
    let order = if stream.is_some() { "e.number" } else { "e.seq" };
    sql.push_str(&format!(" ORDER BY {order} LIMIT ?"));
    values.push(Value::Integer(limit.into()));
    if stream.is_none() {
        // No statistics make another index look better.
        sql = sql.replacen("FROM stream_events e ", "FROM stream_events e NOT INDEXED ", 1);
    }
    (sql, values)
}

fn text(value: &impl ToString) -> Value {
    Value::Text(value.to_string())
}
