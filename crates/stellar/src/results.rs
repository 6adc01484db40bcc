//! What a transaction result says about an invocation.

use stellar_xdr::{
    InnerTransactionResultResult, InvokeHostFunctionResult, OperationResult, OperationResultTr,
    TransactionResult, TransactionResultResult,
};

use crate::Hash;

/// A transaction, as far as its result decides whether its contract events can be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// One successful invocation. The hash commits to its return value and its events.
    Invoked(Hash),
    /// A failed transaction, or one of classic operations: nothing in its metadata is covered by a hash.
    Other,
    /// A successful invocation beside another operation. The network does not allow it.
    Mixed,
}

impl Outcome {
    pub(crate) fn of(result: &TransactionResult) -> Self {
        let operations = match &result.result {
            TransactionResultResult::TxSuccess(operations) => operations,
            TransactionResultResult::TxFeeBumpInnerSuccess(inner) => match &inner.result.result {
                InnerTransactionResultResult::TxSuccess(operations) => operations,
                _ => return Self::Other,
            },
            _ => return Self::Other,
        };
        match operations.as_slice() {
            [only] => invoked(only).map_or(Self::Other, Self::Invoked),
            several if several.iter().any(|operation| invoked(operation).is_some()) => Self::Mixed,
            _ => Self::Other,
        }
    }
}

fn invoked(operation: &OperationResult) -> Option<Hash> {
    match operation {
        OperationResult::OpInner(OperationResultTr::InvokeHostFunction(
            InvokeHostFunctionResult::Success(hash),
        )) => Some(Hash::from(hash)),
        _ => None,
    }
}
