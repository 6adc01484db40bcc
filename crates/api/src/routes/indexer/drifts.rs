use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::chain::{ComparedEntry, DriftedField, Drifts};
use serde::Serialize;
use serde_json::Value;

use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;

const MAX_LIMIT: u32 = 1_000;
const DEFAULT_LIMIT: u32 = 100;

pub(crate) const DOC: Doc = Doc {
    parameters: &[query("limit", "Streams that are listed: 1 to 1000, 100 by default", "100")],
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
    /// The first of them by id.
    drifts: Vec<DriftView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Drift"))]
struct DriftView {
    stream_id: String,
    /// The ledger that wrote the entry.
    ledger: u32,
    fields: Vec<DriftedFieldView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "DriftedField"))]
struct DriftedFieldView {
    /// The name in the contract.
    name: String,
    /// The value that the projection expects, in the form of a payload.
    ours: Value,
    /// The value in the entry, which nothing proves.
    theirs: Value,
}

/// `GET /internal/indexer/drifts`: the streams that differ from the entries of their contracts.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let limit = query.limit_up_to(MAX_LIMIT, DEFAULT_LIMIT);
    query.finish()?;
    let Drifts { count, listed } = api.store().drifts(limit).await?;
    let drifts = listed.into_iter().map(DriftView::of).collect();
    Ok(HttpResponse::Ok().json(DriftsView { drift_count: count, drifts }))
}

impl DriftView {
    fn of(compared: ComparedEntry) -> Self {
        let ComparedEntry { stream, ledger, fields } = compared;
        let field = |DriftedField { name, ours, theirs }| DriftedFieldView { name, ours, theirs };
        Self { stream_id: stream.to_string(), ledger, fields: fields.into_iter().map(field).collect() }
    }
}
