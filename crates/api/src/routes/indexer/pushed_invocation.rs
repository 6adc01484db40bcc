//! Parses the invocation of a pushed event.

use std::sync::Arc;

use fluxora_indexer::{FUNCTION_MAX, Invocation, InvocationSource, NotAnInvocation, Opaque};
use serde_json::value::RawValue;

use super::pushed::{Pairs, parsed, take};
use crate::error::FieldFault;
use crate::field_code::FieldCode;
use crate::fields::Fields;

/// Parses the call that a pusher gives with an event of this contract. `given` are all values that the event has for the
/// field, whose path is `path`. `None` without one, and after a fault.
pub(super) fn read(
    path: &str,
    contract: Option<&Opaque>,
    given: &[&RawValue],
    faults: &mut Vec<FieldFault>,
) -> Option<Arc<Invocation>> {
    let mut refuse = |code, message: String| {
        faults.push(FieldFault::new(path.to_owned(), code, message));
        None
    };
    let sent = match given {
        [] => return None,
        [sent] if sent.get() == "null" => return None,
        [sent] => sent,
        _ => return refuse(FieldCode::DuplicateField, format!("invocation is given {} times", given.len())),
    };
    let Ok(Pairs(mut pairs)) = serde_json::from_str(sent.get()) else {
        return refuse(FieldCode::InvalidType, "invocation must be an object".to_owned());
    };
    let arguments = take(&mut pairs, "arguments");
    let mut fields = Fields::within(format!("{path}."), parsed(pairs));
    let called = fields.contract("contractId");
    let function = fields.text("function", FUNCTION_MAX);
    let arguments = fields.raw_array("arguments", &arguments);
    if called.as_ref().zip(contract).is_some_and(|(called, contract)| called != contract) {
        let message = "contractId of an invocation must be the contract of its event";
        fields.refuse::<()>("contractId", FieldCode::InvalidValue, message);
    }
    let call = called.zip(function).zip(arguments).map(|((called, function), arguments)| {
        Invocation::new(called, &function, arguments, InvocationSource::Pushed)
    });
    let call = match call {
        Some(Err(fault)) => {
            let field = match fault {
                NotAnInvocation::Function => "function",
                NotAnInvocation::Arguments | NotAnInvocation::TooLong { .. } | NotAnInvocation::Form => {
                    "arguments"
                }
            };
            fields.refuse(field, FieldCode::InvalidValue, fault.to_string())
        }
        call => call.and_then(Result::ok),
    };
    faults.append(&mut fields.into_faults());
    call.map(Arc::new)
}
