use fluxora_indexer::projection::ContractVersion;
use fluxora_store::chain::{ContractReport, ContractTallies, ContractTally, contract_reports};
use fluxora_store::{StoreError, rows};

use super::events::{self, event_columns};
use crate::columns::Columns;
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;

const CREATE: &str =
    "INSERT INTO contracts (contract_id) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING";
const ADD: &str = "UPDATE contracts c SET events = greatest(0, c.events + new.events), \
         unknown_events = greatest(0, c.unknown_events + new.unknown), \
         unreadable_events = greatest(0, c.unreadable_events + new.unreadable), \
         transfer_events = greatest(0, c.transfer_events + new.transfers), \
         anomalies = greatest(0, c.anomalies + new.anomalies), \
         version = greatest(c.version, new.version), \
         (first_ledger, first_topic) = (\
             SELECT ledger, topic FROM (VALUES (c.first_ledger::bigint, c.first_topic), (new.first_ledger, new.first_topic)) AS f (ledger, topic) \
             WHERE topic IS NOT NULL \
             AND c.unknown_events + new.unknown + c.unreadable_events + new.unreadable > 0 \
             ORDER BY ledger, topic LIMIT 1) \
     FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[], $9::text[]) \
         AS new (contract_id, events, unknown, unreadable, transfers, anomalies, version, first_ledger, first_topic) \
     WHERE c.contract_id = new.contract_id";
const FORGET: &str = "DELETE FROM contracts WHERE contract_id = ANY($1::text[]) AND events = 0";
const FORGET_ALL: &str = "DELETE FROM contracts";
/// Those with unknown or unreadable events first, and of these the ones without a transfer and without a stream.
const LIST: &str = "SELECT contract_id, events, unknown_events, unreadable_events, transfer_events, anomalies, version, \
         first_ledger::bigint, first_topic, \
         (EXISTS (SELECT FROM streams s WHERE s.contract_id = c.contract_id))::int::bigint AS has_stream \
     FROM contracts c \
     ORDER BY (unknown_events + unreadable_events > 0) DESC, transfer_events > 0, has_stream, contract_id LIMIT $1";
const HALTS: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM contract_events e WHERE e.topic IN ('halt_operator_set', 'contract_halted', 'contract_resumed') \
     AND e.class = 'protocol' AND e.ledger <= (SELECT last_safe FROM chain_state) \
     ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id"
);
const COUNTING: &str = "counting events by contract";

/// Adds to the counts, together with what comes next.
pub(crate) async fn tally(
    transaction: &mut PipelinedTransaction,
    tallies: &ContractTallies,
) -> Result<(), Fault> {
    if tallies.0.is_empty() {
        return Ok(());
    }
    let contracts: Vec<String> = tallies.0.keys().map(ToString::to_string).collect();
    let counts =
        |get: fn(&ContractTally) -> i64| -> Box<Vec<i64>> { Box::new(tallies.0.values().map(get).collect()) };
    let versions: Vec<_> =
        tallies.0.values().map(|tally| tally.version.map(ContractVersion::as_str)).collect();
    let first = || tallies.0.values().map(|tally| tally.first_unusable.as_ref());
    let ledgers: Vec<_> = first().map(|first| first.map(|(ledger, _)| i64::from(*ledger))).collect();
    let topics: Vec<_> = first().map(|first| first.map(|(_, topic)| topic.to_string())).collect();
    let emptied = tallies.0.iter().filter(|(_, tally)| tally.events < 0);
    let emptied: Vec<String> = emptied.map(|(contract, _)| contract.to_string()).collect();
    let known = contracts.len();
    let values: Values = vec![Box::new(contracts.clone())];
    transaction.enqueue(COUNTING, CREATE, values, None).await?;
    let values: Values = vec![
        Box::new(contracts),
        counts(|tally| tally.events),
        counts(|tally| tally.unknown),
        counts(|tally| tally.unreadable),
        counts(|tally| tally.transfers),
        counts(|tally| tally.anomalies),
        Box::new(versions),
        Box::new(ledgers),
        Box::new(topics),
    ];
    transaction.enqueue(COUNTING, ADD, values, Some(known)).await?;
    if !emptied.is_empty() {
        let values: Values = vec![Box::new(emptied)];
        transaction.enqueue(COUNTING, FORGET, values, None).await?;
    }
    Ok(())
}

pub(crate) async fn forget_all(transaction: &mut PipelinedTransaction) -> Result<(), Fault> {
    transaction.enqueue("forgetting the counts of contracts", FORGET_ALL, Values::new(), None).await
}

pub(crate) async fn reports(lease: &Lease, limit: u32) -> Result<Vec<ContractReport>, Fault> {
    let what = "reading the counts of contracts";
    let (list, halts) = (lease.prepare_cached(LIST).await, lease.prepare_cached(HALTS).await);
    let (list, halts) = (list.attempt(what)?, halts.attempt(what)?);
    let limit = i64::from(limit);
    let summaries = lease.query(&list, &[&limit]).await.attempt(what)?;
    let halts = lease.query(&halts, &[]).await.attempt(what)?;
    let summaries: Vec<_> = summaries
        .iter()
        .map(|row| rows::contract_summary(&mut Columns::of(row, "contracts")))
        .collect::<Result<_, StoreError>>()?;
    let halts: Vec<_> = halts
        .iter()
        .map(|row| events::decode(row).map(|stored| stored.event))
        .collect::<Result<_, StoreError>>()?;
    Ok(contract_reports(summaries, &halts))
}
