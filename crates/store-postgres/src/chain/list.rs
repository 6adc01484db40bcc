use fluxora_indexer::{Opaque, ProvenEvents};
use fluxora_store::chain::{ContractEventPage, ContractEventQuery, ListedEvent};
use fluxora_store::rows::{self, ReadColumns};
use tokio_postgres::types::{ToSql, Type};

use super::events::{event_columns, place_of};
use crate::columns::Columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// Planned for its very values, each time: a condition that is not asked for is gone before the server thinks about it.
pub(crate) const LIST: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", l.hash, coalesce((SELECT p.events FROM ledger_proofs p WHERE p.ledger = e.ledger), '') \
     FROM contract_events e JOIN ledgers l ON l.sequence = e.ledger \
     WHERE e.ledger >= $1 AND e.ledger <= $2 \
     AND (e.ledger, e.tx_index, e.operation_index, e.event_index, e.id) > ($3, $4, $5, $6, $7) \
     AND ($8 IS NULL OR e.contract_id = $8) AND ($9 IS NULL OR e.topic = $9) \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id LIMIT $10"
);

/// Reads a page. With a contract or a topic it looks through the events of the ledgers asked for.
pub(crate) async fn list(lease: &Lease, query: &ContractEventQuery) -> Result<ContractEventPage, Fault> {
    let what = "listing contract events";
    let (ledger, [transaction, operation, event], id) = place_of(query.after.as_ref());
    let from = ledger.max(query.from_ledger.unwrap_or_default().into());
    let to = i64::from(query.to_ledger.unwrap_or(u32::MAX));
    let contract = query.contract.as_ref().map(Opaque::as_str);
    let topic = query.topic.as_ref().map(Opaque::as_str);
    let one_more = i64::from(query.limit).saturating_add(1);
    let values: [(&(dyn ToSql + Sync), Type); 10] = [
        (&from, Type::INT8),
        (&to, Type::INT8),
        (&ledger, Type::INT8),
        (&transaction, Type::INT8),
        (&operation, Type::INT8),
        (&event, Type::INT8),
        (&id, Type::TEXT),
        (&contract, Type::TEXT),
        (&topic, Type::TEXT),
        (&one_more, Type::INT8),
    ];
    let rows = lease.query_typed(LIST, &values).await.attempt(what)?;
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut page = ContractEventPage { events: Vec::new(), more: rows.len() > limit };
    for row in rows.iter().take(limit) {
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
