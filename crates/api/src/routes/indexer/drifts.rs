use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::chain::{ComparedEntry, DriftedField, Drifts};
use fluxora_stream::StreamId;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::page_bytes::{self, BoundedPage};
use crate::query::Query;
use crate::routes::State;

const MAX_LIMIT: u32 = 1_000;
const DEFAULT_LIMIT: u32 = 100;
const EXAMPLE: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE-0";

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        query("limit", "Streams that are listed: 1 to 1000, 100 by default", "100"),
        query("after", "Id of a stream: `next` of the page before", EXAMPLE),
    ],
    errors: &[ErrorKind::Unauthorized, ErrorKind::IndexerNotConfigured],
    ..Doc::new(
        "List streams that differ from the entries of their contracts",
        &[response(200, "Drifts", "The streams by id, with the fields that differ")],
    )
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Drifts"))]
pub(crate) struct DriftsView {
    /// How many streams differ from the last entry that they were compared with.
    drift_count: u64,
    /// A page of them by id, which ends with the one that makes it larger than a mebibyte.
    #[cfg_attr(test, schemars(with = "Vec<DriftView>"))]
    drifts: Vec<Box<RawValue>>,
    /// `after` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Drift"))]
struct DriftView<'a> {
    stream_id: String,
    /// The ledger that wrote the entry.
    ledger: u32,
    fields: Vec<DriftedFieldView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "DriftedField"))]
struct DriftedFieldView<'a> {
    /// The name in the contract.
    name: &'a str,
    /// The value that the projection expects, in the form of a payload.
    ours: &'a Value,
    /// The value in the entry, which nothing proves.
    theirs: &'a Value,
}

/// `GET /internal/indexer/drifts`: the streams that differ from the entries of their contracts.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let limit = query.limit_up_to(MAX_LIMIT, DEFAULT_LIMIT);
    let after = query.parsed("after", FieldCode::InvalidValue, "the id of a stream", StreamId::parse);
    query.finish()?;
    let read = async |limit| Ok((api.store().drifts(after.as_ref(), limit).await?, limit));
    let written = |(page, _): &(Drifts, u32)| BoundedPage::of(page.listed.iter().map(DriftView::of));
    let ((page, limit), drifts) = page_bytes::fitting(limit, read, written).await?;
    let is_full = u32::try_from(page.listed.len()) == Ok(limit);
    let next = page.listed.last().filter(|_| is_full).map(|last| last.stream.to_string());
    Ok(HttpResponse::Ok().json(DriftsView { drift_count: page.count, drifts, next }))
}

impl<'a> DriftView<'a> {
    fn of(compared: &'a ComparedEntry) -> Self {
        let ComparedEntry { stream, ledger, fields } = compared;
        let field = |field: &'a DriftedField| {
            let DriftedField { name, ours, theirs } = field;
            DriftedFieldView { name, ours, theirs }
        };
        Self { stream_id: stream.to_string(), ledger: *ledger, fields: fields.iter().map(field).collect() }
    }
}
