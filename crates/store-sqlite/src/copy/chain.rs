//! Records of the chain for a copy.

use fluxora_indexer::Ledger;
use fluxora_store::chain::{ChainState, ContractTallies, Reorg, StoredEvent};
use fluxora_store::copy::{Record, RemovedStream};
use fluxora_store::{Sequence, StoreError};
use rusqlite::Connection;

use super::section::SectionQuery;
use crate::chain::events::{self, event_columns};
use crate::chain::evidence::{self, proof_columns};
use crate::chain::state::{self, reorg_columns, state_columns};
use crate::chain::{contracts, drifts, ledgers, streams};
use crate::columns;

pub(crate) const REMOVED: SectionQuery = SectionQuery {
    table: "removed_streams",
    select: "SELECT seq, id, events FROM removed_streams",
    holds: "true",
    after: "seq > ?1 ORDER BY seq LIMIT ?2",
    at: "seq = ?1",
    decode: |row| streams::decode_removed(row).map(Record::Removed),
};
pub(crate) const LEDGERS: SectionQuery = SectionQuery {
    table: "ledgers",
    select: "SELECT sequence, hash, previous_hash, closed_at FROM ledgers",
    holds: "true",
    after: "sequence > ?1 ORDER BY sequence LIMIT ?2",
    at: "sequence = ?1",
    decode: |row| ledgers::decode(row).map(Record::Ledger),
};
pub(crate) const CONTRACT_EVENTS: SectionQuery = SectionQuery {
    table: "contract_events",
    select: concat!("SELECT ", event_columns!(), ", e.seq FROM contract_events e"),
    holds: "true",
    after: "e.ledger >= ?1 \
            AND (e.ledger, e.tx_index, e.operation_index, e.event_index, e.id) > (?1, ?2, ?3, ?4, ?5) \
            ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id LIMIT ?6",
    // No two events have one id, wherever they lie.
    at: "e.id = ?5",
    decode: |row| events::decode_arrived(row).map(|(arrival, stored)| Record::ContractEvent(arrival, stored)),
};
pub(crate) const LEDGER_PROOFS: SectionQuery = SectionQuery {
    table: "ledger_proofs",
    select: concat!("SELECT ", proof_columns!(), " FROM ledger_proofs"),
    holds: "true",
    after: "ledger > ?1 ORDER BY ledger LIMIT ?2",
    at: "ledger = ?1",
    decode: |row| evidence::decode_proof(row).map(Record::LedgerProof),
};
pub(crate) const COVERAGE: SectionQuery = SectionQuery {
    table: "contract_coverage",
    select: "SELECT contract_id, ledgers FROM contract_coverage",
    holds: "true",
    after: "(contract_id, '') > (?1, ?2) ORDER BY contract_id LIMIT ?3",
    at: "(contract_id, '') = (?1, ?2)",
    decode: |row| evidence::decode_coverage(row).map(Record::Coverage),
};
pub(crate) const DRIFTS: SectionQuery = SectionQuery {
    table: "stream_drifts",
    select: "SELECT stream, ledger, fields FROM stream_drifts",
    holds: "true",
    after: "(stream, '') > (?1, ?2) ORDER BY stream LIMIT ?3",
    at: "(stream, '') = (?1, ?2)",
    decode: |row| drifts::decode(row).map(Record::StreamDrift),
};
pub(crate) const REPEATED_EVENTS: SectionQuery = SectionQuery {
    table: "repeated_contract_events",
    select: concat!("SELECT e.number, e.kept, ", event_columns!(), " FROM repeated_contract_events e"),
    holds: "true",
    after: "e.number > ?1 ORDER BY e.number LIMIT ?2",
    at: "e.number = ?1",
    decode: |row| events::decode_repeated(row).map(Record::RepeatedEvent),
};
pub(crate) const REORGS: SectionQuery = SectionQuery {
    table: "reorgs",
    select: concat!("SELECT ", reorg_columns!(), " FROM reorgs"),
    holds: "true",
    after: "number > ?1 ORDER BY number LIMIT ?2",
    at: "number = ?1",
    decode: |row| state::decode_reorg(row).map(Record::Reorg),
};
/// The row is there from the first. It says something as soon as one of these does: the other counts are parts of `events`, the
/// other values come with these.
pub(crate) const STATE: SectionQuery = SectionQuery {
    table: "chain_state",
    select: concat!(
        "SELECT ",
        state_columns!(),
        ", max(last_arrival, coalesce((SELECT max(seq) FROM contract_events), 0)) AS last_arrival FROM chain_state"
    ),
    holds: "(events > 0 OR coalesce(tip_ledger, last_safe, final_ledger, synced_at, refused_at, refused_tip_at) IS NOT NULL)",
    after: "one > ?1 ORDER BY one LIMIT ?2",
    at: "one = ?1",
    decode: |row| state::decode_with_arrival(row).map(|(state, last)| Record::ChainState(state, last)),
};

pub(crate) fn put_removed(connection: &Connection, removed: &RemovedStream) -> Result<(), StoreError> {
    let RemovedStream { sequence, id, event_count } = removed;
    streams::insert_removed(connection, columns::seq(*sequence), *id, *event_count)
}

pub(crate) fn put_ledger(connection: &Connection, ledger: &Ledger) -> Result<(), StoreError> {
    ledgers::write(connection, std::slice::from_ref(ledger))
}

pub(crate) fn put_event(
    connection: &Connection,
    arrival: Sequence,
    stored: &StoredEvent,
) -> Result<(), StoreError> {
    events::insert_at(connection, [(columns::seq(arrival), stored)])?;
    contracts::tally(connection, &ContractTallies::of([stored]))
}

pub(crate) fn put_reorg(connection: &Connection, reorg: &Reorg) -> Result<(), StoreError> {
    state::insert_reorg(connection, Some(columns::count(reorg.number)), reorg).map(drop)
}

pub(crate) fn put_state(
    connection: &Connection,
    state: &ChainState,
    last_arrival: Sequence,
) -> Result<(), StoreError> {
    state::save(connection, state)?;
    state::save_last_arrival(connection, last_arrival)
}
