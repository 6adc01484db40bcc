use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;

use super::State;
use super::indexer::health::IndexerHealth;
use crate::doc::{Doc, response};
use crate::view::Instant;
use crate::{Api, WorkerHealth};

/// The name of the service, for those who watch several.
pub(super) const SERVICE: &str = "fluxora-backend";

pub(crate) const HEALTH: Doc = Doc::new(
    "Report the health of the service and its dependencies",
    &[
        response(200, "Health", "The service answers requests; `status` is `ok` or `degraded`"),
        response(503, "Health", "Storage is unavailable, or the service is shutting down"),
    ],
);

pub(crate) const LIVE: Doc =
    Doc::new("Report that the process is up", &[response(200, "Liveness", "`status` is `alive`")]);

pub(crate) const READY: Doc = Doc::new(
    "Report whether the service takes traffic",
    &[
        response(200, "Readiness", "`status` is `ready`"),
        response(503, "Readiness", "`status` is `unavailable` or `shutting_down`"),
    ],
);

/// Storage that takes longer to answer counts as down.
const PATIENCE: Duration = Duration::from_secs(3);

/// `GET /health`: the state of the service and of what it depends on. 503 if it cannot serve.
pub(crate) async fn health(api: State) -> HttpResponse {
    let storage = storage(&api).await;
    let chain = chain(&api, storage).await;
    let workers = api.workers().snapshot();
    let is_degraded = chain.is_degraded() || workers.iter().any(WorkerHealth::is_degraded);
    let (status, word) = match state(&api, storage) {
        (StatusCode::OK, _) if is_degraded => (StatusCode::OK, "degraded"),
        state => state,
    };
    HttpResponse::build(status).json(json!({
        "status": word,
        "service": SERVICE,
        "version": api.service().version,
        "timestamp": Instant(api.now()),
        "indexer": chain.view(),
        "workers": workers.iter().map(WorkerHealth::view).collect::<Vec<_>>(),
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
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive" }))
}

/// `GET /health/ready`: whether traffic should come here.
pub(crate) async fn ready(api: State) -> HttpResponse {
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

async fn chain(api: &Api, storage: Storage) -> IndexerHealth {
    let asked = match storage {
        Storage::Healthy => tokio::time::timeout(PATIENCE, api.store().chain_state()).await.ok(),
        Storage::Unavailable => None,
    };
    let known = asked.and_then(|asked| {
        asked.inspect_err(|error| tracing::warn!(%error, "how the chain stands cannot be read")).ok()
    });
    IndexerHealth::judge(api, known)
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
