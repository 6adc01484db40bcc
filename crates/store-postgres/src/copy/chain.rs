//! Records of the chain for a copy.

use fluxora_indexer::Ledger;
use fluxora_store::Sequence;
use fluxora_store::chain::{ChainState, ContractTallies, Reorg, RepeatedEvent, StoredEvent};
use fluxora_store::copy::{Record, RemovedStream};
use fluxora_stream::Stream;

use super::section::{SectionQuery, continue_numbering_after};
use crate::chain::events::{self, event_columns};
use crate::chain::evidence::{self, proof_columns};
use crate::chain::state::{self, reorg_columns, state_columns};
use crate::chain::{contracts, drifts, ledgers, streams};
use crate::faults::Fault;
use crate::pipeline::PipelinedTransaction;

pub(crate) const REMOVED: SectionQuery = SectionQuery {
    table: "removed_streams",
    select: "SELECT seq, id, events FROM removed_streams",
    holds: "true",
    after: "seq > $1 ORDER BY seq LIMIT $2",
    at: "seq = ANY ($1)",
    decode: |row| streams::decode_removed(row).map(Record::Removed),
};
pub(crate) const LEDGERS: SectionQuery = SectionQuery {
    table: "ledgers",
    select: "SELECT sequence, hash, previous_hash, closed_at FROM ledgers",
    holds: "true",
    after: "sequence > $1 ORDER BY sequence LIMIT $2",
    at: "sequence = ANY ($1::bigint[])",
    decode: |row| ledgers::decode(row).map(Record::Ledger),
};
pub(crate) const CONTRACT_EVENTS: SectionQuery = SectionQuery {
    table: "contract_events",
    select: concat!("SELECT ", event_columns!(), ", e.arrival FROM contract_events e"),
    holds: "true",
    after: "e.ledger >= $1 \
            AND (e.ledger, e.tx_index, e.operation_index, e.event_index, e.id) > ($1, $2, $3, $4, $5) \
            ORDER BY e.ledger, e.tx_index, e.operation_index, e.event_index, e.id LIMIT $6",
    at: "e.id = ANY ($1::text[])",
    decode: |row| events::decode_arrived(row).map(|(arrival, stored)| Record::ContractEvent(arrival, stored)),
};
pub(crate) const LEDGER_PROOFS: SectionQuery = SectionQuery {
    table: "ledger_proofs",
    select: concat!("SELECT ", proof_columns!(), " FROM ledger_proofs"),
    holds: "true",
    after: "ledger > $1 ORDER BY ledger LIMIT $2",
    at: "ledger = ANY ($1::bigint[])",
    decode: |row| evidence::decode_proof(row).map(Record::LedgerProof),
};
pub(crate) const COVERAGE: SectionQuery = SectionQuery {
    table: "contract_coverage",
    select: "SELECT contract_id, ledgers FROM contract_coverage",
    holds: "true",
    after: "(contract_id, ''::text) > ($1, $2) ORDER BY contract_id LIMIT $3",
    at: "(contract_id, ''::text) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
    decode: |row| evidence::decode_coverage(row).map(Record::Coverage),
};
pub(crate) const DRIFTS: SectionQuery = SectionQuery {
    table: "stream_drifts",
    select: "SELECT stream, ledger, fields FROM stream_drifts",
    holds: "true",
    after: "(stream, ''::text) > ($1, $2) ORDER BY stream LIMIT $3",
    at: "(stream, ''::text) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
    decode: |row| drifts::decode(row).map(Record::StreamDrift),
};
pub(crate) const REPEATED_EVENTS: SectionQuery = SectionQuery {
    table: "repeated_contract_events",
    select: concat!("SELECT e.number, e.kept, ", event_columns!(), " FROM repeated_contract_events e"),
    holds: "true",
    after: "e.number > $1 ORDER BY e.number LIMIT $2",
    at: "e.number = ANY ($1)",
    decode: |row| events::decode_repeated(row).map(Record::RepeatedEvent),
};
pub(crate) const REORGS: SectionQuery = SectionQuery {
    table: "reorgs",
    select: concat!("SELECT ", reorg_columns!(), " FROM reorgs r"),
    holds: "true",
    after: "r.number > $1 ORDER BY r.number LIMIT $2",
    at: "r.number = ANY ($1)",
    decode: |row| state::decode_reorg(row).map(Record::Reorg),
};
/// The row is there from the first. It says something as soon as one of these does: the other counts are parts of `events`, the
/// other values come with these.
pub(crate) const STATE: SectionQuery = SectionQuery {
    table: "chain_state",
    select: concat!(
        "SELECT ",
        state_columns!(),
        ", coalesce(pg_sequence_last_value(pg_get_serial_sequence('contract_events', 'arrival')::regclass), 0) AS last_arrival \
         FROM chain_state s"
    ),
    holds: "(events > 0 OR num_nonnulls(tip_ledger, last_safe, final_ledger, synced_at, refused_at, refused_tip_at) > 0)",
    after: "s.one > $1 ORDER BY s.one LIMIT $2",
    at: "s.one = ANY ($1)",
    decode: |row| state::decode_with_arrival(row).map(|(state, last)| Record::ChainState(state, last)),
};

/// Inserts streams of either origin with their sequences.
pub(crate) async fn put_streams(
    chain: &mut PipelinedTransaction,
    streams: &[(Sequence, &Stream)],
) -> Result<(), Fault> {
    streams::insert_at(chain, streams).await?;
    let tallies = ContractTallies::of_streams(streams.iter().map(|(_, stream)| *stream));
    contracts::tally(chain, &tallies).await?;
    continue_numbering_after(chain, "streams", streams.iter().map(|(place, _)| *place).max()).await
}

/// The sequence of a removed stream is not used again either.
pub(crate) async fn put_removed(
    chain: &mut PipelinedTransaction,
    removed: &[RemovedStream],
) -> Result<(), Fault> {
    streams::insert_removed(chain, removed).await?;
    continue_numbering_after(chain, "streams", removed.iter().map(|removed| removed.sequence).max()).await
}

pub(crate) async fn put_ledgers(chain: &mut PipelinedTransaction, ledgers: &[Ledger]) -> Result<(), Fault> {
    ledgers::write(chain, ledgers).await
}

pub(crate) async fn put_events(
    chain: &mut PipelinedTransaction,
    events: &[StoredEvent],
    arrivals: &[Sequence],
) -> Result<(), Fault> {
    events::insert_at(chain, events, arrivals).await?;
    contracts::tally(chain, &ContractTallies::of(events)).await?;
    continue_numbering_after(chain, "contract_events", arrivals.iter().copied().max()).await
}

pub(crate) async fn put_repeated(
    chain: &mut PipelinedTransaction,
    repeated: &[&RepeatedEvent],
) -> Result<(), Fault> {
    for repeated in repeated {
        events::put_repeated(chain, repeated).await?;
    }
    Ok(())
}

pub(crate) async fn put_reorgs(chain: &mut PipelinedTransaction, reorgs: &[&Reorg]) -> Result<(), Fault> {
    for reorg in reorgs {
        state::put_reorg(chain, reorg).await?;
    }
    Ok(())
}

pub(crate) async fn put_states(
    chain: &mut PipelinedTransaction,
    states: &[(&ChainState, Sequence)],
) -> Result<(), Fault> {
    for (state, last_arrival) in states {
        state::save(chain, state).await?;
        continue_numbering_after(chain, "contract_events", Some(*last_arrival)).await?;
    }
    Ok(())
}
