//! The levels of verification, in the order in which each rests on the one before.
//!
//! L1: the hash of the header. L2: the results of the transactions. L2b: the transaction set. L3: the events of every
//! successful invocation.

use std::cell::LazyCell;
use std::sync::Arc;

use fluxora_indexer::projection::{invocation_of, leaves_open};
use fluxora_indexer::{Invocation as Call, StreamEntry};
use stellar_xdr::{
    ContractEvent, ContractEventBody, LedgerCloseMeta, LedgerHeader, LedgerHeaderHistoryEntry, ScVal,
    StellarValueExt, TransactionMeta, TransactionResultPair,
};

use crate::calls::Envelopes;
use crate::decode::{append, encode};
use crate::entries::Entries;
use crate::event::Emitter;
use crate::proof::LedgerProof;
use crate::results::Outcome;
use crate::{
    EventProof, Hash, Ledger, LedgerError, Undecodable, UnverifiableTransaction, VerifiedEvent, WatchList,
};

/// The protocol that gave the asset contract's events their form. Events of earlier ledgers may have been rewritten to it.
const ASSET_EVENTS_SETTLED: u32 = 23;

/// A ledger that passed every level, with the events of watched contracts.
#[derive(Clone, Debug)]
pub struct VerifiedLedger {
    /// What the header says.
    pub ledger: Ledger,
    /// The events taken, in chain order. None of the ledger's provable events of watched contracts is missing.
    pub events: Vec<VerifiedEvent>,
    /// Invocations whose events cannot be proven, whether or not a watched contract emitted one. Empty from protocol 23 on.
    pub unverifiable: Vec<UnverifiableTransaction>,
    /// The entries of streams of watched contracts that successful invocations wrote last. No hash covers them.
    pub unproven_entries: Vec<StreamEntry>,
}

/// Verifies a ledger against its own header, and takes the events of watched contracts.
///
/// Whether the ledger belongs to the chain is for [`Ledger::follows`] to say.
///
/// # Errors
/// [`LedgerError`]: the first contradiction.
pub fn verify(meta: &LedgerCloseMeta, watched: &WatchList) -> Result<VerifiedLedger, LedgerError> {
    let parts = Parts::of(meta);
    let header = &parts.header.header;
    let header_xdr = encode(header).map_err(|source| undecodable(header, source))?;
    let ledger = header_hash(parts.header, &header_xdr)?;
    let results_xdr = result_set(header, &parts.transactions)?;
    transaction_set(header, meta, &parts.transactions)?;
    let proof = Arc::new(LedgerProof { header: header_xdr.into(), results: results_xdr.into() });
    let mut verified =
        VerifiedLedger { ledger, events: Vec::new(), unverifiable: Vec::new(), unproven_entries: Vec::new() };
    let mut entries = Entries::default();
    let envelopes = LazyCell::new(|| Envelopes::of(meta, watched.network()));
    for (transaction, (result, applied)) in (1..).zip(&parts.transactions) {
        let hash = Hash::from(&result.transaction_hash);
        let emitter = Emitter { ledger: &ledger, transaction, hash };
        match Outcome::of(&result.result) {
            Outcome::Other => {}
            Outcome::Mixed => {
                return Err(LedgerError::NotAnInvocation { ledger: ledger.sequence, transaction });
            }
            Outcome::Invoked(committed) => {
                let invocation = Invocation::of(applied)
                    .ok_or(LedgerError::NotAnInvocation { ledger: ledger.sequence, transaction })?;
                let calls = || envelopes.calls(hash, |contract| watched.contains(contract));
                verified.invocation(emitter, committed, &invocation, watched, &proof, calls)?;
                entries.read(applied, watched, &ledger);
            }
        }
    }
    verified.unproven_entries = entries.last();
    Ok(verified)
}

impl VerifiedLedger {
    /// What proves the events taken; `None` without events.
    pub fn proof(&self) -> Option<fluxora_indexer::LedgerProof> {
        let mut proofs = self.events.iter().map(|verified| verified.proof.of_ledger(self.ledger.sequence));
        let mut proof = proofs.next()?;
        proofs.for_each(|other| proof.merge(&other));
        Some(proof)
    }

    /// L3.
    fn invocation(
        &mut self,
        emitter: Emitter<'_>,
        committed: Hash,
        invocation: &Invocation<'_>,
        watched: &WatchList,
        proof: &Arc<LedgerProof>,
        calls: impl FnOnce() -> Vec<Call>,
    ) -> Result<(), LedgerError> {
        let Emitter { ledger, transaction, hash } = emitter;
        let preimage = invocation.preimage().map_err(|source| LedgerError::from(at(ledger, source)))?;
        let computed = Hash::of(&preimage);
        let proven = committed == computed;
        let rewritten = ledger.protocol < ASSET_EVENTS_SETTLED && invocation.has_asset_event();
        if !proven && !rewritten {
            return Err(LedgerError::EventsHash {
                ledger: ledger.sequence,
                transaction,
                committed,
                computed,
            });
        }
        let preimage = Arc::<[u8]>::from(preimage);
        let mut unproven = Vec::new();
        let calls = LazyCell::new(calls);
        for (index, event) in watched.select(invocation.events) {
            // XDR counts the elements of a list in 32 bits.
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let taken = emitter.event(index, event);
            let mut event = taken.map_err(|source| LedgerError::Unnamed {
                ledger: ledger.sequence,
                transaction,
                source,
            })?;
            if proven {
                if leaves_open(&event) {
                    event.invocation = invocation_of(&event, &calls).cloned().map(Arc::new);
                }
                let proof = EventProof::new(Arc::clone(proof), transaction, Arc::clone(&preimage), index);
                self.events.push(VerifiedEvent { event, proof });
            } else {
                unproven.push(event);
            }
        }
        if !proven {
            self.unverifiable.push(UnverifiableTransaction { transaction, hash, events: unproven });
        }
        Ok(())
    }
}

/// What every version of `LedgerCloseMeta` has.
struct Parts<'a> {
    header: &'a LedgerHeaderHistoryEntry,
    transactions: Vec<(&'a TransactionResultPair, &'a TransactionMeta)>,
}

impl<'a> Parts<'a> {
    fn of(meta: &'a LedgerCloseMeta) -> Self {
        macro_rules! parts {
            ($meta:ident) => {
                Self {
                    header: &$meta.ledger_header,
                    transactions: $meta
                        .tx_processing
                        .iter()
                        .map(|tx| (&tx.result, &tx.tx_apply_processing))
                        .collect(),
                }
            };
        }
        match meta {
            LedgerCloseMeta::V0(meta) => parts!(meta),
            LedgerCloseMeta::V1(meta) => parts!(meta),
            LedgerCloseMeta::V2(meta) => parts!(meta),
        }
    }
}

/// The metadata of a successful invocation.
struct Invocation<'a> {
    return_value: &'a ScVal,
    events: &'a [ContractEvent],
}

impl<'a> Invocation<'a> {
    fn of(meta: &'a TransactionMeta) -> Option<Self> {
        match meta {
            TransactionMeta::V3(meta) => {
                let soroban = meta.soroban_meta.as_ref()?;
                Some(Self { return_value: &soroban.return_value, events: &soroban.events })
            }
            TransactionMeta::V4(meta) => {
                let [operation] = meta.operations.as_slice() else { return None };
                let return_value = meta.soroban_meta.as_ref()?.return_value.as_ref()?;
                Some(Self { return_value, events: &operation.events })
            }
            TransactionMeta::V0(_) | TransactionMeta::V1(_) | TransactionMeta::V2(_) => None,
        }
    }

    /// The XDR of `InvokeHostFunctionSuccessPreImage`.
    fn preimage(&self) -> Result<Vec<u8>, stellar_xdr::Error> {
        let mut xdr = encode(self.return_value)?;
        append_list(&mut xdr, self.events.iter())?;
        Ok(xdr)
    }

    /// Whether an event has the form of the Stellar Asset Contract's: its last topic names an asset.
    fn has_asset_event(&self) -> bool {
        self.events.iter().any(|event| {
            let ContractEventBody::V0(body) = &event.body;
            matches!(body.topics.last(), Some(ScVal::String(name)) if names_asset(name.as_slice()))
        })
    }
}

/// `native`, or a code and an issuer (`USDC:G…`).
fn names_asset(name: &[u8]) -> bool {
    let issuer =
        std::str::from_utf8(name).ok().and_then(|name| name.split_once(':')).map(|(_, issuer)| issuer);
    name == b"native" || issuer.is_some_and(|text| text.parse::<stellar_strkey::ed25519::PublicKey>().is_ok())
}

/// L1.
fn header_hash(entry: &LedgerHeaderHistoryEntry, xdr: &[u8]) -> Result<Ledger, LedgerError> {
    let (claimed, computed) = (Hash::from(&entry.hash), Hash::of(xdr));
    let ledger = entry.header.ledger_seq;
    if claimed != computed {
        return Err(LedgerError::HeaderHash { ledger, claimed, computed });
    }
    Ledger::read(&entry.header, computed)
}

/// L2. The XDR of the `TransactionResultSet` that the header commits to.
fn result_set(
    header: &LedgerHeader,
    transactions: &[(&TransactionResultPair, &TransactionMeta)],
) -> Result<Vec<u8>, LedgerError> {
    let mut xdr = Vec::new();
    append_list(&mut xdr, transactions.iter().map(|(result, _)| *result))
        .map_err(|source| undecodable(header, source))?;
    let (committed, computed) = (Hash::from(&header.tx_set_result_hash), Hash::of(&xdr));
    match committed == computed {
        true => Ok(xdr),
        false => Err(LedgerError::ResultSetHash { ledger: header.ledger_seq, committed, computed }),
    }
}

/// L2b. A ledger whose value says that its set was left out, and which has no transaction, has no set to compare.
fn transaction_set(
    header: &LedgerHeader,
    meta: &LedgerCloseMeta,
    transactions: &[(&TransactionResultPair, &TransactionMeta)],
) -> Result<(), LedgerError> {
    let left_out =
        matches!(header.scp_value.ext, StellarValueExt::EmptyTxSet(_) | StellarValueExt::EmptyTxSetMs(_));
    if left_out && transactions.is_empty() {
        return Ok(());
    }
    let xdr = match meta {
        // Before generalized sets: the parent's hash and the envelopes, without their count.
        LedgerCloseMeta::V0(meta) => {
            let mut xdr = meta.tx_set.previous_ledger_hash.0.to_vec();
            meta.tx_set.txs.iter().try_for_each(|envelope| append(&mut xdr, envelope)).map(|()| xdr)
        }
        LedgerCloseMeta::V1(meta) => encode(&meta.tx_set),
        LedgerCloseMeta::V2(meta) => encode(&meta.tx_set),
    };
    let computed = Hash::of(&xdr.map_err(|source| undecodable(header, source))?);
    let committed = Hash::from(&header.scp_value.tx_set_hash);
    match committed == computed {
        true => Ok(()),
        false => Err(LedgerError::TransactionSetHash { ledger: header.ledger_seq, committed, computed }),
    }
}

/// The XDR of a list: the count and the elements.
fn append_list<'a, T: stellar_xdr::WriteXdr + 'a>(
    xdr: &mut Vec<u8>,
    list: impl ExactSizeIterator<Item = &'a T>,
) -> Result<(), stellar_xdr::Error> {
    let count = u32::try_from(list.len()).map_err(|_| stellar_xdr::Error::LengthExceedsMax)?;
    append(xdr, &count)?;
    list.into_iter().try_for_each(|element| append(xdr, element))
}

fn undecodable(header: &LedgerHeader, source: stellar_xdr::Error) -> Undecodable {
    Undecodable { ledger: Some(header.ledger_seq), protocol: Some(header.ledger_version), source }
}

fn at(ledger: &Ledger, source: stellar_xdr::Error) -> Undecodable {
    Undecodable { ledger: Some(ledger.sequence), protocol: Some(ledger.protocol), source }
}
