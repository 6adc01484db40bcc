use std::ops::RangeInclusive;

use fluxora_indexer::projection::Subjects;
use fluxora_indexer::{ChainPosition, ContractEvent};
use fluxora_store::chain::{EventCursor, Mention, RepeatedEvent, StoredEvent};
use fluxora_store::rows::{self, ReadColumns};
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::{ContractId, StreamId};
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::prefetch::Waiting;
use crate::columns::{self, Columns};
use crate::faults::Fault;
use crate::parameters::Values;
use crate::pipeline::{PipelinedTransaction, Question};

/// The columns that [`decode`] reads, in its order. Numbers of any size travel as text.
macro_rules! event_columns {
    () => {
        event_columns!("e.payload::text")
    };
    ($payload:literal) => {
        concat!(
            "e.id, e.ledger, e.tx_index, e.operation_index, e.event_index, e.contract_id, e.topic, e.tx_hash, e.happened_at, ",
            $payload,
            ", e.invocation, e.class, e.stream::text, e.other::text"
        )
    };
}
pub(crate) use event_columns;

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", event_columns!(), " FROM contract_events e ", $rest)
    };
}

pub(crate) const BY_ID: &str = select!("WHERE e.id = ANY($1::text[])");
/// The events at these positions, without those that [`BY_ID`] finds.
pub(crate) const AT: &str = select!(
    "JOIN unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) AS p (ledger, tx_index, operation_index, event_index) \
     USING (ledger, tx_index, operation_index, event_index) WHERE e.id <> ALL($1::text[])"
);
pub(crate) const REPEATED: &str = concat!(
    "SELECT e.number, e.kept, ",
    event_columns!(),
    " FROM repeated_contract_events e ORDER BY e.number"
);
const PUT_REPEATED: &str = "INSERT INTO repeated_contract_events (number, kept, id, ledger, tx_index, operation_index, event_index, \
                                contract_id, topic, tx_hash, happened_at, payload, invocation, class, stream, other) \
                            VALUES ($1, $2, $3, $4::bigint, $5::bigint, $6::bigint, $7::bigint, $8, $9, $10, $11, $12::text::json, $13, $14, \
                                $15::text::numeric, $16::text::numeric)";
pub(crate) const BETWEEN: &str = select!(
    "WHERE e.ledger > $1 AND e.ledger <= $2 \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id"
);
/// Those that become safe if a ledger does, by what is stored when it is asked.
pub(crate) const WAITING: &str = select!(
    "WHERE e.ledger > (SELECT coalesce(last_safe, -1) FROM chain_state) AND e.ledger <= $1 \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id"
);
pub(crate) const OF_TRANSACTIONS: &str =
    select!("JOIN unnest($1::bigint[], $2::bigint[]) AS t (ledger, tx_index) USING (ledger, tx_index)");
pub(crate) const AFTER: &str = select!(
    "WHERE e.ledger >= $1 AND e.ledger <= $2 \
     AND (e.ledger, e.tx_index, e.operation_index, e.event_index, e.id) > ($1, $3, $4, $5, $6) \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id LIMIT $7"
);
/// Each stream is looked up in the index by itself: OFFSET keeps the planner from turning the lookups into a join, which
/// it would begin with all events where statistics say that a stream has many.
macro_rules! of_each_stream {
    ($columns:literal, $where:literal) => {
        concat!(
            "SELECT e.* FROM unnest($1::text[], $2::text[]) AS s (contract_id, number) CROSS JOIN LATERAL (SELECT ",
            $columns,
            " FROM contract_events own WHERE own.contract_id = s.contract_id AND ",
            $where,
            " OFFSET 0) e"
        )
    };
}
/// The streams that began from a stream by an event of these ledgers. The row comparisons keep the server from scanning the events of
/// the ledgers in order.
pub(crate) const DEPENDENTS: &str = of_each_stream!(
    "own.id, own.contract_id, own.stream::text",
    "own.other = s.number::numeric AND (own.contract_id, own.ledger) >= (s.contract_id, $3) \
     AND (own.contract_id, own.ledger) <= (s.contract_id, $4)"
);
/// The events of which a stream is the first stream.
pub(crate) const MENTIONS: &str = of_each_stream!(
    "own.id, own.ledger, own.tx_index, own.contract_id, own.stream::text, own.other::text",
    "own.stream = s.number::numeric AND own.ledger <= $3"
);
/// The events of which a stream is the second stream.
pub(crate) const MENTIONS_AS_OTHER: &str = of_each_stream!(
    "own.id, own.ledger, own.tx_index, own.contract_id, own.stream::text, own.other::text",
    "own.other = s.number::numeric AND own.ledger <= $3"
);
const INSERT: &str = "INSERT INTO contract_events (id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, \
                          happened_at, payload, invocation, class, stream, other) \
                      SELECT id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, \
                          happened_at, payload::json, invocation, class, stream::numeric, other::numeric \
                      FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], \
                          $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[]) \
                          AS new (id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, \
                          happened_at, payload, invocation, class, stream, other)";
const INSERT_AT: &str = "INSERT INTO contract_events (arrival, id, ledger, tx_index, operation_index, event_index, contract_id, topic, \
                             tx_hash, happened_at, payload, invocation, class, stream, other) \
                         SELECT arrival, id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, \
                             happened_at, payload::json, invocation, class, stream::numeric, other::numeric \
                         FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], \
                             $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[]) \
                             AS new (id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, \
                             happened_at, payload, invocation, class, stream, other, arrival)";
pub(crate) const RECLASSIFY: &str = "UPDATE contract_events e SET class = new.class, stream = new.stream::numeric, other = new.other::numeric \
                                     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (id, class, stream, other) \
                                     WHERE e.id = new.id";
pub(crate) const WRITE_INVOCATIONS: &str = "UPDATE contract_events e SET invocation = new.invocation \
                                 FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) \
                                     AS new (invocation, ledger, tx_index, operation_index, event_index) \
                                 WHERE (e.ledger, e.tx_index, e.operation_index, e.event_index) \
                                     = (new.ledger, new.tx_index, new.operation_index, new.event_index)";
/// Returns no payloads, which no step reads: a rewind may remove every row.
pub(crate) const REMOVE: &str = concat!(
    "DELETE FROM contract_events e WHERE e.ledger >= $1 AND e.ledger <= $2 RETURNING ",
    event_columns!("''::text")
);
const REMOVE_REPEATED: &str = "DELETE FROM repeated_contract_events WHERE ledger >= $1 AND ledger <= $2";
const READING: &str = "reading contract events";

/// Ids and positions of events, as [`BY_ID`] and [`AT`] take them.
#[derive(PartialEq, Eq)]
pub(crate) struct EventKeys {
    pub(crate) ids: Vec<String>,
    positions: [Vec<i64>; 4],
}

impl EventKeys {
    pub(crate) fn of(events: &[ContractEvent]) -> Self {
        let part = |get: fn(&ChainPosition) -> u32| {
            events.iter().map(|event| i64::from(get(&event.position))).collect()
        };
        Self {
            ids: events.iter().map(|event| event.id.as_str().to_owned()).collect(),
            positions: [
                part(|position| position.ledger),
                part(|position| position.transaction),
                part(|position| position.operation),
                part(|position| position.event),
            ],
        }
    }

    /// In the order of [`AT`].
    pub(crate) fn parameters(&self) -> [&(dyn ToSql + Sync); 5] {
        let [ledgers, transactions, operations, events] = &self.positions;
        [&self.ids, ledgers, transactions, operations, events]
    }
}

pub(crate) async fn known(
    chain: &mut PipelinedTransaction,
    events: &[ContractEvent],
) -> Result<Vec<ContractEvent>, Fault> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let keys = EventKeys::of(events);
    let rows = match chain.prefetch.known(&keys) {
        Some(rows) => rows,
        None => {
            let questions: [Question<'_>; 2] = [(BY_ID, &[&keys.ids]), (AT, &keys.parameters())];
            chain.query_all(READING, questions).await?
        }
    };
    let mut known = Vec::new();
    for rows in rows {
        known.extend(decode_all(&rows)?.into_iter().map(|stored| stored.event));
    }
    Ok(known)
}

pub(crate) async fn repeated(chain: &mut PipelinedTransaction) -> Result<Vec<RepeatedEvent>, Fault> {
    let rows = chain.query("reading repeated contract events", REPEATED, &[]).await?;
    Ok(rows.iter().map(decode_repeated).collect::<Result<_, _>>()?)
}

pub(crate) fn decode_repeated(row: &Row) -> Result<RepeatedEvent, StoreError> {
    rows::repeated_event(&mut Columns::of(row, "repeated_contract_events"))
}

pub(crate) async fn put_repeated(
    chain: &mut PipelinedTransaction,
    repeated: &RepeatedEvent,
) -> Result<(), Fault> {
    let RepeatedEvent { number, kept, stored: StoredEvent { event, class, subjects } } = repeated;
    let ChainPosition { ledger, transaction, operation, event: index } = event.position;
    let text = |text: &str| Box::new(text.to_owned());
    let values: Values = vec![
        Box::new(columns::count(*number)),
        text(kept.as_str()),
        text(event.id.as_str()),
        Box::new(i64::from(ledger)),
        Box::new(i64::from(transaction)),
        Box::new(i64::from(operation)),
        Box::new(i64::from(index)),
        text(event.contract.as_str()),
        text(event.topic.as_str()),
        text(event.tx_hash.as_str()),
        Box::new(columns::instant(event.happened_at)),
        text(&event.payload),
        Box::new(invocation(event)),
        text(class.as_str()),
        Box::new(subjects.stream.and_then(number_of)),
        Box::new(subjects.other.and_then(number_of)),
    ];
    chain.enqueue("putting a repeated contract event", PUT_REPEATED, values, Some(1)).await
}

pub(crate) async fn insert(chain: &mut PipelinedTransaction, events: &[StoredEvent]) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let values = inserted(chain, events);
    chain.enqueue("writing contract events", INSERT, values, Some(events.len())).await
}

/// Inserts events with their numbers in the order of arrival.
pub(crate) async fn insert_at(
    chain: &mut PipelinedTransaction,
    events: &[StoredEvent],
    arrivals: &[Sequence],
) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let mut values = inserted(chain, events);
    values.push(Box::new(arrivals.iter().map(|arrival| rows::seq(*arrival)).collect::<Vec<i64>>()));
    chain.enqueue("writing contract events", INSERT_AT, values, Some(events.len())).await
}

/// The columns of new events, in the order of [`INSERT`].
fn inserted(chain: &mut PipelinedTransaction, events: &[StoredEvent]) -> Values {
    chain.prefetch.events_inserted(events);
    let text = |get: fn(&ContractEvent) -> &str| -> Box<Vec<String>> {
        Box::new(events.iter().map(|stored| get(&stored.event).to_owned()).collect())
    };
    let place = |get: fn(&ChainPosition) -> u32| -> Box<Vec<i64>> {
        Box::new(events.iter().map(|stored| get(&stored.event.position).into()).collect())
    };
    let happened: Vec<Timestamp> =
        events.iter().map(|stored| columns::instant(stored.event.happened_at)).collect();
    vec![
        text(|event| event.id.as_str()),
        place(|place| place.ledger),
        place(|place| place.transaction),
        place(|place| place.operation),
        place(|place| place.event),
        text(|event| event.contract.as_str()),
        text(|event| event.topic.as_str()),
        text(|event| event.tx_hash.as_str()),
        Box::new(happened),
        text(|event| &event.payload),
        Box::new(events.iter().map(|stored| invocation(&stored.event)).collect::<Vec<_>>()),
        Box::new(classes(events)),
        Box::new(subject(events, |subjects| subjects.stream)),
        Box::new(subject(events, |subjects| subjects.other)),
    ]
}

pub(crate) async fn reclassify(
    chain: &mut PipelinedTransaction,
    events: &[StoredEvent],
) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    chain.prefetch.invalidate();
    let ids: Vec<String> = events.iter().map(|stored| stored.event.id.as_str().to_owned()).collect();
    let values: Values = vec![
        Box::new(ids),
        Box::new(classes(events)),
        Box::new(subject(events, |subjects| subjects.stream)),
        Box::new(subject(events, |subjects| subjects.other)),
    ];
    chain.enqueue("writing what contract events are about", RECLASSIFY, values, Some(events.len())).await
}

/// Writes the invocations of the events at these positions.
pub(crate) async fn write_invocations(
    chain: &mut PipelinedTransaction,
    events: &[ContractEvent],
) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    chain.prefetch.invalidate();
    let place = |get: fn(&ChainPosition) -> u32| -> Box<Vec<i64>> {
        Box::new(events.iter().map(|event| get(&event.position).into()).collect())
    };
    let values: Values = vec![
        Box::new(events.iter().map(invocation).collect::<Vec<_>>()),
        place(|place| place.ledger),
        place(|place| place.transaction),
        place(|place| place.operation),
        place(|place| place.event),
    ];
    let what = "writing invocations of contract events";
    chain.enqueue(what, WRITE_INVOCATIONS, values, Some(events.len())).await
}

fn invocation(event: &ContractEvent) -> Option<String> {
    event.invocation.as_ref().map(ToString::to_string)
}

fn classes(events: &[StoredEvent]) -> Vec<&'static str> {
    events.iter().map(|stored| stored.class.as_str()).collect()
}

fn subject(events: &[StoredEvent], get: fn(&Subjects) -> Option<StreamId>) -> Vec<Option<String>> {
    events.iter().map(|stored| number_of(get(&stored.subjects)?)).collect()
}

pub(crate) async fn remove(
    chain: &mut PipelinedTransaction,
    ledgers: &RangeInclusive<u32>,
) -> Result<Vec<StoredEvent>, Fault> {
    let (first, last) = (i64::from(*ledgers.start()), i64::from(*ledgers.end()));
    let values: Values = vec![Box::new(first), Box::new(last)];
    chain.enqueue("removing repeated contract events", REMOVE_REPEATED, values, None).await?;
    select(chain, REMOVE, &[&first, &last]).await
}

pub(crate) async fn between(
    chain: &mut PipelinedTransaction,
    after: Option<u32>,
    upto: u32,
) -> Result<Vec<StoredEvent>, Fault> {
    if let Some(Waiting { stored, written, .. }) = chain.prefetch.waiting(after, upto) {
        let mut events = decode_all(&stored)?;
        if !written.is_empty() {
            events.extend(written);
            events.sort_unstable_by(|a, b| a.event.order().cmp(&b.event.order()));
        }
        return Ok(events);
    }
    let after = after.map_or(-1, i64::from);
    select(chain, BETWEEN, &[&after, &i64::from(upto)]).await
}

pub(crate) async fn of_transactions(
    chain: &mut PipelinedTransaction,
    transactions: &[(u32, u32)],
) -> Result<Vec<StoredEvent>, Fault> {
    if transactions.is_empty() {
        return Ok(Vec::new());
    }
    let (ledgers, places): (Vec<i64>, Vec<i64>) =
        transactions.iter().map(|(ledger, place)| (i64::from(*ledger), i64::from(*place))).unzip();
    select(chain, OF_TRANSACTIONS, &[&ledgers, &places]).await
}

pub(crate) async fn dependents(
    chain: &mut PipelinedTransaction,
    streams: &[StreamId],
    ledgers: &RangeInclusive<u32>,
) -> Result<Vec<StreamId>, Fault> {
    let (contracts, numbers) = named(streams);
    let (first, last) = (i64::from(*ledgers.start()), i64::from(*ledgers.end()));
    let rows = chain.query(READING, DEPENDENTS, &[&contracts, &numbers, &first, &last]).await?;
    let decode = |row| {
        let mut columns = Columns::of(row, "contract_events");
        columns.skip();
        let contract = columns.parsed("contract_id", ContractId::parse)?;
        Ok(StreamId::chain(contract, columns.unsigned("stream")?))
    };
    rows.iter().map(decode).collect()
}

pub(crate) async fn mentions(
    chain: &mut PipelinedTransaction,
    streams: &[StreamId],
    upto: u32,
) -> Result<Vec<Mention>, Fault> {
    let (contracts, numbers) = named(streams);
    let upto = i64::from(upto);
    let values: [&(dyn ToSql + Sync); 3] = [&contracts, &numbers, &upto];
    let questions: [Question<'_>; 2] = [(MENTIONS, &values), (MENTIONS_AS_OTHER, &values)];
    let rows = chain.query_all(READING, questions).await?;
    let decode = |row| Ok(rows::mention(&mut Columns::of(row, "contract_events"))?);
    rows.iter().flatten().map(decode).collect()
}

/// Contracts and numbers of chain streams.
fn named(streams: &[StreamId]) -> (Vec<String>, Vec<String>) {
    let named = |id: &StreamId| Some((id.contract()?.to_string(), number_of(*id)?));
    streams.iter().filter_map(named).unzip()
}

pub(crate) async fn after(
    chain: &mut PipelinedTransaction,
    after: Option<&EventCursor>,
    upto: u32,
    limit: u32,
) -> Result<Vec<StoredEvent>, Fault> {
    let (ledger, [transaction, operation, event], id) = place_of(after);
    let (upto, limit) = (i64::from(upto), i64::from(limit));
    select(chain, AFTER, &[&ledger, &upto, &transaction, &operation, &event, &id, &limit]).await
}

/// A cursor as SQL compares it; without one, the position before every event.
pub(crate) fn place_of(cursor: Option<&EventCursor>) -> (i64, [i64; 3], &str) {
    cursor.map_or((0, [-1, -1, -1], ""), |cursor| {
        let ChainPosition { ledger, transaction, operation, event } = cursor.position;
        (ledger.into(), [transaction.into(), operation.into(), event.into()], cursor.id.as_str())
    })
}

async fn select(
    chain: &mut PipelinedTransaction,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<StoredEvent>, Fault> {
    Ok(decode_all(&chain.query(READING, sql, values).await?)?)
}

fn decode_all(rows: &[Row]) -> Result<Vec<StoredEvent>, StoreError> {
    rows.iter().map(decode).collect()
}

/// Reads the columns of an event, and its number in the order of arrival after them.
pub(crate) fn decode_arrived(row: &Row) -> Result<(Sequence, StoredEvent), StoreError> {
    let mut columns = Columns::of(row, "contract_events");
    let stored = rows::stored_event(&mut columns)?;
    Ok((Sequence(columns.number("arrival")?), stored))
}

pub(crate) fn decode(row: &Row) -> Result<StoredEvent, StoreError> {
    rows::stored_event(&mut Columns::of(row, "contract_events"))
}

fn number_of(id: StreamId) -> Option<String> {
    match id {
        StreamId::Chain { number, .. } => Some(number.to_string()),
        StreamId::Api(_) => None,
    }
}
