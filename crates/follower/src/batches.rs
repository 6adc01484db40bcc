//! Verified ledgers as batches for the store.

use std::sync::Arc;

use fluxora_indexer::{Batch, Evidence, Fence, Ledger, Opaque, Pushed};
use fluxora_stellar::{Hash, VerifiedLedger};

use crate::FollowError;

/// The most ledgers of a batch.
const LEDGERS_MAX: usize = 256;
/// Events after which a batch ends with its ledger.
const EVENTS_ENOUGH: usize = 100;

/// Divides consecutive ledgers into batches. A ledger is never divided: its events are stored together or not at all, so
/// the newest stored ledger is always complete.
///
/// `contracts` are those whose events the ledgers hold.
pub(crate) fn batches(
    ledgers: &[VerifiedLedger],
    contracts: &[Opaque],
    fence: Option<Fence>,
) -> Result<Vec<Arc<Batch>>, FollowError> {
    let mut batches = Vec::new();
    let mut rest = ledgers;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(length(rest));
        let proofs = now.iter().filter_map(VerifiedLedger::proof).collect();
        let evidence = Evidence { contracts: contracts.to_vec(), proofs, fence };
        batches.push(Arc::new(batch(now)?.with_evidence(evidence)));
        rest = later;
    }
    Ok(batches)
}

/// How many of the ledgers are in the first batch: at least one.
fn length(ledgers: &[VerifiedLedger]) -> usize {
    let mut events = 0_usize;
    let taken = ledgers.iter().take(LEDGERS_MAX).take_while(|verified| {
        let goes_on = events < EVENTS_ENOUGH;
        events = events.saturating_add(verified.events.len());
        goes_on
    });
    taken.count().max(1)
}

fn batch(ledgers: &[VerifiedLedger]) -> Result<Batch, FollowError> {
    let (mut headers, mut events) = (Vec::with_capacity(ledgers.len()), Vec::new());
    for VerifiedLedger { ledger, events: emitted, unverifiable: _, unproven_entries: _ } in ledgers {
        let (hash, previous) = (text(&ledger.hash)?, text(&ledger.previous_hash)?);
        events.extend(emitted.iter().map(|verified| Pushed {
            event: verified.event.clone(),
            ledger_hash: hash.clone(),
            previous_hash: Some(previous.clone()),
        }));
        headers.push(Ledger {
            sequence: ledger.sequence,
            hash,
            previous_hash: Some(previous),
            closed_at: Some(ledger.close_time),
        });
    }
    Batch::of_ledgers(events, headers, usize::MAX).map_err(FollowError::Batch)
}

fn text(hash: &Hash) -> Result<Opaque, FollowError> {
    Opaque::new(&hash.to_string()).map_err(FollowError::Hash)
}
