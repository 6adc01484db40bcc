use stellar_xdr::{
    ContractEvent, ContractId, Hash, HostFunction, InvokeContractArgs, InvokeHostFunctionOp,
    InvokeHostFunctionResult, InvokeHostFunctionSuccessPreImage, Memo, MuxedAccount, Operation,
    OperationBody, OperationResult, OperationResultTr, PaymentOp, PaymentResult, Preconditions, ScAddress,
    ScSymbol, ScVal, SequenceNumber, SorobanAuthorizationEntry, Transaction, TransactionEnvelope,
    TransactionExt, TransactionResult, TransactionResultExt, TransactionResultResult, TransactionV1Envelope,
    Uint256,
};

use super::to_xdr;

/// A transaction of a test ledger.
#[derive(Clone, Debug)]
pub enum TestTransaction {
    /// A contract is invoked.
    Invocation {
        /// The contract, as its 32 bytes.
        contract: [u8; 32],
        /// The function.
        function: String,
        /// The arguments.
        arguments: Vec<ScVal>,
        /// The events; `None` if the invocation fails.
        events: Option<Vec<ContractEvent>>,
        /// Keys and values of the contract's entries that it wrote.
        entries: Vec<(ScVal, ScVal)>,
        /// What the transaction's envelope authorizes.
        authorized: Vec<SorobanAuthorizationEntry>,
    },
    /// A successful payment. Its metadata can hold events, which no hash covers.
    Payment {
        /// The events in the metadata.
        events: Vec<ContractEvent>,
    },
}

impl TestTransaction {
    /// Whether it calls a contract, and so lies in the second phase of the transaction set.
    pub(super) fn is_invocation(&self) -> bool {
        matches!(self, Self::Invocation { .. })
    }

    /// The events in the metadata.
    pub(super) fn events(&self) -> Vec<ContractEvent> {
        match self {
            Self::Invocation { events, .. } => events.clone().unwrap_or_default(),
            Self::Payment { events } => events.clone(),
        }
    }

    /// The entries in the metadata.
    pub(super) fn entries(&self) -> &[(ScVal, ScVal)] {
        match self {
            Self::Invocation { entries, .. } => entries,
            Self::Payment { .. } => &[],
        }
    }

    pub(super) fn contract(&self) -> Option<[u8; 32]> {
        match self {
            Self::Invocation { contract, events: Some(_), .. } => Some(*contract),
            _ => None,
        }
    }

    /// The envelope. The number is the account's sequence number: it makes equal transactions differ.
    pub(crate) fn envelope(&self, number: i64) -> TransactionEnvelope {
        let body = match self {
            Self::Invocation { contract, function, arguments, authorized, .. } => {
                let call = InvokeContractArgs {
                    contract_address: ScAddress::Contract(ContractId(Hash(*contract))),
                    function_name: ScSymbol(function.as_str().try_into().unwrap()),
                    args: arguments.clone().try_into().unwrap(),
                };
                let host_function = HostFunction::InvokeContract(call);
                OperationBody::InvokeHostFunction(InvokeHostFunctionOp {
                    host_function,
                    auth: authorized.clone().try_into().unwrap(),
                })
            }
            Self::Payment { .. } => OperationBody::Payment(PaymentOp {
                destination: MuxedAccount::Ed25519(Uint256([2; 32])),
                asset: stellar_xdr::Asset::Native,
                amount: 1,
            }),
        };
        let tx = Transaction {
            source_account: MuxedAccount::Ed25519(Uint256([1; 32])),
            fee: 100,
            seq_num: SequenceNumber(number),
            cond: Preconditions::None,
            memo: Memo::None,
            operations: vec![Operation { source_account: None, body }].try_into().unwrap(),
            ext: TransactionExt::V0,
        };
        TransactionEnvelope::Tx(TransactionV1Envelope { tx, signatures: Vec::new().try_into().unwrap() })
    }

    pub(super) fn result(&self) -> TransactionResult {
        let invoked = |result| OperationResult::OpInner(OperationResultTr::InvokeHostFunction(result));
        let list = |operation| vec![operation].try_into().unwrap();
        let result = match self {
            Self::Invocation { events: Some(events), .. } => {
                let preimage = InvokeHostFunctionSuccessPreImage {
                    return_value: ScVal::Void,
                    events: events.clone().try_into().unwrap(),
                };
                let hash = Hash(*crate::Hash::of(&to_xdr(&preimage)).as_bytes());
                TransactionResultResult::TxSuccess(list(invoked(InvokeHostFunctionResult::Success(hash))))
            }
            Self::Invocation { events: None, .. } => {
                TransactionResultResult::TxFailed(list(invoked(InvokeHostFunctionResult::Trapped)))
            }
            Self::Payment { .. } => {
                let paid = OperationResult::OpInner(OperationResultTr::Payment(PaymentResult::Success));
                TransactionResultResult::TxSuccess(list(paid))
            }
        };
        TransactionResult { fee_charged: 100, result, ext: TransactionResultExt::V0 }
    }
}
