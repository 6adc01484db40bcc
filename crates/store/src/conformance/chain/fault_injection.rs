//! A transaction that breaks off at a chosen step, for proving that nothing of it stays.

use std::ops::RangeInclusive;

use fluxora_indexer::{ContractEvent, Frontier, Ledger, LedgerProof};
use fluxora_stream::{StreamEvent, StreamId};

use crate::chain::{
    ChainState, ChainTransaction, ContractTallies, Coverage, EventCursor, Mention, Reorg, RepeatedEvent,
    StoredEvent, StoredStream, StreamWrite,
};
use crate::{Sequence, StoreError};

/// Hands every step on, until as many as were chosen are done; the next one fails.
#[derive(Debug)]
pub struct Failing<T> {
    inner: T,
    left: usize,
}

impl<T> Failing<T> {
    /// Lets `steps` steps pass.
    pub const fn after(steps: usize, inner: T) -> Self {
        Self { inner, left: steps }
    }

    fn step(&mut self) -> Result<(), StoreError> {
        let broken = || StoreError::Unavailable { reason: "broken off".to_owned(), source: None };
        self.left = self.left.checked_sub(1).ok_or_else(broken)?;
        Ok(())
    }
}

/// Each step is the inner one, counted.
macro_rules! counted {
    ($($step:ident($($name:ident: $type:ty),*) -> $out:ty;)*) => {
        impl<T: ChainTransaction> ChainTransaction for Failing<T> {
            type Fault = T::Fault;

            $(
                async fn $step(&mut self, $($name: $type),*) -> Result<$out, T::Fault> {
                    self.step()?;
                    self.inner.$step($($name),*).await
                }
            )*
        }
    };
}

counted! {
    state() -> ChainState;
    frontier() -> Frontier;
    save(state: &ChainState) -> ();
    ledgers(sequences: &[u32]) -> Vec<Ledger>;
    ledgers_from(sequence: u32) -> Vec<Ledger>;
    newest_ledger(upto: u32) -> Option<Ledger>;
    write_ledgers(ledgers: &[Ledger]) -> ();
    coverage() -> Vec<Coverage>;
    write_coverage(coverage: &[Coverage]) -> ();
    ledger_proofs(ledgers: &[u32]) -> Vec<LedgerProof>;
    write_ledger_proofs(proofs: &[LedgerProof]) -> ();
    lease_token(lease: &'static str) -> Option<u64>;
    known_events(events: &[ContractEvent]) -> Vec<ContractEvent>;
    repeated_events() -> Vec<RepeatedEvent>;
    insert_events(events: &[StoredEvent]) -> ();
    write_invocations(events: &[ContractEvent]) -> ();
    reclassify(events: &[StoredEvent]) -> ();
    remove_ledgers(ledgers: RangeInclusive<u32>) -> Vec<StoredEvent>;
    events_between(after: Option<u32>, upto: u32) -> Vec<StoredEvent>;
    events_of_transactions(transactions: &[(u32, u32)]) -> Vec<StoredEvent>;
    expect_rebuild() -> ();
    dependents(streams: &[StreamId], ledgers: RangeInclusive<u32>) -> Vec<StreamId>;
    mentions(streams: &[StreamId], upto: u32) -> Vec<Mention>;
    events_after(after: Option<&EventCursor>, upto: u32, limit: u32) -> Vec<StoredEvent>;
    streams(ids: &[StreamId]) -> Vec<StoredStream>;
    streams_after(after: Option<Sequence>, limit: u32) -> Vec<StoredStream>;
    write(streams: &[StreamWrite], events: &[StreamEvent]) -> ();
    record_reorg(reorg: &Reorg) -> u64;
    tally(contracts: &ContractTallies) -> ();
    forget_contracts() -> ();
}
