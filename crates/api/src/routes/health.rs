use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_supervise::WorkerHealth;
use serde::Serialize;

use super::State;
use super::indexer::health::{IndexerHealth, IndexerView};
use super::webhook_health::WebhooksView;
use crate::Api;
use crate::dependencies::Storage;
use crate::doc::{Doc, response};
use crate::follower::FollowerView;
use crate::view::Instant;

/// The name of the service in `/` and `/health`.
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Health"))]
pub(crate) struct HealthView<'a> {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    /// Present if the chain is simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    demo: Option<bool>,
    timestamp: Instant,
    /// Seconds by which the system clock is away from `timestamp`, which does not follow a jump before it has lasted;
    /// `null` while the clock is trusted.
    clock_offset_seconds: Option<i64>,
    indexer: IndexerView<'a>,
    /// `null` where no contract is followed.
    follower: Option<FollowerView<'a>>,
    /// How deliveries are going; `null` if that cannot be read.
    webhooks: Option<WebhooksView>,
    workers: Vec<WorkerView<'a>>,
    dependencies: HealthDependencies,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(inline))]
struct HealthDependencies {
    storage: StorageView,
    /// What counts requests for all servers; `null` without `REDIS_URL`. While it is `unavailable`, each server counts by
    /// itself, and `status` is not affected.
    redis: Option<RedisView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Redis"))]
struct RedisView {
    status: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(inline))]
struct Dependencies<S> {
    storage: S,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Storage"))]
struct StorageView {
    status: &'static str,
    backend: String,
    retries: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Worker"))]
struct WorkerView<'a> {
    name: &'static str,
    state: &'static str,
    restarts: u64,
    last_error: Option<&'a str>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Liveness"))]
pub(crate) struct LivenessView {
    status: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Readiness"))]
pub(crate) struct ReadinessView {
    status: &'static str,
    dependencies: Dependencies<&'static str>,
}

/// `GET /health`: reports the state of the service and of its dependencies. 503 if it cannot serve.
pub(crate) async fn health(api: State, request: HttpRequest) -> HttpResponse {
    let details = api.shows_details(&request);
    let read = api.readings().get(&api).await;
    let (storage, now) = (read.storage, api.now());
    let indexer = IndexerHealth::judge(&api, &read);
    let follower = api.follower();
    let webhooks = read.deliveries.as_ref().map(|figures| WebhooksView::of(figures, now));
    let workers = api.workers().snapshot();
    let timestamp = Instant(now);
    let clock_offset_seconds = api.clock_offset();
    let is_degraded = clock_offset_seconds.is_some()
        || indexer.is_degraded()
        || follower.as_ref().is_some_and(|follower| follower.is_degraded)
        || webhooks.as_ref().is_some_and(WebhooksView::is_degraded)
        || workers.iter().any(WorkerHealth::is_degraded);
    let (code, status) = match state(&api, storage) {
        (StatusCode::OK, _) if is_degraded => (StatusCode::OK, "degraded"),
        state => state,
    };
    let storage = StorageView {
        status: storage.as_str(),
        backend: if details { api.store().describe() } else { kind(&api.store().describe()) },
        retries: api.store().retries(),
    };
    HttpResponse::build(code).json(HealthView {
        status,
        service: SERVICE,
        version: api.service().version,
        demo: api.service().demo.then_some(true),
        timestamp,
        clock_offset_seconds,
        indexer: indexer.view(details),
        follower: follower.as_ref().map(|follower| FollowerView::of(follower, api.clock().as_ref(), details)),
        workers: workers.iter().map(|worker| WorkerView::of(worker, details)).collect(),
        webhooks,
        dependencies: HealthDependencies { storage, redis: api.limits().is_shared().map(RedisView::of) },
    })
}

/// `GET /health/live`: reports that the process is up. It asks no dependency: a container must not be killed because its
/// database is down.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(LivenessView { status: "alive" })
}

/// `GET /health/ready`: reports whether traffic should be sent here.
pub(crate) async fn ready(api: State) -> HttpResponse {
    let storage = api.readings().get(&api).await.storage;
    let (code, status) = match state(&api, storage) {
        (StatusCode::OK, _) => (StatusCode::OK, "ready"),
        state => state,
    };
    let dependencies = Dependencies { storage: storage.as_str() };
    HttpResponse::build(code).json(ReadinessView { status, dependencies })
}

impl RedisView {
    const fn of(is_available: bool) -> Self {
        Self { status: if is_available { "healthy" } else { "unavailable" } }
    }
}

impl<'a> WorkerView<'a> {
    fn of(worker: &'a WorkerHealth, details: bool) -> Self {
        Self {
            name: worker.name,
            state: worker.state.as_str(),
            restarts: worker.restarts,
            last_error: worker.last_error.as_deref().filter(|_| details),
        }
    }
}

/// The kind of the storage, without its place.
fn kind(description: &str) -> String {
    description.split(',').next().unwrap_or_default().to_owned()
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
