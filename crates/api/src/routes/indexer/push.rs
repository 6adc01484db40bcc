use std::sync::Arc;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_indexer::projection::Class;
use fluxora_indexer::{Batch, Refusal};
use fluxora_ingest::{Ingest, IngestError};
use fluxora_store::StoreError;
use fluxora_store::chain::{Ingested, Reorg, ReorgCause};
use serde::Serialize;
use tracing::Instrument as _;

use super::health::HoleView;
use super::pushed;
use crate::access::not_configured;
use crate::body;
use crate::doc::{Doc, content, response};
use crate::error::{ApiError, ErrorKind, FieldFault};
use crate::field_code::FieldCode;
use crate::query::Query;
use crate::routes::State;
use crate::view::TipView;

pub(crate) const DOC: Doc = Doc {
    request: Some(content("ContractEventBatch", "1 to 100 contract events, the newest ledger, or both")),
    errors: &[
        ErrorKind::Unauthorized,
        ErrorKind::IndexerNotConfigured,
        ErrorKind::Conflict,
        ErrorKind::EventConflict,
        ErrorKind::ReorgTooDeep,
        ErrorKind::ImplausibleTip,
    ],
    ..Doc::new(
        "Push contract events",
        &[response(
            200,
            "Ingested",
            "Which events were stored, the newest ledger, and the reorg if there was one",
        )],
    )
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Ingested"))]
pub(crate) struct IngestedView<'a> {
    outcome: &'static str,
    inserted_count: usize,
    duplicate_count: usize,
    inserted_event_ids: Vec<&'a str>,
    duplicate_event_ids: Vec<&'a str>,
    tip: Option<TipView<'a>>,
    last_safe_ledger: Option<u32>,
    pending_count: u64,
    /// Inserted events of no known contract.
    unknown_count: usize,
    /// Inserted events that lack a field or have a wrong one.
    unreadable_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    hole: Option<HoleView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resync_from_ledger: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reorg: Option<ReorgView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AppliedReorg"))]
struct ReorgView<'a> {
    fork_ledger: u32,
    depth: u32,
    existing_hash: &'a str,
    incoming_hash: &'a str,
    removed_event_count: u64,
    rebuilt_stream_count: u64,
}

/// `POST /internal/indexer/contract-events`: stores a batch of contract events, or a ledger header without events.
pub(crate) async fn push(
    api: State,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let ingest = &api.indexer().ok_or_else(not_configured)?.ingest;
    Query::of(&request)?.finish()?;
    match ingested(ingest, &request, payload).await {
        Ok((ingested, batch)) => {
            api.push_failures().succeed();
            Ok(HttpResponse::Ok().json(answer(&ingested, &batch)))
        }
        Err(error) => {
            api.push_failures().fail(&error, api.now());
            Err(error)
        }
    }
}

async fn ingested(
    ingest: &Ingest,
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Ingested, Arc<Batch>), ApiError> {
    let batch = Arc::new(pushed::read(&body::bytes(request, payload).await?)?);
    let ingested = store(ingest.clone(), Arc::clone(&batch)).await.map_err(|error| match error {
        IngestError::Refused(refusal) => refused(&refusal, &batch),
        IngestError::Store(error) => error.into(),
    })?;
    Ok((ingested, batch))
}

/// Stores a batch on a task. A client that disconnects does not undo a long rebuild, which each repetition of its push
/// would begin again.
async fn store(ingest: Ingest, batch: Arc<Batch>) -> Result<Ingested, IngestError> {
    let storing = async move { ingest.push(&batch).await };
    let stored = actix_web::rt::spawn(storing.instrument(tracing::Span::current())).await;
    stored.unwrap_or_else(|error| {
        let reason = "the task that stores a batch ended early".to_owned();
        Err(StoreError::Internal { reason, source: Some(error.into()) }.into())
    })
}

fn answer<'a>(ingested: &'a Ingested, batch: &'a Batch) -> IngestedView<'a> {
    let ids = |places: &[usize]| {
        places
            .iter()
            .filter_map(|position| batch.events().get(*position))
            .map(|event| event.id.as_str())
            .collect()
    };
    let Ingested { inserted, duplicates, state, reorg, .. } = ingested;
    let of_class = |class| {
        let classes = inserted.iter().filter_map(|index| batch.classified(*index));
        classes.filter(|(_, classified)| classified.class == class).count()
    };
    IngestedView {
        outcome: "persisted",
        inserted_count: inserted.len(),
        duplicate_count: duplicates.len(),
        inserted_event_ids: ids(inserted),
        duplicate_event_ids: ids(duplicates),
        tip: state.frontier.tip.as_ref().map(TipView::of),
        last_safe_ledger: state.frontier.last_safe,
        pending_count: state.pending,
        unknown_count: of_class(Class::Unknown),
        unreadable_count: of_class(Class::Unreadable),
        hole: state.frontier.hole.map(HoleView::of),
        resync_from_ledger: state.resync.0.first().copied(),
        reorg: reorg.as_ref().and_then(view),
    }
}

fn view(reorg: &Reorg) -> Option<ReorgView<'_>> {
    let ReorgCause::Fork { existing_hash, incoming_hash } = &reorg.cause else { return None };
    Some(ReorgView {
        fork_ledger: reorg.fork_ledger,
        depth: reorg.depth,
        existing_hash: existing_hash.as_str(),
        incoming_hash: incoming_hash.as_str(),
        removed_event_count: reorg.events_removed,
        rebuilt_stream_count: reorg.streams_rebuilt,
    })
}

fn refused(refusal: &Refusal, batch: &Batch) -> ApiError {
    let message = refusal.to_string();
    match refusal {
        // No push is written under a lease.
        Refusal::LeaseLost { .. } => ApiError::new(ErrorKind::Conflict, message),
        Refusal::TooDeep { .. } => ApiError::new(ErrorKind::ReorgTooDeep, message),
        Refusal::EventConflict { indices } => {
            let fault = |index: &usize| {
                let message = "an event with other contents is known at this position, or under this id";
                FieldFault::new(format!("events[{index}]"), FieldCode::EventDiffers, message)
            };
            let details = indices.iter().map(fault).collect();
            ApiError { details, ..ApiError::new(ErrorKind::EventConflict, message) }
        }
        Refusal::ImplausibleTip { ledger, .. } => {
            let fault = FieldFault::new(
                format!("{}.ledger", place(batch, *ledger)),
                FieldCode::LedgerTooHigh,
                "the chain cannot have reached this ledger",
            );
            ApiError { details: vec![fault], ..ApiError::new(ErrorKind::ImplausibleTip, message) }
        }
        Refusal::LedgerConflict { ledger } => {
            let fault = FieldFault::new(
                format!("{}.previousLedgerHash", place(batch, *ledger)),
                FieldCode::LedgerDiffers,
                "this ledger is stored under the same hash with another previous hash",
            );
            ApiError { details: vec![fault], ..ApiError::new(ErrorKind::EventConflict, message) }
        }
        Refusal::CloseTimeConflict { ledger } => {
            let fault = FieldFault::new(
                close_time(batch, *ledger),
                FieldCode::LedgerDiffers,
                "this ledger is stored under the same hash with another close time",
            );
            ApiError { details: vec![fault], ..ApiError::new(ErrorKind::EventConflict, message) }
        }
    }
}

/// The field of the batch with the close time of a ledger.
fn close_time(batch: &Batch, ledger: u32) -> String {
    let place = place(batch, ledger);
    let name = if place == "tip" { "closedAt" } else { "happenedAt" };
    format!("{place}.{name}")
}

/// The part of the batch that names a ledger.
fn place(batch: &Batch, ledger: u32) -> String {
    let index = batch.events().iter().position(|event| event.position.ledger == ledger);
    index.map_or("tip".to_owned(), |index| format!("events[{index}]"))
}
