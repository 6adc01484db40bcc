use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use fluxora_indexer::{ChainPosition, ContractEvent, Opaque};
use fluxora_store::chain::{EventCursor, Mention, RepeatedEvent, StoredEvent};
use fluxora_store::rows::{self, ReadColumns};
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::StreamId;
use rusqlite::types::Value;
use rusqlite::{Connection, Params, Row, params};

use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// The columns that [`decode`] reads, in its order.
macro_rules! event_columns {
    () => {
        event_columns!("e.payload")
    };
    ($payload:literal) => {
        concat!(
            "e.id, e.ledger, e.tx_index, e.operation_index, e.event_index, e.contract_id, e.topic, e.tx_hash, e.happened_at, ",
            $payload,
            ", e.invocation, e.class, e.stream, e.other"
        )
    };
}
pub(crate) use event_columns;

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", event_columns!(), " FROM contract_events e ", $rest)
    };
}

const BY_ID: &str = select!("WHERE e.id = ?1");
const AT: &str = select!(
    "INDEXED BY contract_events_in_order \
     WHERE e.ledger = ?1 AND e.tx_index = ?2 AND e.operation_index = ?3 AND e.event_index = ?4"
);
const POSITIONS_BETWEEN: &str = "SELECT id, ledger, tx_index, operation_index, event_index \
                                 FROM contract_events INDEXED BY contract_events_in_order \
                                 WHERE ledger >= ?1 AND ledger <= ?2 LIMIT ?3";
const REPEATED: &str = concat!(
    "SELECT e.number, e.kept, ",
    event_columns!(),
    " FROM repeated_contract_events e ORDER BY e.number"
);
const IDS_BETWEEN: &str = "SELECT id FROM contract_events WHERE id >= ?1 AND id <= ?2 LIMIT ?3";
const BETWEEN: &str = select!(
    "INDEXED BY contract_events_in_order WHERE e.ledger > ?1 AND e.ledger <= ?2 \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id"
);
const OF_TRANSACTION: &str =
    select!("INDEXED BY contract_events_in_order WHERE e.ledger = ?1 AND e.tx_index = ?2");
const AFTER: &str = select!(
    "INDEXED BY contract_events_in_order WHERE e.ledger >= ?1 AND e.ledger <= ?2 \
     AND (e.ledger, e.tx_index, e.operation_index, e.event_index, e.id) > (?1, ?3, ?4, ?5, ?6) \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id LIMIT ?7"
);
/// The streams that began from a stream by an event of these ledgers.
const DEPENDENTS: &str = "SELECT id, stream FROM contract_events INDEXED BY contract_events_by_other \
                          WHERE other = ?1 AND contract_id = ?2 AND ledger >= ?3 AND ledger <= ?4";
/// The events of which a stream is the first stream, and those of which it is the second.
const MENTIONS: &str = "SELECT id, ledger, tx_index, contract_id, stream, other \
                        FROM contract_events INDEXED BY contract_events_by_stream \
                        WHERE stream = ?1 AND contract_id = ?2 AND ledger <= ?3 \
                        UNION ALL \
                        SELECT id, ledger, tx_index, contract_id, stream, other \
                        FROM contract_events INDEXED BY contract_events_by_other \
                        WHERE other = ?1 AND contract_id = ?2 AND ledger <= ?3";
/// The last number in the order of arrival. It is never given again.
const LAST_ARRIVAL: &str =
    "SELECT max(coalesce((SELECT max(seq) FROM contract_events), 0), last_arrival) FROM chain_state";
const KEEP_LAST_ARRIVAL: &str = "UPDATE chain_state SET last_arrival = max(last_arrival, coalesce((SELECT max(seq) FROM contract_events), 0))";
const INSERT: &str = "INSERT INTO contract_events (seq, id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, \
                      happened_at, payload, invocation, class, stream, other) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
const PUT_REPEATED: &str = "INSERT INTO repeated_contract_events (number, kept, id, ledger, tx_index, operation_index, event_index, \
                            contract_id, topic, tx_hash, happened_at, payload, invocation, class, stream, other) \
                            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
const RECLASSIFY: &str = "UPDATE contract_events SET class = ?2, stream = ?3, other = ?4 WHERE id = ?1";
const WRITE_INVOCATION: &str = "UPDATE contract_events SET invocation = ?1 \
                                WHERE ledger = ?2 AND tx_index = ?3 AND operation_index = ?4 AND event_index = ?5";
/// The rows that [`REMOVE`] removes, without their payloads, which no step reads: a rewind may remove every row.
const REMOVED: &str = concat!(
    "SELECT ",
    event_columns!("''"),
    " FROM contract_events e INDEXED BY contract_events_in_order WHERE e.ledger >= ?1 AND e.ledger <= ?2"
);
const REMOVE: &str = "DELETE FROM contract_events WHERE ledger >= ?1 AND ledger <= ?2";
const REMOVE_REPEATED: &str = "DELETE FROM repeated_contract_events WHERE ledger >= ?1 AND ledger <= ?2";
const READING: &str = "reading contract events";

/// Reads the events with these ids or at these positions, each once.
pub(crate) fn known(
    connection: &Connection,
    events: &[ContractEvent],
) -> Result<Vec<ContractEvent>, StoreError> {
    let ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
    let mut found = by_id(connection, &ids)?;
    let read: HashSet<_> = found.iter().map(|event| event.position).collect();
    let positions: Vec<_> =
        events.iter().map(|event| event.position).filter(|position| !read.contains(position)).collect();
    let mut at = HashMap::new();
    for position in perhaps_taken(connection, &positions)? {
        let ChainPosition { ledger, transaction, operation, event } = position;
        let taken = select(connection, AT, params![ledger, transaction, operation, event])?;
        at.extend(taken.into_iter().map(|stored| (position, stored.event)));
    }
    found.extend(at.into_values());
    Ok(found)
}

/// The positions that may be taken. One range query over the ledgers of a batch, which lie together, finds those that
/// are. Where more events lie in these ledgers than the batch has, every position has to be looked up.
fn perhaps_taken(
    connection: &Connection,
    positions: &[ChainPosition],
) -> Result<Vec<ChainPosition>, StoreError> {
    let ledgers = positions.iter().map(|position| position.ledger);
    let (Some(least), Some(greatest)) = (ledgers.clone().min(), ledgers.max()) else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(POSITIONS_BETWEEN).attempt(READING)?;
    let one_more = columns::count(positions.len()).saturating_add(1);
    let mut rows = statement.query(params![least, greatest, one_more]).attempt(READING)?;
    let mut taken = HashSet::new();
    while let Some(row) = rows.next().attempt(READING)? {
        let mut columns = Columns::of(row, "contract_events");
        columns.skip();
        taken.insert(ChainPosition {
            ledger: columns.number("ledger")?,
            transaction: columns.number("tx_index")?,
            operation: columns.number("operation_index")?,
            event: columns.number("event_index")?,
        });
    }
    let is_complete = taken.len() <= positions.len();
    let mut perhaps = positions.to_vec();
    perhaps.retain(|position| !is_complete || taken.contains(position));
    Ok(perhaps)
}

pub(crate) fn repeated(connection: &Connection) -> Result<Vec<RepeatedEvent>, StoreError> {
    let what = "reading repeated contract events";
    let mut statement = connection.prepare_cached(REPEATED).attempt(what)?;
    let rows = statement.query_map([], |row| Ok(decode_repeated(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

pub(crate) fn decode_repeated(row: &Row<'_>) -> Result<RepeatedEvent, StoreError> {
    rows::repeated_event(&mut Columns::of(row, "repeated_contract_events"))
}

pub(crate) fn put_repeated(connection: &Connection, repeated: &RepeatedEvent) -> Result<(), StoreError> {
    let what = "putting a repeated contract event";
    let RepeatedEvent { number, kept, stored: StoredEvent { event, class, subjects } } = repeated;
    let mut statement = connection.prepare_cached(PUT_REPEATED).attempt(what)?;
    let written = statement.execute(params![
        columns::count(*number),
        kept.as_str(),
        event.id.as_str(),
        event.position.ledger,
        event.position.transaction,
        event.position.operation,
        event.position.event,
        event.contract.as_str(),
        event.topic.as_str(),
        event.tx_hash.as_str(),
        columns::instant(event.happened_at),
        event.payload,
        invocation(event),
        class.as_str(),
        subjects.stream.and_then(number_of),
        subjects.other.and_then(number_of),
    ]);
    written.map(drop).attempt(what)
}

fn by_id(connection: &Connection, ids: &[Opaque]) -> Result<Vec<ContractEvent>, StoreError> {
    let mut found = Vec::new();
    let mut statement = connection.prepare_cached(BY_ID).attempt(READING)?;
    for id in perhaps_stored(connection, ids)? {
        let mut rows = statement.query([id.as_str()]).attempt(READING)?;
        if let Some(row) = rows.next().attempt(READING)? {
            found.push(decode(row)?.event);
        }
    }
    Ok(found)
}

/// Those of the ids that are worth looking up. Ids are mostly in the order of the chain, and those of a batch lie together: one look at
/// read of the ids stored between the least and the greatest of them then answers for all. If more ids lie there than are asked
/// for, the read answers for none.
fn perhaps_stored<'i>(connection: &Connection, ids: &'i [Opaque]) -> Result<Vec<&'i Opaque>, StoreError> {
    let (Some(least), Some(greatest)) = (ids.iter().min(), ids.iter().max()) else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(IDS_BETWEEN).attempt(READING)?;
    let between = params![least.as_str(), greatest.as_str(), columns::count(ids.len()).saturating_add(1)];
    let between = statement.query_map(between, |row| row.get::<_, String>(0)).attempt(READING)?;
    let between: HashSet<String> = between.collect::<Result<_, _>>().attempt(READING)?;
    let complete = between.len() <= ids.len();
    Ok(ids.iter().filter(|id| !complete || between.contains(id.as_str())).collect())
}

pub(crate) fn insert(connection: &Connection, events: &[StoredEvent]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let last = || connection.prepare_cached(LAST_ARRIVAL)?.query_row([], |row| row.get(0));
    let last: i64 = last().attempt("reading the last arrival")?;
    insert_at(connection, (last.saturating_add(1)..).zip(events))
}

/// Inserts events with their numbers in the order of arrival.
pub(crate) fn insert_at<'a>(
    connection: &Connection,
    events: impl IntoIterator<Item = (i64, &'a StoredEvent)>,
) -> Result<(), StoreError> {
    let what = "writing contract events";
    let mut statement = connection.prepare_cached(INSERT).attempt(what)?;
    for (arrival, StoredEvent { event, class, subjects }) in events {
        let written = statement.execute(params![
            arrival,
            event.id.as_str(),
            event.position.ledger,
            event.position.transaction,
            event.position.operation,
            event.position.event,
            event.contract.as_str(),
            event.topic.as_str(),
            event.tx_hash.as_str(),
            columns::instant(event.happened_at),
            event.payload,
            invocation(event),
            class.as_str(),
            subjects.stream.and_then(number_of),
            subjects.other.and_then(number_of),
        ]);
        written.attempt(what)?;
    }
    Ok(())
}

pub(crate) fn reclassify(connection: &Connection, events: &[StoredEvent]) -> Result<(), StoreError> {
    let what = "writing what contract events are about";
    let mut statement = connection.prepare_cached(RECLASSIFY).attempt(what)?;
    for StoredEvent { event, class, subjects } in events {
        let written = statement.execute(params![
            event.id.as_str(),
            class.as_str(),
            subjects.stream.and_then(number_of),
            subjects.other.and_then(number_of),
        ]);
        written.attempt(what)?;
    }
    Ok(())
}

/// Writes the invocations of the events at these positions.
pub(crate) fn write_invocations(connection: &Connection, events: &[ContractEvent]) -> Result<(), StoreError> {
    let what = "writing invocations of contract events";
    let mut statement = connection.prepare_cached(WRITE_INVOCATION).attempt(what)?;
    for event in events {
        let ChainPosition { ledger, transaction, operation, event: index } = event.position;
        let values = params![invocation(event), ledger, transaction, operation, index];
        statement.execute(values).attempt(what)?;
    }
    Ok(())
}

fn invocation(event: &ContractEvent) -> Option<String> {
    event.invocation.as_ref().map(ToString::to_string)
}

pub(crate) fn remove(
    connection: &Connection,
    ledgers: &RangeInclusive<u32>,
) -> Result<Vec<StoredEvent>, StoreError> {
    let range = [ledgers.start(), ledgers.end()];
    let removed = select(connection, REMOVED, range)?;
    let keep = || connection.prepare_cached(KEEP_LAST_ARRIVAL)?.execute([]);
    keep().attempt("keeping the last arrival")?;
    for sql in [REMOVE, REMOVE_REPEATED] {
        let remove = || connection.prepare_cached(sql)?.execute(range);
        remove().attempt("removing contract events")?;
    }
    Ok(removed)
}

pub(crate) fn between(
    connection: &Connection,
    after: Option<u32>,
    upto: u32,
) -> Result<Vec<StoredEvent>, StoreError> {
    let after = after.map_or(-1, i64::from);
    select(connection, BETWEEN, params![after, upto])
}

pub(crate) fn of_transactions(
    connection: &Connection,
    transactions: impl IntoIterator<Item = (u32, u32)>,
) -> Result<Vec<StoredEvent>, StoreError> {
    let mut found = Vec::new();
    for (ledger, transaction) in transactions {
        found.extend(select(connection, OF_TRANSACTION, params![ledger, transaction])?);
    }
    Ok(found)
}

pub(crate) fn dependents(
    connection: &Connection,
    streams: &[StreamId],
    ledgers: &RangeInclusive<u32>,
) -> Result<Vec<StreamId>, StoreError> {
    let mut found = Vec::new();
    let mut statement = connection.prepare_cached(DEPENDENTS).attempt(READING)?;
    for id in streams {
        let (Some(number), Some(contract)) = (number_of(*id), id.contract()) else { continue };
        let values = params![number, contract.to_string(), ledgers.start(), ledgers.end()];
        let mut rows = statement.query(values).attempt(READING)?;
        while let Some(row) = rows.next().attempt(READING)? {
            let mut columns = Columns::of(row, "contract_events");
            columns.skip();
            found.push(StreamId::chain(contract, columns.unsigned("stream")?));
        }
    }
    Ok(found)
}

pub(crate) fn mentions(
    connection: &Connection,
    streams: &[StreamId],
    upto: u32,
) -> Result<Vec<Mention>, StoreError> {
    let mut found = Vec::new();
    let mut statement = connection.prepare_cached(MENTIONS).attempt(READING)?;
    for id in streams {
        let (Some(number), Some(contract)) = (number_of(*id), id.contract()) else { continue };
        let mut rows = statement.query(params![number, contract.to_string(), upto]).attempt(READING)?;
        while let Some(row) = rows.next().attempt(READING)? {
            found.push(rows::mention(&mut Columns::of(row, "contract_events"))?);
        }
    }
    Ok(found)
}

pub(crate) fn after(
    connection: &Connection,
    after: Option<&EventCursor>,
    upto: u32,
    limit: u32,
) -> Result<Vec<StoredEvent>, StoreError> {
    let (ledger, rest, id) = place_of(after);
    let [transaction, operation, event] = rest;
    select(connection, AFTER, params![ledger, upto, transaction, operation, event, id, limit])
}

/// A cursor as SQL compares it; without one, the position before every event.
pub(crate) fn place_of(cursor: Option<&EventCursor>) -> (i64, [i64; 3], &str) {
    cursor.map_or((0, [-1, -1, -1], ""), |cursor| {
        let ChainPosition { ledger, transaction, operation, event } = cursor.position;
        (ledger.into(), [transaction.into(), operation.into(), event.into()], cursor.id.as_str())
    })
}

fn select(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<StoredEvent>, StoreError> {
    let mut statement = connection.prepare_cached(sql).attempt(READING)?;
    let mut rows = statement.query(params).attempt(READING)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().attempt(READING)? {
        found.push(decode(row)?);
    }
    Ok(found)
}

/// Reads the columns of an event, and its number in the order of arrival after them.
pub(crate) fn decode_arrived(row: &Row<'_>) -> Result<(Sequence, StoredEvent), StoreError> {
    let mut columns = Columns::of(row, "contract_events");
    let stored = rows::stored_event(&mut columns)?;
    Ok((Sequence(columns.number("seq")?), stored))
}

pub(crate) fn decode(row: &Row<'_>) -> Result<StoredEvent, StoreError> {
    rows::stored_event(&mut Columns::of(row, "contract_events"))
}

fn number_of(id: StreamId) -> Option<Value> {
    match id {
        StreamId::Chain { number, .. } => Some(columns::unsigned(number)),
        StreamId::Api(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fluxora_indexer::projection::{Class, Subjects};
    use jiff::Timestamp;

    use super::*;
    use crate::{Location, open};

    #[test]
    fn ids_are_found_among_other_ids() {
        let opened = open::writer(&Location::Memory, Duration::ZERO).unwrap();
        let opaque = |text: &str| Opaque::new(text).unwrap();
        let mut event = 0;
        let mut stored = |id: &str| {
            let [id, contract, topic, tx_hash] = [id, "c", "t", "h"].map(opaque);
            event += 1;
            let position = ChainPosition { ledger: 1, transaction: 0, operation: 0, event };
            let event = ContractEvent {
                id,
                position,
                contract,
                topic,
                tx_hash,
                happened_at: Timestamp::UNIX_EPOCH,
                payload: "{}".into(),
                invocation: None,
            };
            StoredEvent { event, class: Class::Unknown, subjects: Subjects::default() }
        };
        insert(&opened.connection, &["a", "b", "c", "d", "é", "𝄞"].map(&mut stored)).unwrap();
        for (ids, found) in [
            (vec![], vec![]),
            (vec!["A", "Z"], vec![]),
            (vec!["b"], vec!["b"]),
            // As many between them as they are, one of which is not meant; then more than they are.
            (vec!["c", "a", "bb"], vec!["a", "c"]),
            (vec!["d", "a"], vec!["a", "d"]),
            (vec!["𝄞", "a", "x"], vec!["a", "𝄞"]),
            (vec!["é", "z"], vec!["é"]),
        ] {
            let ids: Vec<_> = ids.into_iter().map(opaque).collect();
            let events = by_id(&opened.connection, &ids).unwrap();
            let mut read: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
            read.sort_unstable();
            assert_eq!(read, found, "{ids:?}");
        }
    }
}
