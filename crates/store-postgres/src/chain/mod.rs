//! The SQL of the chain: what the steps of [`fluxora_store::chain`] need, in as few round trips as they allow.
//!
//! Locks are taken in one order, so that there is no deadlock: the row of `chain_state` first, which serializes the transactions that change
//! the chain; then the rows of chain streams, which only these transactions change; the lock that numbers events last, together with the
//! commit.

pub(crate) mod change_set;
pub(crate) mod contracts;
pub(crate) mod drifts;
pub(crate) mod events;
pub(crate) mod evidence;
pub(crate) mod ledgers;
mod list;
pub(crate) mod prefetch;
pub(crate) mod state;
pub(crate) mod streams;
pub(crate) mod terms;

use std::ops::RangeInclusive;
use std::sync::Arc;

use fluxora_indexer::{ContractEvent, Frontier, Ledger, LedgerProof};

use fluxora_store::chain::{
    ChainState, ChainTransaction, ContractTallies, Coverage, EventCursor, Mention, Reorg, RepeatedEvent,
    StoredEvent, StoredStream, StreamWrite, stream_as_of,
};
use fluxora_store::{Sequence, StateAt, StoreError, replay};
use fluxora_stream::{Stream, StreamEvent, StreamId, UnixTime};

pub(crate) use events::place_of;
pub(crate) use list::list;
pub(crate) use state::{reorgs, state};

use crate::faults::Fault;
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;
use crate::streams::{find, history};

#[cfg(test)]
pub(crate) use list::{ARRIVED, LIST, WINDOW};

/// Every query whose text is always the same and which reads, changes or removes rows by what they are, with the indexes it is to
/// follow.
#[cfg(test)]
pub(crate) const QUERIES: [(&str, &[&str]); 34] = [
    (state::STATE, &["reorgs_pkey"]),
    (state::REORGS, &["reorgs_pkey"]),
    (ledgers::READ, &["ledgers_pkey"]),
    (ledgers::FROM, &["ledgers_pkey"]),
    (ledgers::BETWEEN, &["ledgers_pkey"]),
    (ledgers::NEWEST, &["ledgers_pkey"]),
    (ledgers::REMOVE, &["ledgers_pkey"]),
    (events::BY_ID, &["contract_events_pkey"]),
    (events::AT, &["contract_events_in_order"]),
    (events::BETWEEN, &["contract_events_in_order"]),
    (events::WAITING, &["contract_events_in_order"]),
    (events::OF_TRANSACTIONS, &["contract_events_in_order"]),
    (events::DEPENDENTS, &["contract_events_by_other"]),
    (events::MENTIONS, &["contract_events_by_stream"]),
    (events::MENTIONS_AS_OTHER, &["contract_events_by_other"]),
    (events::AFTER, &["contract_events_in_order"]),
    (events::RECLASSIFY, &["contract_events_pkey"]),
    (events::WRITE_INVOCATIONS, &["contract_events_in_order"]),
    (events::REMOVE, &["contract_events_in_order"]),
    (evidence::REMOVE_COVERAGE, &["contract_coverage_pkey"]),
    (evidence::PROOFS, &["ledger_proofs_pkey"]),
    (evidence::REMOVE_PROOFS, &["ledger_proofs_pkey"]),
    (drifts::AGREE, &["stream_drifts_pkey"]),
    (drifts::REMOVE, &["stream_drifts_by_ledger"]),
    (evidence::TOKEN, &["leases_pkey"]),
    (evidence::EVENT, &["contract_events_pkey", "ledgers_pkey"]),
    (streams::READ, &["streams_id_key"]),
    (streams::REMOVED, &["removed_streams_id_key"]),
    (streams::AFTER, &["streams_by_origin"]),
    (streams::UPDATE, &["Index Scan using streams_"]),
    (streams::UPDATE_STATUS_ONLY, &["Index Scan using streams_"]),
    (streams::DELETE, &["streams_pkey"]),
    (crate::treasury::streams::OF_SENDER, &["streams_by_sender"]),
    (crate::treasury::streams::OF_RECIPIENT, &["streams_by_recipient"]),
];

/// Reads the state of a stream at the end of the second `at`: [`StreamStore::stream_at`](fluxora_store::StreamStore::stream_at).
///
/// The stored stream and its history need no common snapshot: a history only grows, by events that occur later.
pub(crate) async fn stream_at(
    lease: Arc<Lease>,
    id: &StreamId,
    at: UnixTime,
) -> Result<Option<Stream>, Fault> {
    let Some(stored) = find(&lease, id).await? else { return Ok(None) };
    match StateAt::of(stored, at) {
        StateAt::Current(stream) => Ok(Some(*stream)),
        StateAt::History => {
            let events = history(&lease, id, at).await?;
            Ok(replay(&events).map_err(StoreError::from)?)
        }
        StateAt::ContractEvents => {
            let mut transaction = PipelinedTransaction::snapshot(lease);
            let stream = stream_as_of(&mut transaction, *id, at).await?;
            transaction.commit().await?;
            Ok(stream)
        }
    }
}

impl ChainTransaction for PipelinedTransaction {
    type Fault = Fault;

    async fn state(&mut self) -> Result<ChainState, Fault> {
        state::lock(self).await
    }

    async fn frontier(&mut self) -> Result<Frontier, Fault> {
        state::frontier(self).await
    }

    async fn save(&mut self, state: &ChainState) -> Result<(), Fault> {
        state::save(self, state).await
    }

    async fn ledgers(&mut self, sequences: &[u32]) -> Result<Vec<Ledger>, Fault> {
        ledgers::read(self, sequences).await
    }

    async fn ledgers_from(&mut self, sequence: u32) -> Result<Vec<Ledger>, Fault> {
        ledgers::from(self, sequence).await
    }

    async fn newest_ledger(&mut self, upto: u32) -> Result<Option<Ledger>, Fault> {
        ledgers::newest(self, upto).await
    }

    async fn write_ledgers(&mut self, ledgers: &[Ledger]) -> Result<(), Fault> {
        ledgers::write(self, ledgers).await
    }

    async fn coverage(&mut self) -> Result<Vec<Coverage>, Fault> {
        evidence::coverage(self).await
    }

    async fn write_coverage(&mut self, coverage: &[Coverage]) -> Result<(), Fault> {
        evidence::write_coverage(self, coverage).await
    }

    async fn ledger_proofs(&mut self, ledgers: &[u32]) -> Result<Vec<LedgerProof>, Fault> {
        evidence::proofs(self, ledgers).await
    }

    async fn write_ledger_proofs(&mut self, proofs: &[LedgerProof]) -> Result<(), Fault> {
        evidence::write_proofs(self, proofs).await
    }

    async fn lease_token(&mut self, lease: &'static str) -> Result<Option<u64>, Fault> {
        evidence::lease_token(self, lease).await
    }

    async fn known_events(&mut self, events: &[ContractEvent]) -> Result<Vec<ContractEvent>, Fault> {
        events::known(self, events).await
    }

    async fn repeated_events(&mut self) -> Result<Vec<RepeatedEvent>, Fault> {
        events::repeated(self).await
    }

    async fn insert_events(&mut self, events: &[StoredEvent]) -> Result<(), Fault> {
        events::insert(self, events).await
    }

    async fn write_invocations(&mut self, events: &[ContractEvent]) -> Result<(), Fault> {
        events::write_invocations(self, events).await
    }

    async fn reclassify(&mut self, events: &[StoredEvent]) -> Result<(), Fault> {
        events::reclassify(self, events).await
    }

    async fn remove_ledgers(&mut self, ledgers: RangeInclusive<u32>) -> Result<Vec<StoredEvent>, Fault> {
        ledgers::remove(self, &ledgers).await?;
        evidence::remove_proofs(self, &ledgers).await?;
        drifts::remove(self, &ledgers).await?;
        events::remove(self, &ledgers).await
    }

    async fn events_between(&mut self, after: Option<u32>, upto: u32) -> Result<Vec<StoredEvent>, Fault> {
        events::between(self, after, upto).await
    }

    async fn events_of_transactions(
        &mut self,
        transactions: &[(u32, u32)],
    ) -> Result<Vec<StoredEvent>, Fault> {
        events::of_transactions(self, transactions).await
    }

    async fn expect_rebuild(&mut self) -> Result<(), Fault> {
        self.extend();
        Ok(())
    }

    async fn dependents(
        &mut self,
        streams: &[StreamId],
        ledgers: RangeInclusive<u32>,
    ) -> Result<Vec<StreamId>, Fault> {
        events::dependents(self, streams, &ledgers).await
    }

    async fn mentions(&mut self, streams: &[StreamId], upto: u32) -> Result<Vec<Mention>, Fault> {
        events::mentions(self, streams, upto).await
    }

    async fn events_after(
        &mut self,
        after: Option<&EventCursor>,
        upto: u32,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, Fault> {
        events::after(self, after, upto, limit).await
    }

    async fn streams(&mut self, ids: &[StreamId]) -> Result<Vec<StoredStream>, Fault> {
        streams::read(self, ids).await
    }

    async fn streams_after(
        &mut self,
        after: Option<Sequence>,
        limit: u32,
    ) -> Result<Vec<StoredStream>, Fault> {
        streams::after(self, after, limit).await
    }

    async fn write(&mut self, streams: &[StreamWrite], events: &[StreamEvent]) -> Result<(), Fault> {
        streams::write(self, streams, events).await
    }

    async fn record_reorg(&mut self, reorg: &Reorg) -> Result<u64, Fault> {
        state::record_reorg(self, reorg).await
    }

    async fn tally(&mut self, contracts: &ContractTallies) -> Result<(), Fault> {
        contracts::tally(self, contracts).await
    }

    async fn forget_contracts(&mut self) -> Result<(), Fault> {
        contracts::forget_all(self).await
    }
}
