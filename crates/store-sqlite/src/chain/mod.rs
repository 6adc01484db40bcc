//! The SQL of the chain: the statements that the steps of [`fluxora_store::chain`] need, on a given connection.

pub(crate) mod contracts;
pub(crate) mod drifts;
pub(crate) mod events;
pub(crate) mod evidence;
pub(crate) mod ledgers;
mod list;
#[cfg(test)]
mod skewed;
pub(crate) mod state;
pub(crate) mod streams;

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use fluxora_indexer::{ContractEvent, Frontier, Ledger, LedgerProof};
use fluxora_store::chain::{
    ChainState, ChainTransaction, ContractTallies, Coverage, EventCursor, Mention, Reorg, RepeatedEvent,
    StoredEvent, StoredStream, StreamWrite,
};
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::{StreamEvent, StreamId};
use rusqlite::Connection;

use crate::faults::Attempt;

pub(crate) use events::place_of;
pub(crate) use list::list;
pub(crate) use state::{read as state, reorgs};

/// A connection that a transaction is open on, or that only reads.
pub(crate) struct Chain<'c>(pub(crate) &'c Connection);

/// Runs steps that never wait: every future of a [`Chain`] is ready when it is asked.
pub(crate) fn run<T>(steps: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match pin!(steps).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => {
            let reason = "a step of the chain waited for something".to_owned();
            Err(StoreError::Internal { reason, source: None })
        }
    }
}

/// Runs reads in one snapshot of the database. It nests in a transaction that is already open.
pub(crate) fn in_one_snapshot<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let execute = |sql| connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    execute("SAVEPOINT one_moment").attempt("beginning to read")?;
    let read = read(connection);
    execute("RELEASE one_moment").attempt("ending to read")?;
    read
}

impl ChainTransaction for Chain<'_> {
    type Fault = StoreError;

    async fn state(&mut self) -> Result<ChainState, StoreError> {
        state::read(self.0)
    }

    async fn frontier(&mut self) -> Result<Frontier, StoreError> {
        state::read(self.0).map(|state| state.frontier)
    }

    async fn save(&mut self, state: &ChainState) -> Result<(), StoreError> {
        state::save(self.0, state)
    }

    async fn ledgers(&mut self, sequences: &[u32]) -> Result<Vec<Ledger>, StoreError> {
        ledgers::read(self.0, sequences)
    }

    async fn ledgers_from(&mut self, sequence: u32) -> Result<Vec<Ledger>, StoreError> {
        ledgers::from(self.0, sequence)
    }

    async fn newest_ledger(&mut self, upto: u32) -> Result<Option<Ledger>, StoreError> {
        ledgers::newest(self.0, upto)
    }

    async fn write_ledgers(&mut self, ledgers: &[Ledger]) -> Result<(), StoreError> {
        ledgers::write(self.0, ledgers)
    }

    async fn coverage(&mut self) -> Result<Vec<Coverage>, StoreError> {
        evidence::coverage(self.0)
    }

    async fn write_coverage(&mut self, coverage: &[Coverage]) -> Result<(), StoreError> {
        evidence::write_coverage(self.0, coverage)
    }

    async fn ledger_proofs(&mut self, ledgers: &[u32]) -> Result<Vec<LedgerProof>, StoreError> {
        evidence::proofs(self.0, ledgers)
    }

    async fn write_ledger_proofs(&mut self, proofs: &[LedgerProof]) -> Result<(), StoreError> {
        evidence::write_proofs(self.0, proofs)
    }

    async fn lease_token(&mut self, lease: &'static str) -> Result<Option<u64>, StoreError> {
        evidence::lease_token(self.0, lease)
    }

    async fn known_events(&mut self, events: &[ContractEvent]) -> Result<Vec<ContractEvent>, StoreError> {
        events::known(self.0, events)
    }

    async fn repeated_events(&mut self) -> Result<Vec<RepeatedEvent>, StoreError> {
        events::repeated(self.0)
    }

    async fn insert_events(&mut self, events: &[StoredEvent]) -> Result<(), StoreError> {
        events::insert(self.0, events)
    }

    async fn write_invocations(&mut self, events: &[ContractEvent]) -> Result<(), StoreError> {
        events::write_invocations(self.0, events)
    }

    async fn reclassify(&mut self, events: &[StoredEvent]) -> Result<(), StoreError> {
        events::reclassify(self.0, events)
    }

    async fn remove_ledgers(&mut self, ledgers: RangeInclusive<u32>) -> Result<Vec<StoredEvent>, StoreError> {
        ledgers::remove(self.0, &ledgers)?;
        evidence::remove_proofs(self.0, &ledgers)?;
        drifts::remove(self.0, &ledgers)?;
        events::remove(self.0, &ledgers)
    }

    async fn events_between(
        &mut self,
        after: Option<u32>,
        upto: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        events::between(self.0, after, upto)
    }

    async fn events_of_transactions(
        &mut self,
        transactions: &[(u32, u32)],
    ) -> Result<Vec<StoredEvent>, StoreError> {
        events::of_transactions(self.0, transactions.iter().copied())
    }

    async fn expect_rebuild(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn dependents(
        &mut self,
        streams: &[StreamId],
        ledgers: RangeInclusive<u32>,
    ) -> Result<Vec<StreamId>, StoreError> {
        events::dependents(self.0, streams, &ledgers)
    }

    async fn mentions(&mut self, streams: &[StreamId], upto: u32) -> Result<Vec<Mention>, StoreError> {
        events::mentions(self.0, streams, upto)
    }

    async fn events_after(
        &mut self,
        after: Option<&EventCursor>,
        upto: u32,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        events::after(self.0, after, upto, limit)
    }

    async fn streams(&mut self, ids: &[StreamId]) -> Result<Vec<StoredStream>, StoreError> {
        streams::read(self.0, ids)
    }

    async fn streams_after(
        &mut self,
        after: Option<Sequence>,
        limit: u32,
    ) -> Result<Vec<StoredStream>, StoreError> {
        streams::after(self.0, after, limit)
    }

    async fn write(&mut self, streams: &[StreamWrite], events: &[StreamEvent]) -> Result<(), StoreError> {
        streams::write(self.0, streams, events)
    }

    async fn record_reorg(&mut self, reorg: &Reorg) -> Result<u64, StoreError> {
        state::record_reorg(self.0, reorg)
    }

    async fn tally(&mut self, contracts: &ContractTallies) -> Result<(), StoreError> {
        contracts::tally(self.0, contracts)
    }

    async fn forget_contracts(&mut self) -> Result<(), StoreError> {
        contracts::forget_all(self.0)
    }
}
