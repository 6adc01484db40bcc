//! The filter of an endpoint, as it is read and shown.

use fluxora_stream::{EventFilter, EventKind};
use serde::Serialize;

use crate::body::{JsonObject, JsonValue};
use crate::error::FieldFault;
use crate::fields::Fields;

/// Which events an endpoint wants; an absent condition leaves all in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookFilter"))]
pub(super) struct FilterView {
    /// Empty for events of every type.
    #[cfg_attr(test, schemars(with = "Vec<crate::openapi::kinds::Type>"))]
    types: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Address>"))]
    sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Address>"))]
    recipient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contract_id: Option<String>,
}

impl FilterView {
    pub(super) fn of(filter: &EventFilter) -> Self {
        let EventFilter { stream, sender, recipient, contract, kinds } = filter;
        Self {
            types: kinds.iter().copied().map(EventKind::name).collect(),
            stream_id: stream.map(|stream| stream.to_string()),
            sender: sender.map(|sender| sender.to_string()),
            recipient: recipient.map(|recipient| recipient.to_string()),
            contract_id: contract.map(|contract| contract.to_string()),
        }
    }
}

impl Fields {
    /// The filter of an endpoint: an object.
    pub(super) fn as_filter(&mut self, field: &'static str, given: JsonValue) -> Option<EventFilter> {
        let JsonValue::Object(members) = given else { return self.wrong_type(field, "an object", &given) };
        let (filter, faults) = read(field, members);
        let is_sound = faults.is_empty();
        self.add(faults);
        is_sound.then_some(filter)
    }
}

fn read(field: &'static str, members: JsonObject) -> (EventFilter, Vec<FieldFault>) {
    let mut fields = Fields::within(format!("{field}."), members);
    let filter = EventFilter {
        stream: fields.optional_stream("streamId"),
        sender: fields.optional_address("sender"),
        recipient: fields.optional_address("recipient"),
        contract: fields.optional_contract("contractId"),
        kinds: fields.event_types("types"),
    };
    (filter, fields.into_faults())
}
