use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;

use super::State;
use crate::Api;
use crate::view::Instant;

/// The name of the service, for those who watch several.
pub(super) const SERVICE: &str = "fluxora-backend";
/// Storage that takes longer to answer counts as down.
const PATIENCE: Duration = Duration::from_secs(3);
/// How old the last sync with the chain may be before it counts as stalled.
const STALL_THRESHOLD_MS: u32 = 300_000;

/// `GET /health`: the state of the service and of what it depends on. 503 if it cannot serve.
pub(super) async fn health(api: State) -> HttpResponse {
    let storage = storage(&api).await;
    let (status, word) = state(&api, storage);
    HttpResponse::build(status).json(json!({
        "status": word,
        "service": SERVICE,
        "version": api.service().version,
        "timestamp": Instant(api.now()),
        "indexer": {
            "status": "not_configured",
            "stalled": false,
            "thresholdMs": STALL_THRESHOLD_MS,
            "lastSuccessfulSyncAt": null,
            "lagMs": null,
            "summary": "no indexer is configured: streams are those made through the API",
            "clientImpact": "none",
            "operatorAction": "none",
            "tip": null,
            "lastSafeLedger": null,
            "reorgDetected": false,
        },
        "dependencies": {
            "storage": {
                "status": storage.word(),
                "backend": api.store().describe(),
                "retries": api.store().retries(),
            },
        },
    }))
}

/// `GET /health/live`: the process is up. It asks nobody, so that a container is not killed for a database's sake.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive" }))
}

/// `GET /health/ready`: whether traffic should come here.
pub(super) async fn ready(api: State) -> HttpResponse {
    let storage = storage(&api).await;
    let (status, word) = state(&api, storage);
    let word = if status == StatusCode::OK { "ready" } else { word };
    HttpResponse::build(status).json(json!({ "status": word, "dependencies": { "storage": storage.word() } }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Storage {
    Healthy,
    Unavailable,
}

impl Storage {
    const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unavailable => "unavailable",
        }
    }
}

async fn storage(api: &Api) -> Storage {
    match tokio::time::timeout(PATIENCE, api.store().check()).await {
        Ok(Ok(())) => Storage::Healthy,
        Ok(Err(error)) => {
            tracing::warn!(%error, "storage fails its health check");
            Storage::Unavailable
        }
        Err(_) => {
            tracing::warn!(patience_ms = PATIENCE.as_millis(), "storage does not answer its health check");
            Storage::Unavailable
        }
    }
}

fn state(api: &Api, storage: Storage) -> (StatusCode, &'static str) {
    if api.lifecycle().is_shutting_down() {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting_down")
    } else if storage == Storage::Unavailable {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    } else {
        (StatusCode::OK, "ok")
    }
}
