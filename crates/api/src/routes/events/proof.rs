use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fluxora_indexer::{EVENT_PROOF_FORMAT, Opaque, Verification};
use fluxora_store::chain::EventEvidence;
use fluxora_store::{CorruptRow, StoreError};
use serde::Serialize;

use crate::doc::{Doc, path, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;

pub(crate) const DOC: Doc = Doc {
    parameters: &[path(
        "id",
        "Id of the contract event: `eventId` of a cause, or of the list of contract events",
        "0004294967296012288-0000000001",
    )],
    errors: &[ErrorKind::NotFound],
    ..Doc::new(
        "Prove a contract event",
        &[response(200, "EventProof", "What leads from the event to the hash of its ledger")],
    )
};

/// The format that `fluxora-server proof verify` reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "EventProof"))]
pub(crate) struct Proof {
    format: &'static str,
    event_id: String,
    ledger_hash: String,
    header_xdr: String,
    result_set_xdr: String,
    transaction: u32,
    preimage_xdr: String,
    event: u32,
}

/// `GET /api/events/{id}/proof`: the proof of a contract event.
pub(crate) async fn proof(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let id = Opaque::new(&path).map_err(|_| not_found())?;
    let evidence = api.store().contract_event(&id).await?.ok_or_else(not_found)?;
    match Proof::of(evidence)? {
        Some(proof) => Ok(HttpResponse::Ok().json(proof)),
        None => {
            let message =
                "Proof not found: the event was pushed, and its ledger was not read from the network";
            Err(ApiError::new(ErrorKind::NotFound, message))
        }
    }
}

fn not_found() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "Contract event not found")
}

impl Proof {
    /// `None` if the event is not proven.
    fn of(evidence: EventEvidence) -> Result<Option<Self>, StoreError> {
        let EventEvidence { event, ledger_hash, proof } = evidence;
        let is_proven = |proof: &fluxora_indexer::LedgerProof| {
            proof.events.verification(event.position) == Verification::L3
        };
        let Some(proof) = proof.filter(is_proven) else { return Ok(None) };
        let transaction = event.position.transaction;
        let preimage = proof.preimages.get(&transaction).ok_or_else(|| CorruptRow {
            table: "ledger_proofs",
            column: "preimages",
            row: proof.ledger.to_string(),
            reason: format!("no preimage of transaction {transaction}"),
        })?;
        Ok(Some(Self {
            format: EVENT_PROOF_FORMAT,
            event_id: event.id.to_string(),
            ledger_hash: ledger_hash.to_string(),
            header_xdr: BASE64_STANDARD.encode(&proof.header),
            result_set_xdr: BASE64_STANDARD.encode(&proof.results),
            transaction,
            preimage_xdr: BASE64_STANDARD.encode(preimage),
            event: event.position.event,
        }))
    }
}
