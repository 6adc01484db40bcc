use actix_web::{HttpMessage, HttpRequest};
use serde::Serialize;

use crate::Api;
use crate::request_id::RequestId;
use crate::view::Instant;

/// A successful answer as the SDKs read it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Sdk{T}"))]
pub(crate) struct Enveloped<T> {
    success: bool,
    data: T,
    meta: Meta,
}

/// What an envelope says beside its data.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "SdkMeta"))]
pub(crate) struct Meta {
    timestamp: Instant,
    #[serde(rename = "requestId")]
    request_id: String,
    /// Whether the answer was given before under the same key.
    #[serde(rename = "idempotencyReplayed", skip_serializing_if = "Option::is_none")]
    idempotency_replayed: Option<bool>,
    /// In lists, for the SDK that reads it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

impl<T> Enveloped<T> {
    pub(super) fn of(api: &Api, request: &HttpRequest, data: T) -> Self {
        let id = request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned());
        let meta = Meta {
            timestamp: Instant(api.now()),
            request_id: id.unwrap_or_default(),
            idempotency_replayed: None,
            next_cursor: None,
            total: None,
        };
        Self { success: true, data, meta }
    }

    pub(super) fn replayed(mut self, replayed: bool) -> Self {
        self.meta.idempotency_replayed = Some(replayed);
        self
    }

    /// Repeats in `meta` what a list says of its pages.
    pub(super) fn paged(mut self, next_cursor: Option<String>, total: Option<u64>) -> Self {
        self.meta.next_cursor = next_cursor;
        self.meta.total = total;
        self
    }
}
