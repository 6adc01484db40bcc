//! The entries of streams, as the metadata of a ledger shows them. No hash covers them.

use std::collections::BTreeMap;

use fluxora_indexer::StreamEntry;
use stellar_xdr::{ContractDataEntry, LedgerEntryChange, LedgerEntryData, ScAddress, ScVal, TransactionMeta};

use crate::{Ledger, WatchList, value_to_json};

/// The last entry of each stream in a ledger.
#[derive(Default)]
pub(crate) struct Entries(BTreeMap<([u8; 32], u64), StreamEntry>);

impl Entries {
    /// Reads the entries that one transaction wrote.
    pub(crate) fn read(&mut self, meta: &TransactionMeta, watched: &WatchList, ledger: &Ledger) {
        let entries = changes(meta).into_iter().filter_map(written);
        for (contract, number, value) in entries.filter_map(|entry| stream_of(entry, watched)) {
            if let serde_json::Value::Object(fields) = value_to_json(value) {
                let (sequence, closed_at) = (ledger.sequence, ledger.close_time);
                let entry = StreamEntry::new(contract, number, sequence, closed_at, fields);
                self.0.insert((contract, number), entry);
            }
        }
    }

    pub(crate) fn last(self) -> Vec<StreamEntry> {
        self.0.into_values().collect()
    }
}

/// The changes of the operations, in order.
fn changes(meta: &TransactionMeta) -> Vec<&LedgerEntryChange> {
    match meta {
        TransactionMeta::V3(meta) => {
            meta.operations.iter().flat_map(|operation| operation.changes.iter()).collect()
        }
        TransactionMeta::V4(meta) => {
            meta.operations.iter().flat_map(|operation| operation.changes.iter()).collect()
        }
        TransactionMeta::V0(_) | TransactionMeta::V1(_) | TransactionMeta::V2(_) => Vec::new(),
    }
}

fn written(change: &LedgerEntryChange) -> Option<&ContractDataEntry> {
    let entry = match change {
        LedgerEntryChange::Created(entry)
        | LedgerEntryChange::Updated(entry)
        | LedgerEntryChange::Restored(entry) => entry,
        LedgerEntryChange::Removed(_) | LedgerEntryChange::State(_) => return None,
    };
    match &entry.data {
        LedgerEntryData::ContractData(data) => Some(data),
        _ => None,
    }
}

/// The contract, the stream and the value of an entry with the key `[Stream, id]` of a watched contract.
fn stream_of<'e>(entry: &'e ContractDataEntry, watched: &WatchList) -> Option<([u8; 32], u64, &'e ScVal)> {
    let ScAddress::Contract(contract) = &entry.contract else { return None };
    let ScVal::Vec(Some(key)) = &entry.key else { return None };
    match key.as_slice() {
        [ScVal::Symbol(name), ScVal::U64(number)]
            if name.as_slice() == b"Stream" && watched.contains(&contract.0.0) =>
        {
            Some((contract.0.0, *number, &entry.val))
        }
        _ => None,
    }
}
