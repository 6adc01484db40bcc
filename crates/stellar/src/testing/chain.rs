use stellar_xdr::{
    ContractDataDurability, ContractDataEntry, ContractId, DependentTxCluster, ExtensionPoint,
    GeneralizedTransactionSet, Hash, LedgerCloseMeta, LedgerCloseMetaV1, LedgerCloseMetaV2, LedgerEntry,
    LedgerEntryChange, LedgerEntryChanges, LedgerEntryData, LedgerEntryExt, LedgerHeader,
    LedgerHeaderHistoryEntry, OperationMeta, OperationMetaV2, ParallelTxExecutionStage, ParallelTxsComponent,
    ScAddress, ScVal, SorobanTransactionMeta, SorobanTransactionMetaV2, StellarValue, TimePoint,
    TransactionEnvelope, TransactionMeta, TransactionMetaV3, TransactionMetaV4, TransactionPhase,
    TransactionResultMeta, TransactionResultMetaV1, TransactionResultPair, TransactionResultSet,
    TransactionSetV1, TxSetComponent, TxSetComponentTxsMaybeDiscountedFee, VecM,
};

use super::{TestTransaction, to_xdr};

/// The network whose id is part of the transaction hashes.
pub const NETWORK_PASSPHRASE: &str = "Fluxora Test Network ; November 2026";

/// The form of the ledgers that are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Protocol 22: `LedgerCloseMeta` V1 with `TransactionMeta` V3.
    V1,
    /// Protocol 23: `LedgerCloseMeta` V2 with `TransactionMeta` V4.
    V2,
}

/// Closes one ledger after the other.
#[derive(Clone, Debug)]
pub struct Chain {
    shape: Shape,
    protocol: u32,
    previous: Hash,
    transactions: i64,
}

impl Chain {
    /// A chain without ledgers. The seed decides the hash that the first one names as its parent: chains of different seeds
    /// share no hash.
    pub fn new(shape: Shape, seed: &str) -> Self {
        let protocol = if shape == Shape::V1 { 22 } else { 23 };
        Self { shape, protocol, previous: hash(seed.as_bytes()), transactions: 0 }
    }

    /// Raises the protocol of the ledgers that follow.
    pub fn upgrade(&mut self, protocol: u32) {
        self.protocol = protocol;
    }

    /// Closes a ledger with these transactions.
    pub fn close(
        &mut self,
        sequence: u32,
        close_time: u64,
        transactions: &[TestTransaction],
    ) -> LedgerCloseMeta {
        let network = *crate::Hash::of(NETWORK_PASSPHRASE.as_bytes()).as_bytes();
        let mut envelopes = Vec::new();
        let mut results = Vec::new();
        for transaction in transactions {
            self.transactions += 1;
            let envelope = transaction.envelope(self.transactions);
            let transaction_hash = Hash(envelope.hash(network).unwrap());
            results.push(TransactionResultPair { transaction_hash, result: transaction.result() });
            envelopes.push((transaction.is_invocation(), envelope));
        }
        let set = self.transaction_set(&envelopes);
        let header = LedgerHeader {
            ledger_version: self.protocol,
            previous_ledger_hash: self.previous.clone(),
            scp_value: StellarValue {
                tx_set_hash: hash(&to_xdr(&set)),
                close_time: TimePoint(close_time),
                ..StellarValue::default()
            },
            tx_set_result_hash: hash(&to_xdr(&TransactionResultSet { results: list(results.clone()) })),
            ledger_seq: sequence,
            total_coins: 1_000_000_000_000_000_000,
            base_fee: 100,
            base_reserve: 5_000_000,
            max_tx_set_size: 1000,
            ..LedgerHeader::default()
        };
        self.previous = hash(&to_xdr(&header));
        let ledger_header = LedgerHeaderHistoryEntry {
            hash: self.previous.clone(),
            header,
            ..LedgerHeaderHistoryEntry::default()
        };
        let applied = results.into_iter().zip(transactions);
        match self.shape {
            Shape::V1 => LedgerCloseMeta::V1(LedgerCloseMetaV1 {
                ledger_header,
                tx_set: set,
                tx_processing: list(applied.map(|(result, tx)| applied_v1(sequence, result, tx)).collect()),
                ..LedgerCloseMetaV1::default()
            }),
            Shape::V2 => LedgerCloseMeta::V2(LedgerCloseMetaV2 {
                ledger_header,
                tx_set: set,
                tx_processing: list(applied.map(|(result, tx)| applied_v2(sequence, result, tx)).collect()),
                ..LedgerCloseMetaV2::default()
            }),
        }
    }

    fn transaction_set(&self, envelopes: &[(bool, TransactionEnvelope)]) -> GeneralizedTransactionSet {
        let of = |phase: bool| -> Vec<_> {
            envelopes
                .iter()
                .filter(|(invocation, _)| *invocation == phase)
                .map(|(_, envelope)| envelope.clone())
                .collect()
        };
        let sequential = |txs: Vec<TransactionEnvelope>| {
            let component = TxSetComponentTxsMaybeDiscountedFee { base_fee: None, txs: list(txs) };
            TransactionPhase::V0(list(vec![TxSetComponent::TxsetCompTxsMaybeDiscountedFee(component)]))
        };
        let parallel = |txs: Vec<TransactionEnvelope>| {
            let cluster = DependentTxCluster(list(txs));
            let stage = ParallelTxExecutionStage(list(vec![cluster]));
            TransactionPhase::V1(ParallelTxsComponent {
                base_fee: Some(100),
                execution_stages: list(vec![stage]),
            })
        };
        let invocations = if self.shape == Shape::V1 { sequential(of(true)) } else { parallel(of(true)) };
        GeneralizedTransactionSet::V1(TransactionSetV1 {
            previous_ledger_hash: self.previous.clone(),
            phases: list(vec![sequential(of(false)), invocations]),
        })
    }
}

/// The header of a ledger.
pub fn header_of(meta: &LedgerCloseMeta) -> &LedgerHeaderHistoryEntry {
    match meta {
        LedgerCloseMeta::V0(meta) => &meta.ledger_header,
        LedgerCloseMeta::V1(meta) => &meta.ledger_header,
        LedgerCloseMeta::V2(meta) => &meta.ledger_header,
    }
}

/// The ledger with the events of its first invocation left out; `None` if it has none.
pub fn without_events(meta: &LedgerCloseMeta) -> Option<LedgerCloseMeta> {
    let LedgerCloseMeta::V2(ledger) = meta else { return None };
    let mut transactions = ledger.tx_processing.to_vec();
    let operations =
        transactions.iter_mut().find_map(|transaction| match &mut transaction.tx_apply_processing {
            TransactionMeta::V4(meta) if meta.soroban_meta.is_some() => {
                let has_events = meta.operations.iter().any(|operation| !operation.events.is_empty());
                has_events.then_some(&mut meta.operations)
            }
            _ => None,
        })?;
    let emptied =
        operations.iter().map(|operation| OperationMetaV2 { events: list(Vec::new()), ..operation.clone() });
    *operations = list(emptied.collect());
    let tx_processing = list(transactions);
    Some(LedgerCloseMeta::V2(LedgerCloseMetaV2 { tx_processing, ..ledger.clone() }))
}

fn applied_v1(
    sequence: u32,
    result: TransactionResultPair,
    transaction: &TestTransaction,
) -> TransactionResultMeta {
    let soroban_meta = transaction.contract().map(|_| SorobanTransactionMeta {
        events: list(transaction.events()),
        return_value: ScVal::Void,
        ..SorobanTransactionMeta::default()
    });
    let operations = list(vec![OperationMeta { changes: changes(sequence, transaction) }]);
    let meta = TransactionMetaV3 { operations, soroban_meta, ..TransactionMetaV3::default() };
    TransactionResultMeta {
        result,
        tx_apply_processing: TransactionMeta::V3(meta),
        ..TransactionResultMeta::default()
    }
}

fn applied_v2(
    sequence: u32,
    result: TransactionResultPair,
    transaction: &TestTransaction,
) -> TransactionResultMetaV1 {
    let soroban_meta = transaction.contract().map(|_| SorobanTransactionMetaV2 {
        return_value: Some(ScVal::Void),
        ..SorobanTransactionMetaV2::default()
    });
    let operation = OperationMetaV2 {
        ext: ExtensionPoint::V0,
        changes: changes(sequence, transaction),
        events: list(transaction.events()),
    };
    let meta =
        TransactionMetaV4 { operations: list(vec![operation]), soroban_meta, ..TransactionMetaV4::default() };
    TransactionResultMetaV1 {
        result,
        tx_apply_processing: TransactionMeta::V4(meta),
        ..TransactionResultMetaV1::default()
    }
}

/// An entry that the invoked contract wrote. No hash of the ledger covers it.
fn changes(sequence: u32, transaction: &TestTransaction) -> LedgerEntryChanges {
    let of = |contract: [u8; 32], key: ScVal, val: ScVal| LedgerEntry {
        last_modified_ledger_seq: sequence,
        data: LedgerEntryData::ContractData(ContractDataEntry {
            ext: ExtensionPoint::V0,
            contract: ScAddress::Contract(ContractId(Hash(contract))),
            key,
            durability: ContractDataDurability::Persistent,
            val,
        }),
        ext: LedgerEntryExt::V0,
    };
    let entries = transaction.contract().map(|contract| {
        let own = (ScVal::U64(7), ScVal::U64(1000));
        let entries = transaction.entries().iter().cloned().chain([own]);
        entries.map(|(key, val)| LedgerEntryChange::Updated(of(contract, key, val))).collect()
    });
    LedgerEntryChanges(list(entries.unwrap_or_default()))
}

fn hash(bytes: &[u8]) -> Hash {
    Hash(*crate::Hash::of(bytes).as_bytes())
}

fn list<T>(elements: Vec<T>) -> VecM<T> {
    elements.try_into().unwrap()
}
