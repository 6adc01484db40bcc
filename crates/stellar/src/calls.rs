//! The calls of contracts that transactions make or authorize, from their envelopes. The header commits to the envelopes through
//! the transaction set.

use std::collections::HashMap;

use fluxora_indexer::{Invocation, InvocationSource, Opaque};
use stellar_xdr::{
    FeeBumpTransactionInnerTx, GeneralizedTransactionSet, HostFunction, InvokeContractArgs,
    InvokeHostFunctionOp, LedgerCloseMeta, MuxedAccount, Operation, OperationBody, ScAddress,
    SorobanAuthorizedFunction, SorobanAuthorizedInvocation, SorobanCredentials, TransactionEnvelope,
    TransactionPhase, TxSetComponent,
};

use crate::{Hash, value_to_json};

/// The most calls that are read from one transaction. Those of one with more are not read.
const CALLS_MAX: usize = 256;

/// The envelopes of a ledger by the hash of their transaction, which depends on the network.
pub(crate) struct Envelopes<'a>(HashMap<Hash, &'a TransactionEnvelope>);

impl<'a> Envelopes<'a> {
    /// The envelopes of the transaction set. Without the id of the network none is found.
    pub(crate) fn of(meta: &'a LedgerCloseMeta, network: Option<[u8; 32]>) -> Self {
        let Some(network) = network else { return Self(HashMap::new()) };
        let hashed = |envelope: &'a TransactionEnvelope| {
            envelope.hash(network).ok().map(|hash| (Hash::from_bytes(hash), envelope))
        };
        Self(envelopes(meta).into_iter().filter_map(hashed).collect())
    }

    /// The calls of watched contracts that a transaction makes or authorizes: the transaction itself, and the calls that
    /// accounts authorize within it. Those of other contracts are left out, and so are authorizations by contracts, since a
    /// contract that calls needs none.
    pub(crate) fn calls(&self, transaction: Hash, is_watched: impl Fn(&[u8; 32]) -> bool) -> Vec<Invocation> {
        let Some((source, operation)) = self.0.get(&transaction).and_then(|envelope| invocation(envelope))
        else {
            return Vec::new();
        };
        let mut calls = Calls { found: Vec::new(), count: 0, is_watched };
        if let HostFunction::InvokeContract(call) = &operation.host_function {
            calls.add(call, &InvocationSource::Proven);
        }
        for entry in &operation.auth {
            let account = match &entry.credentials {
                SorobanCredentials::SourceAccount => Some(&source),
                SorobanCredentials::Address(credentials) | SorobanCredentials::AddressV2(credentials) => {
                    Some(&credentials.address)
                }
                SorobanCredentials::AddressWithDelegates(credentials) => {
                    Some(&credentials.address_credentials.address)
                }
            };
            let Some(account @ ScAddress::Account(_)) = account else { continue };
            if let Ok(by) = Opaque::new(&account.to_string()) {
                calls.add_tree(&entry.root_invocation, &InvocationSource::Authorized { by });
            }
        }
        calls.found
    }
}

struct Calls<W> {
    found: Vec<Invocation>,
    count: usize,
    is_watched: W,
}

impl<W: Fn(&[u8; 32]) -> bool> Calls<W> {
    /// Reads an authorized call and those within it, without recursion.
    fn add_tree(&mut self, root: &SorobanAuthorizedInvocation, source: &InvocationSource) {
        let mut rest = vec![root];
        while let Some(node) = rest.pop() {
            if let SorobanAuthorizedFunction::ContractFn(call) = &node.function {
                self.add(call, source);
            }
            rest.extend(node.sub_invocations.iter());
        }
    }

    /// Adds a call of a watched contract. One whose arguments are too long to carry is left out.
    fn add(&mut self, call: &InvokeContractArgs, source: &InvocationSource) {
        let ScAddress::Contract(contract) = &call.contract_address else { return };
        if !(self.is_watched)(&contract.0.0) {
            return;
        }
        self.count = self.count.saturating_add(1);
        if self.count > CALLS_MAX {
            // Authorizations that are not read leave open what was meant; the transaction itself is known.
            return self.found.retain(|call| *call.source() == InvocationSource::Proven);
        }
        let arguments: serde_json::Value = call.args.iter().map(value_to_json).collect();
        let function = std::str::from_utf8(call.function_name.as_slice()).unwrap_or_default();
        let contract = Opaque::new(&call.contract_address.to_string());
        let read = contract
            .map(|contract| Invocation::new(contract, function, &arguments.to_string(), source.clone()));
        self.found.extend(read.into_iter().flatten());
    }
}

/// The invocation of a transaction and the account whose it is; `None` for another transaction.
fn invocation(envelope: &TransactionEnvelope) -> Option<(ScAddress, &InvokeHostFunctionOp)> {
    let (source, operations): (MuxedAccount, &[Operation]) = match envelope {
        TransactionEnvelope::TxV0(_) => return None,
        TransactionEnvelope::Tx(envelope) => {
            (envelope.tx.source_account.clone(), envelope.tx.operations.as_slice())
        }
        TransactionEnvelope::TxFeeBump(envelope) => match &envelope.tx.inner_tx {
            FeeBumpTransactionInnerTx::Tx(inner) => {
                (inner.tx.source_account.clone(), inner.tx.operations.as_slice())
            }
        },
    };
    let [operation] = operations else { return None };
    let OperationBody::InvokeHostFunction(invocation) = &operation.body else { return None };
    let account = operation.source_account.clone().unwrap_or(source);
    Some((ScAddress::Account(account.account_id()), invocation))
}

fn envelopes(meta: &LedgerCloseMeta) -> Vec<&TransactionEnvelope> {
    let set = match meta {
        LedgerCloseMeta::V0(meta) => return meta.tx_set.txs.iter().collect(),
        LedgerCloseMeta::V1(meta) => &meta.tx_set,
        LedgerCloseMeta::V2(meta) => &meta.tx_set,
    };
    let GeneralizedTransactionSet::V1(set) = set;
    let mut envelopes = Vec::new();
    for phase in &set.phases {
        match phase {
            TransactionPhase::V0(components) => {
                for TxSetComponent::TxsetCompTxsMaybeDiscountedFee(component) in components {
                    envelopes.extend(component.txs.iter());
                }
            }
            TransactionPhase::V1(component) => {
                let stages = component.execution_stages.iter();
                let clusters = stages.flat_map(|stage| stage.0.iter());
                envelopes.extend(clusters.flat_map(|cluster| cluster.0.iter()));
            }
        }
    }
    envelopes
}

#[cfg(test)]
mod tests {
    use stellar_xdr::{
        FeeBumpTransaction, FeeBumpTransactionEnvelope, FeeBumpTransactionExt, MuxedAccountMed25519, ScVal,
        Uint256, VecM,
    };

    use super::*;
    use crate::testing::TestTransaction;

    const CONTRACT: [u8; 32] = [3; 32];
    const NETWORK: [u8; 32] = [4; 32];

    fn envelope() -> TransactionEnvelope {
        let transaction = TestTransaction::Invocation {
            contract: CONTRACT,
            function: "withdraw".to_owned(),
            arguments: vec![ScVal::U64(7)],
            events: None,
            entries: Vec::new(),
            authorized: Vec::new(),
        };
        transaction.envelope(1)
    }

    fn read(envelope: &TransactionEnvelope, contract: [u8; 32]) -> Vec<String> {
        let hash = Hash::from_bytes(envelope.hash(NETWORK).unwrap());
        let envelopes = Envelopes(HashMap::from([(hash, envelope)]));
        let calls = envelopes.calls(hash, |called| *called == contract);
        calls.iter().map(|call| format!("{}{}", call.function(), call.arguments())).collect()
    }

    #[test]
    fn a_call_is_read_from_a_transaction_and_from_one_whose_fee_another_account_pays() {
        let TransactionEnvelope::Tx(inner) = envelope() else { panic!("a transaction") };
        let bumped = TransactionEnvelope::TxFeeBump(FeeBumpTransactionEnvelope {
            tx: FeeBumpTransaction {
                fee_source: MuxedAccount::MuxedEd25519(MuxedAccountMed25519 {
                    id: 1,
                    ed25519: Uint256([5; 32]),
                }),
                fee: 200,
                inner_tx: FeeBumpTransactionInnerTx::Tx(inner),
                ext: FeeBumpTransactionExt::V0,
            },
            signatures: VecM::default(),
        });
        for envelope in [envelope(), bumped] {
            assert_eq!(read(&envelope, CONTRACT), [r#"withdraw["7"]"#]);
            assert_eq!(read(&envelope, [6; 32]), Vec::<String>::new());
        }
        let payment = TestTransaction::Payment { events: Vec::new() }.envelope(1);
        assert_eq!(read(&payment, CONTRACT), Vec::<String>::new());
    }
}
