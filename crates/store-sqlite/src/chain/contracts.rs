use fluxora_indexer::ContractEvent;
use fluxora_indexer::projection::ContractVersion;
use fluxora_store::chain::{ContractReport, ContractTallies, contract_reports};
use fluxora_store::{StoreError, rows};
use rusqlite::{Connection, params};

use super::events::{self, event_columns};
use super::state;
use crate::columns::Columns;
use crate::faults::Attempt;

const CREATE: &str = "INSERT INTO contracts (contract_id) VALUES (?1) ON CONFLICT DO NOTHING";
const ADD: &str = "UPDATE contracts SET events = max(0, events + ?2), unknown_events = max(0, unknown_events + ?3), \
                       unreadable_events = max(0, unreadable_events + ?4), transfer_events = max(0, transfer_events + ?5), \
                       anomalies = max(0, anomalies + ?6), version = max(coalesce(version, ?7), coalesce(?7, version)) \
                   WHERE contract_id = ?1";
const FIRST: &str = "UPDATE contracts SET first_ledger = ?2, first_topic = ?3 \
                     WHERE contract_id = ?1 AND (first_ledger IS NULL OR (?2, ?3) < (first_ledger, first_topic))";
const NO_FIRST: &str = "UPDATE contracts SET first_ledger = NULL, first_topic = NULL \
                        WHERE contract_id = ?1 AND unknown_events = 0 AND unreadable_events = 0 AND first_ledger IS NOT NULL";
const FORGET: &str = "DELETE FROM contracts WHERE contract_id = ?1 AND events = 0";
const FORGET_ALL: &str = "DELETE FROM contracts";
/// Those with unknown or unreadable events first, and of these the ones without a transfer and without a stream.
const LIST: &str = "SELECT contract_id, events, unknown_events, unreadable_events, transfer_events, anomalies, version, first_ledger, \
                        first_topic, \
                        EXISTS (SELECT 1 FROM streams s INDEXED BY streams_by_contract WHERE s.contract_id = c.contract_id) AS has_stream \
                    FROM contracts c \
                    ORDER BY unknown_events + unreadable_events > 0 DESC, transfer_events > 0, has_stream, contract_id LIMIT ?1";
const HALTS: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM contract_events e INDEXED BY contract_events_of_halts \
     WHERE (e.topic = 'halt_operator_set' OR e.topic = 'contract_halted' OR e.topic = 'contract_resumed') \
     AND e.class = 'protocol' AND e.ledger <= ?1 ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id"
);
const COUNTING: &str = "counting events by contract";

pub(crate) fn tally(connection: &Connection, tallies: &ContractTallies) -> Result<(), StoreError> {
    let run = |sql, values: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).attempt(COUNTING)
    };
    for (contract, tally) in &tallies.0 {
        let contract = contract.as_str();
        run(CREATE, params![contract])?;
        run(
            ADD,
            params![
                contract,
                tally.events,
                tally.unknown,
                tally.unreadable,
                tally.transfers,
                tally.anomalies,
                tally.version.map(ContractVersion::as_str),
            ],
        )?;
        if let Some((ledger, topic)) = &tally.first_unusable {
            run(FIRST, params![contract, ledger, topic.as_str()])?;
        }
        if tally.unknown < 0 || tally.unreadable < 0 {
            run(NO_FIRST, params![contract])?;
        }
        if tally.events < 0 {
            run(FORGET, params![contract])?;
        }
    }
    Ok(())
}

pub(crate) fn forget_all(connection: &Connection) -> Result<(), StoreError> {
    let delete = || connection.prepare_cached(FORGET_ALL)?.execute([]);
    delete().map(drop).attempt("forgetting the counts of contracts")
}

pub(crate) fn reports(connection: &Connection, limit: u32) -> Result<Vec<ContractReport>, StoreError> {
    let what = "reading the counts of contracts";
    let mut statement = connection.prepare_cached(LIST).attempt(what)?;
    let mut found = statement.query([limit]).attempt(what)?;
    let mut summaries = Vec::new();
    while let Some(row) = found.next().attempt(what)? {
        summaries.push(rows::contract_summary(&mut Columns::of(row, "contracts"))?);
    }
    Ok(contract_reports(summaries, &halts(connection)?))
}

/// The halt events of safe ledgers, in chain order.
fn halts(connection: &Connection) -> Result<Vec<ContractEvent>, StoreError> {
    let what = "reading halt events";
    let last_safe = state::read(connection)?.frontier.last_safe;
    let mut statement = connection.prepare_cached(HALTS).attempt(what)?;
    let mut rows = statement.query([last_safe]).attempt(what)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().attempt(what)? {
        found.push(events::decode(row)?.event);
    }
    Ok(found)
}
