use fluxora_indexer::{Opaque, ProvenEvents};
use fluxora_store::StoreError;
use fluxora_store::chain::{ContractEventPage, ContractEventQuery, ListedEvent};
use fluxora_store::rows::{self, ReadColumns};
use rusqlite::Connection;
use rusqlite::named_params;

use super::events::{event_columns, place_of};
use crate::columns::Columns;
use crate::faults::Attempt;

const LIST: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", l.hash, coalesce((SELECT p.events FROM ledger_proofs p WHERE p.ledger = e.ledger), '') \
     FROM contract_events e INDEXED BY contract_events_in_order JOIN ledgers l ON l.sequence = e.ledger \
     WHERE e.ledger >= max(:from, :ledger) AND e.ledger <= :to \
     AND (e.ledger, e.tx_index, e.operation_index, e.event_index, e.id) > (:ledger, :tx, :operation, :event, :id) \
     AND (:contract IS NULL OR e.contract_id = :contract) AND (:topic IS NULL OR e.topic = :topic) \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id LIMIT :limit"
);

/// Reads a page. With a contract or a topic it looks through the events of the ledgers asked for.
pub(crate) fn list(
    connection: &Connection,
    query: &ContractEventQuery,
) -> Result<ContractEventPage, StoreError> {
    let what = "listing contract events";
    let (ledger, [transaction, operation, event], id) = place_of(query.after.as_ref());
    let mut statement = connection.prepare_cached(LIST).attempt(what)?;
    let mut rows = statement
        .query(named_params! {
            ":from": query.from_ledger.unwrap_or_default(),
            ":to": query.to_ledger.unwrap_or(u32::MAX),
            ":ledger": ledger,
            ":tx": transaction,
            ":operation": operation,
            ":event": event,
            ":id": id,
            ":contract": query.contract.as_ref().map(Opaque::as_str),
            ":topic": query.topic.as_ref().map(Opaque::as_str),
            ":limit": i64::from(query.limit).saturating_add(1),
        })
        .attempt(what)?;
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut page = ContractEventPage::default();
    while let Some(row) = rows.next().attempt(what)? {
        if page.events.len() == limit {
            page.more = true;
            break;
        }
        let mut columns = Columns::of(row, "contract_events");
        let event = rows::contract_event(&mut columns)?;
        ["class", "stream", "other"].into_iter().for_each(|_| columns.skip());
        let ledger_hash = columns.parsed("hash", Opaque::new)?;
        let proven = columns.parsed("events", str::parse::<ProvenEvents>)?;
        let verification = proven.verification(event.position);
        page.events.push(ListedEvent { event, ledger_hash, verification });
    }
    Ok(page)
}
