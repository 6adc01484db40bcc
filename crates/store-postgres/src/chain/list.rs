use fluxora_indexer::{ChainPosition, Opaque, ProvenEvents};
use fluxora_store::Sequence;
use fluxora_store::chain::{
    Arrivals, CONTRACT_EVENT_WINDOW, ContractEventPage, ContractEventQuery, EventCursor, ListedEvent,
};
use fluxora_store::rows::{self, ReadColumns, seq};
use tokio_postgres::types::{ToSql, Type};

use super::events::{event_columns, place_of};
use crate::columns::Columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

const WHAT: &str = "listing contract events";

/// The columns that [`read`] reads.
macro_rules! listed {
    ($from:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            event_columns!(),
            ", e.arrival, l.hash, coalesce((SELECT p.events FROM ledger_proofs p WHERE p.ledger = e.ledger), '') ",
            $from,
            " JOIN LATERAL (SELECT hash FROM ledgers WHERE sequence = e.ledger OFFSET 0) AS l ON true WHERE ",
            $rest
        )
    };
}

/// Planned for its very values, each time: a condition that is not asked for is gone before the server thinks about it. The server
/// does not know how many rows the inner query ends with when it plans: it follows the index for any estimate of the conditions.
pub(crate) const LIST: &str = listed!(
    "FROM (SELECT * FROM contract_events e WHERE e.ledger >= $1 AND e.ledger <= $2 \
         AND (e.ledger, e.tx_index, e.operation_index, e.event_index, e.id) > ($3, $4, $5, $6, $7) \
         AND (e.ledger, e.tx_index, e.operation_index, e.event_index, e.id) <= ($8, $9, $10, $11, $12) \
         ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index LIMIT (SELECT $13::bigint)) AS e",
    "($14 IS NULL OR e.contract_id = $14) AND ($15 IS NULL OR e.topic = $15) \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index LIMIT $16"
);
/// The last event of the window of a page. A position on chain has one event. The server does not know the offset when it plans: it
/// follows the index, where it would sort everything for an offset beyond its estimate of the rows.
pub(crate) const WINDOW: &str = "SELECT e.ledger, e.tx_index, e.operation_index, e.event_index, e.id FROM contract_events e \
     WHERE e.ledger >= $1 AND e.ledger <= $2 \
     AND (e.ledger, e.tx_index, e.operation_index, e.event_index) > ($3, $4, $5, $6) \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index LIMIT 1 OFFSET (SELECT $7::bigint)";
pub(crate) const ARRIVED: &str = listed!(
    "FROM (SELECT * FROM contract_events e WHERE e.arrival > $1 AND e.arrival <= $2 ORDER BY e.arrival LIMIT (SELECT $3::bigint)) AS e",
    "e.ledger >= $4 AND e.ledger <= $5 AND ($6 IS NULL OR e.contract_id = $6) AND ($7 IS NULL OR e.topic = $7) \
     ORDER BY e.arrival LIMIT $8"
);
const LAST: &str = "SELECT coalesce(max(arrival), 0) AS arrival FROM contract_events";

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// Reads a page. It looks through a bounded number of events.
pub(crate) async fn list(lease: &Lease, query: &ContractEventQuery) -> Result<ContractEventPage, Fault> {
    match query.arrivals {
        Some(arrivals) => arrived(lease, query, arrivals).await,
        None => on_chain(lease, query).await,
    }
}

async fn on_chain(lease: &Lease, query: &ContractEventQuery) -> Result<ContractEventPage, Fault> {
    let is_filtered = query.contract.is_some() || query.topic.is_some();
    let until = match &query.until {
        None if is_filtered => end_of_window(lease, query).await?,
        until => until.clone(),
    };
    let (ledger, [transaction, operation, event], id) = place_of(query.after.as_ref());
    let (last, [last_transaction, last_operation, last_event], last_id) = match &until {
        Some(_) => place_of(until.as_ref()),
        None => (i64::MAX, [0; 3], ""),
    };
    let from = ledger.max(query.from_ledger.unwrap_or_default().into());
    let to = i64::from(query.to_ledger.unwrap_or(u32::MAX));
    let contract = query.contract.as_ref().map(Opaque::as_str);
    let topic = query.topic.as_ref().map(Opaque::as_str);
    let one_more = i64::from(query.limit).saturating_add(1);
    let most = i64::from(CONTRACT_EVENT_WINDOW);
    let values: [Parameter<'_>; 16] = [
        (&from, Type::INT8),
        (&to, Type::INT8),
        (&ledger, Type::INT8),
        (&transaction, Type::INT8),
        (&operation, Type::INT8),
        (&event, Type::INT8),
        (&id, Type::TEXT),
        (&last, Type::INT8),
        (&last_transaction, Type::INT8),
        (&last_operation, Type::INT8),
        (&last_event, Type::INT8),
        (&last_id, Type::TEXT),
        (&most, Type::INT8),
        (&contract, Type::TEXT),
        (&topic, Type::TEXT),
        (&one_more, Type::INT8),
    ];
    let mut page = read(lease, LIST, &values, query.limit).await?;
    page.more |= until.is_some();
    page.until = until;
    Ok(page)
}

/// The last event that a page may look at; `None` if fewer are left.
async fn end_of_window(lease: &Lease, query: &ContractEventQuery) -> Result<Option<EventCursor>, Fault> {
    let (ledger, [transaction, operation, event], _) = place_of(query.after.as_ref());
    let from = ledger.max(query.from_ledger.unwrap_or_default().into());
    let to = i64::from(query.to_ledger.unwrap_or(u32::MAX));
    let offset = i64::from(CONTRACT_EVENT_WINDOW.saturating_sub(1));
    let values: [Parameter<'_>; 7] = [
        (&from, Type::INT8),
        (&to, Type::INT8),
        (&ledger, Type::INT8),
        (&transaction, Type::INT8),
        (&operation, Type::INT8),
        (&event, Type::INT8),
        (&offset, Type::INT8),
    ];
    let rows = lease.query_typed(WINDOW, &values).await.attempt(WHAT)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = Columns::of(row, "contract_events");
    let position = ChainPosition {
        ledger: columns.number("ledger")?,
        transaction: columns.number("tx_index")?,
        operation: columns.number("operation_index")?,
        event: columns.number("event_index")?,
    };
    Ok(Some(EventCursor { position, id: columns.parsed("id", Opaque::new)? }))
}

async fn arrived(
    lease: &Lease,
    query: &ContractEventQuery,
    arrivals: Arrivals,
) -> Result<ContractEventPage, Fault> {
    let last = lease.query_typed(LAST, &[]).await.attempt(WHAT)?;
    let last = match last.first() {
        Some(row) => Columns::of(row, "contract_events").integer("arrival")?,
        None => 0,
    };
    let (after, upto) = (seq(arrivals.after), seq(arrivals.upto));
    let from = i64::from(query.from_ledger.unwrap_or_default());
    let to = i64::from(query.to_ledger.unwrap_or(u32::MAX));
    let contract = query.contract.as_ref().map(Opaque::as_str);
    let topic = query.topic.as_ref().map(Opaque::as_str);
    let one_more = i64::from(query.limit).saturating_add(1);
    let most = i64::from(CONTRACT_EVENT_WINDOW);
    let values: [Parameter<'_>; 8] = [
        (&after, Type::INT8),
        (&upto, Type::INT8),
        (&most, Type::INT8),
        (&from, Type::INT8),
        (&to, Type::INT8),
        (&contract, Type::TEXT),
        (&topic, Type::TEXT),
        (&one_more, Type::INT8),
    ];
    let mut page = read(lease, ARRIVED, &values, query.limit).await?;
    page.more |= last > upto;
    Ok(page)
}

/// Reads a page whose statement asks for one row more than the limit.
async fn read(
    lease: &Lease,
    sql: &str,
    values: &[Parameter<'_>],
    limit: u32,
) -> Result<ContractEventPage, Fault> {
    let rows = lease.query_typed(sql, values).await.attempt(WHAT)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = ContractEventPage { more: rows.len() > limit, ..ContractEventPage::default() };
    for row in rows.iter().take(limit) {
        let mut columns = Columns::of(row, "contract_events");
        let event = rows::contract_event(&mut columns)?;
        ["class", "stream", "other"].into_iter().for_each(|_| columns.skip());
        let arrival = Sequence(columns.number("arrival")?);
        let ledger_hash = columns.parsed("hash", Opaque::new)?;
        let proven = columns.parsed("events", str::parse::<ProvenEvents>)?;
        let verification = proven.verification(event.position);
        page.events.push(ListedEvent { event, ledger_hash, verification, arrival });
    }
    Ok(page)
}
