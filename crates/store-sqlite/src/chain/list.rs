use fluxora_indexer::{ChainPosition, Opaque, ProvenEvents};
use fluxora_store::chain::{
    Arrivals, CONTRACT_EVENT_WINDOW, ContractEventPage, ContractEventQuery, EventCursor, ListedEvent,
};
use fluxora_store::rows::{self, ReadColumns};
use fluxora_store::{Sequence, StoreError};
use rusqlite::{Connection, Params, named_params};

use super::events::{event_columns, place_of};
use crate::columns::{self, Columns};
use crate::faults::Attempt;

const WHAT: &str = "listing contract events";

/// The columns that [`decode`] reads.
macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            event_columns!(),
            ", e.seq, l.hash, coalesce((SELECT p.events FROM ledger_proofs p WHERE p.ledger = e.ledger), '') ",
            $rest
        )
    };
}

const LIST: &str = listed!(
    "FROM contract_events e INDEXED BY contract_events_in_order JOIN ledgers l ON l.sequence = e.ledger \
     WHERE e.ledger >= max(:from, :ledger) AND e.ledger <= min(:to, :last) \
     AND (e.ledger, e.tx_index, e.operation_index, e.event_index, e.id) > (:ledger, :tx, :operation, :event, :id) \
     AND (e.ledger, e.tx_index, e.operation_index, e.event_index, e.id) <= \
         (:last, :last_tx, :last_operation, :last_event, :last_id) \
     AND (:contract IS NULL OR e.contract_id = :contract) AND (:topic IS NULL OR e.topic = :topic) \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id LIMIT :limit"
);
/// The last event of the window of a page. A position on chain has one event, so the order of the index decides.
const WINDOW: &str = "SELECT e.ledger, e.tx_index, e.operation_index, e.event_index, e.id \
     FROM contract_events e INDEXED BY contract_events_in_order \
     WHERE e.ledger >= max(:from, :ledger) AND e.ledger <= :to \
     AND (e.ledger, e.tx_index, e.operation_index, e.event_index) > (:ledger, :tx, :operation, :event) \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index LIMIT 1 OFFSET :offset";
const ARRIVED: &str = listed!(
    "FROM contract_events e NOT INDEXED JOIN ledgers l ON l.sequence = e.ledger \
     WHERE e.seq > :after AND e.seq <= :upto AND e.ledger >= :from AND e.ledger <= :to \
     AND (:contract IS NULL OR e.contract_id = :contract) AND (:topic IS NULL OR e.topic = :topic) \
     ORDER BY e.seq LIMIT :limit"
);
const LAST: &str = "SELECT coalesce(max(seq), 0) FROM contract_events";

/// Reads a page. It looks through a bounded number of events.
pub(crate) fn list(
    connection: &Connection,
    query: &ContractEventQuery,
) -> Result<ContractEventPage, StoreError> {
    match query.arrivals {
        Some(arrivals) => arrived(connection, query, arrivals),
        None => on_chain(connection, query),
    }
}

fn on_chain(connection: &Connection, query: &ContractEventQuery) -> Result<ContractEventPage, StoreError> {
    let is_filtered = query.contract.is_some() || query.topic.is_some();
    let until = match &query.until {
        None if is_filtered => end_of_window(connection, query)?,
        until => until.clone(),
    };
    let (ledger, [transaction, operation, event], id) = place_of(query.after.as_ref());
    let (last, [last_transaction, last_operation, last_event], last_id) = match &until {
        Some(_) => place_of(until.as_ref()),
        None => (i64::MAX, [0; 3], ""),
    };
    let values = named_params! {
        ":from": query.from_ledger.unwrap_or_default(),
        ":to": query.to_ledger.unwrap_or(u32::MAX),
        ":ledger": ledger,
        ":tx": transaction,
        ":operation": operation,
        ":event": event,
        ":id": id,
        ":last": last,
        ":last_tx": last_transaction,
        ":last_operation": last_operation,
        ":last_event": last_event,
        ":last_id": last_id,
        ":contract": query.contract.as_ref().map(Opaque::as_str),
        ":topic": query.topic.as_ref().map(Opaque::as_str),
        ":limit": i64::from(query.limit).saturating_add(1),
    };
    let mut page = read(connection, LIST, values, query.limit)?;
    page.more |= until.is_some();
    page.until = until;
    Ok(page)
}

/// The last event that a page may look at; `None` if fewer are left.
fn end_of_window(
    connection: &Connection,
    query: &ContractEventQuery,
) -> Result<Option<EventCursor>, StoreError> {
    let (ledger, [transaction, operation, event], _) = place_of(query.after.as_ref());
    let mut statement = connection.prepare_cached(WINDOW).attempt(WHAT)?;
    let mut rows = statement
        .query(named_params! {
            ":from": query.from_ledger.unwrap_or_default(),
            ":to": query.to_ledger.unwrap_or(u32::MAX),
            ":ledger": ledger,
            ":tx": transaction,
            ":operation": operation,
            ":event": event,
            ":offset": CONTRACT_EVENT_WINDOW.saturating_sub(1),
        })
        .attempt(WHAT)?;
    let Some(row) = rows.next().attempt(WHAT)? else { return Ok(None) };
    let mut columns = Columns::of(row, "contract_events");
    let position = ChainPosition {
        ledger: columns.number("ledger")?,
        transaction: columns.number("tx_index")?,
        operation: columns.number("operation_index")?,
        event: columns.number("event_index")?,
    };
    Ok(Some(EventCursor { position, id: columns.parsed("id", Opaque::new)? }))
}

fn arrived(
    connection: &Connection,
    query: &ContractEventQuery,
    arrivals: Arrivals,
) -> Result<ContractEventPage, StoreError> {
    let last = || connection.prepare_cached(LAST)?.query_row([], |row| row.get::<_, i64>(0));
    let last = last().attempt(WHAT)?;
    let values = named_params! {
        ":after": columns::seq(arrivals.after),
        ":upto": columns::seq(arrivals.upto),
        ":from": query.from_ledger.unwrap_or_default(),
        ":to": query.to_ledger.unwrap_or(u32::MAX),
        ":contract": query.contract.as_ref().map(Opaque::as_str),
        ":topic": query.topic.as_ref().map(Opaque::as_str),
        ":limit": i64::from(query.limit).saturating_add(1),
    };
    let mut page = read(connection, ARRIVED, values, query.limit)?;
    page.more |= last > columns::seq(arrivals.upto);
    Ok(page)
}

/// Reads a page whose statement asks for one row more than the limit.
fn read(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    limit: u32,
) -> Result<ContractEventPage, StoreError> {
    let mut statement = connection.prepare_cached(sql).attempt(WHAT)?;
    let mut rows = statement.query(values).attempt(WHAT)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = ContractEventPage::default();
    while let Some(row) = rows.next().attempt(WHAT)? {
        if page.events.len() == limit {
            page.more = true;
            break;
        }
        let mut columns = Columns::of(row, "contract_events");
        let event = rows::contract_event(&mut columns)?;
        ["class", "stream", "other"].into_iter().for_each(|_| columns.skip());
        let arrival = Sequence(columns.number("seq")?);
        let ledger_hash = columns.parsed("hash", Opaque::new)?;
        let proven = columns.parsed("events", str::parse::<ProvenEvents>)?;
        let verification = proven.verification(event.position);
        page.events.push(ListedEvent { event, ledger_hash, verification, arrival });
    }
    Ok(page)
}
