//! The route table: the only place that names a path, its access and its documentation.

use std::future::ready;
use std::sync::Arc;

use actix_web::guard;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use fluxora_audit::Action;

use crate::Api;
use crate::access::{Access, require};
use crate::audit::record;
use crate::doc::Doc;
use crate::error::{ApiError, ErrorKind};
use crate::routes::compat::{frontend, sdk};
use crate::routes::webhooks::{deliveries, endpoints, replays};
use crate::routes::{
    audit, docs, events, health, indexer, keys, log_level, metrics, openapi, root, streams, treasury,
};

/// One operation of the API.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path pattern; a parameter stands in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Which budget of requests it draws on.
    pub limit: LimitClass,
    /// What a client has to know.
    pub doc: Doc,
    /// Its name among the links of `GET /`, if it has one.
    pub link: Option<&'static str>,
    /// What it does, for the audit log; `None` if it only reads.
    pub action: Option<Action>,
    handler: fn() -> actix_web::Route,
}

/// A method that routes use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`, and `HEAD` with the same headers and no body.
    Get,
    /// `POST`
    Post,
    /// `PATCH`
    Patch,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
}

/// Requests of one class share a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitClass {
    /// Probes of load balancers and operators: never limited.
    Probe,
    /// Reads.
    Read,
    /// Requests that create or change streams.
    Write,
    /// Requests of indexer workers: not limited. One with a wrong token counts for its address.
    Ingest,
    /// Actions of an operator: not limited. One with a wrong token counts for its address.
    Operate,
}

use Access::{Operator, Partner, Public, Reader, Worker};
use LimitClass::{Ingest, Operate, Probe, Read, Write};
use Method::{Delete, Get, Patch, Post, Put};

/// Every route of the API. The routes of one path stand side by side.
pub static ROUTES: [Route; 58] = [
    route(Get, "/", Public, Read, || web::to(root::show), root::DOC),
    route(Get, "/health", Public, Probe, || web::to(health::health), health::HEALTH).linked("health"),
    route(Get, "/health/live", Public, Probe, || web::to(health::live), health::LIVE).linked("live"),
    route(Get, "/health/ready", Public, Probe, || web::to(health::ready), health::READY).linked("ready"),
    route(Get, "/openapi.json", Public, Read, || web::to(openapi::show), openapi::DOC).linked("openapi"),
    route(Get, "/docs", Public, Read, || web::to(docs::show), docs::DOC).linked("docs"),
    route(Get, STREAMS, Reader, Read, || web::to(streams::list::list), streams::list::DOC).linked("streams"),
    route(Post, STREAMS, Partner, Write, || web::to(streams::create::create), streams::create::DOC)
        .audited(Action::StreamCreate),
    route(Get, STREAM, Reader, Read, || web::to(streams::read::read), streams::read::DOC),
    route(Delete, STREAM, Partner, Write, || web::to(streams::cancel::cancel), streams::cancel::DOC)
        .audited(Action::StreamCancel),
    route(Get, HISTORY, Reader, Read, || web::to(streams::events::events), streams::events::DOC),
    route(Get, SEGMENTS, Reader, Read, || web::to(streams::segments::segments), streams::segments::DOC),
    route(Get, EXPLAIN, Reader, Read, || web::to(streams::explain::explain), streams::explain::DOC),
    route(Get, TREASURY, Reader, Read, || web::to(treasury::summary::summary), treasury::summary::DOC),
    route(Get, RECIPIENT, Reader, Read, || web::to(treasury::recipient::recipient), treasury::recipient::DOC),
    route(Get, EVENTS, Reader, Read, || web::to(events::list), events::DOC).linked("events"),
    route(Get, PROOF, Reader, Read, || web::to(events::proof::proof), events::proof::DOC),
    route(Get, ENDPOINTS, Partner, Read, || web::to(endpoints::list::list), endpoints::list::DOC),
    route(Post, ENDPOINTS, Partner, Write, || web::to(endpoints::create::create), endpoints::create::DOC)
        .audited(Action::EndpointCreate),
    route(Get, ENDPOINT, Partner, Read, || web::to(endpoints::read::read), endpoints::read::DOC),
    route(Patch, ENDPOINT, Partner, Write, || web::to(endpoints::update::update), endpoints::update::DOC)
        .audited(Action::EndpointUpdate),
    route(Delete, ENDPOINT, Partner, Write, || web::to(endpoints::delete::delete), endpoints::delete::DOC)
        .audited(Action::EndpointDelete),
    route(
        Post,
        "/api/webhooks/endpoints/{id}/secret/rotate",
        Partner,
        Write,
        || web::to(endpoints::rotate::rotate),
        endpoints::rotate::DOC,
    )
    .audited(Action::EndpointRotateSecret),
    route(
        Post,
        "/api/webhooks/endpoints/{id}/test",
        Partner,
        Write,
        || web::to(endpoints::test::test),
        endpoints::test::DOC,
    )
    .audited(Action::EndpointTest),
    route(
        Post,
        "/api/webhooks/endpoints/{id}/pause",
        Partner,
        Write,
        || web::to(endpoints::pause::pause),
        endpoints::pause::DOC,
    )
    .audited(Action::EndpointPause),
    route(
        Post,
        "/api/webhooks/endpoints/{id}/resume",
        Partner,
        Write,
        || web::to(endpoints::resume::resume),
        endpoints::resume::DOC,
    )
    .audited(Action::EndpointResume),
    route(Get, DELIVERIES, Partner, Read, || web::to(deliveries::list::list), deliveries::list::DOC),
    route(
        Get,
        "/api/webhooks/deliveries/{id}",
        Partner,
        Read,
        || web::to(deliveries::read::read),
        deliveries::read::DOC,
    ),
    route(
        Post,
        "/api/webhooks/deliveries/{id}/replay",
        Partner,
        Write,
        || web::to(deliveries::replay::replay),
        deliveries::replay::DOC,
    )
    .audited(Action::DeliveryReplay),
    route(
        Post,
        "/api/webhooks/deliveries/{id}/skip",
        Partner,
        Write,
        || web::to(deliveries::skip::skip),
        deliveries::skip::DOC,
    )
    .audited(Action::DeliverySkip),
    route(Get, REPLAYS, Partner, Read, || web::to(replays::list::list), replays::list::DOC),
    route(Post, REPLAYS, Partner, Write, || web::to(replays::create::create), replays::create::DOC)
        .audited(Action::ReplayCreate),
    route(
        Get,
        "/api/webhooks/replays/{id}",
        Partner,
        Read,
        || web::to(replays::read::read),
        replays::read::DOC,
    ),
    route(
        Post,
        "/api/webhooks/replays/{id}/cancel",
        Partner,
        Write,
        || web::to(replays::cancel::cancel),
        replays::cancel::DOC,
    )
    .audited(Action::ReplayCancel),
    route(
        Get,
        "/compat/frontend/version",
        Public,
        Read,
        || web::to(frontend::version::version),
        frontend::version::DOC,
    ),
    route(
        Get,
        "/compat/frontend/treasury/metrics",
        Reader,
        Read,
        || web::to(frontend::metrics::metrics),
        frontend::metrics::DOC,
    ),
    route(
        Get,
        "/compat/frontend/streams",
        Reader,
        Read,
        || web::to(frontend::list::list),
        frontend::list::DOC,
    ),
    route(
        Get,
        "/compat/frontend/streams/{id}",
        Reader,
        Read,
        || web::to(frontend::read::read),
        frontend::read::DOC,
    ),
    route(
        Get,
        "/compat/frontend/recipients/{address}/streams",
        Reader,
        Read,
        || web::to(frontend::recipient::streams),
        frontend::recipient::DOC,
    ),
    route(Get, SDK_STREAMS, Reader, Read, || web::to(sdk::list::list), sdk::list::DOC),
    route(Post, SDK_STREAMS, Partner, Write, || web::to(sdk::create::create), sdk::create::DOC)
        .audited(Action::StreamCreate),
    route(Get, SDK_STREAM, Reader, Read, || web::to(sdk::read::read), sdk::read::DOC),
    route(Delete, SDK_STREAM, Partner, Write, || web::to(sdk::cancel::cancel), sdk::cancel::DOC)
        .audited(Action::StreamCancel),
    route(Get, SDK_POLL, Reader, Read, || web::to(sdk::poll::poll), sdk::poll::DOC),
    route(Delete, SDK_POLL, Partner, Write, || web::to(sdk::cancel::cancel), sdk::cancel::POLL_DOC)
        .audited(Action::StreamCancel),
    route(Post, CONTRACT_EVENTS, Worker, Ingest, || web::to(indexer::push::push), indexer::push::DOC)
        .audited(Action::IndexerPush),
    route(
        Get,
        "/internal/indexer/events",
        Worker,
        Ingest,
        || web::to(indexer::list::list),
        indexer::list::DOC,
    ),
    route(
        Get,
        "/internal/indexer/drifts",
        Worker,
        Ingest,
        || web::to(indexer::drifts::list),
        indexer::drifts::DOC,
    ),
    route(Post, REWIND, Operator, Operate, || web::to(indexer::rewind::rewind), indexer::rewind::DOC)
        .audited(Action::IndexerRewind),
    route(Get, AUDIT, Operator, Operate, || web::to(audit::list::list), audit::list::DOC),
    route(Get, LOG_LEVEL, Operator, Operate, || web::to(log_level::read::read), log_level::read::DOC),
    route(Put, LOG_LEVEL, Operator, Operate, || web::to(log_level::change::change), log_level::change::DOC)
        .audited(Action::LogLevel),
    route(Get, KEYS, Operator, Operate, || web::to(keys::list::list), keys::list::DOC),
    route(Post, KEYS, Operator, Operate, || web::to(keys::create::create), keys::create::DOC)
        .audited(Action::KeyCreate),
    route(Get, KEY, Operator, Operate, || web::to(keys::read::read), keys::read::DOC),
    route(Delete, KEY, Operator, Operate, || web::to(keys::revoke::revoke), keys::revoke::DOC)
        .audited(Action::KeyRevoke),
    route(
        Post,
        "/api/admin/keys/{id}/rotate",
        Operator,
        Operate,
        || web::to(keys::rotate::rotate),
        keys::rotate::DOC,
    )
    .audited(Action::KeyRotate),
    route(Get, METRICS, Operator, Operate, || web::to(metrics::show), metrics::DOC),
];

const STREAMS: &str = "/api/streams";
const STREAM: &str = "/api/streams/{id}";
const HISTORY: &str = "/api/streams/{id}/events";
const SEGMENTS: &str = "/api/streams/{id}/segments";
const EXPLAIN: &str = "/api/streams/{id}/explain";
const TREASURY: &str = "/api/treasury/summary";
const RECIPIENT: &str = "/api/recipients/{address}/summary";
const EVENTS: &str = "/api/events";
const PROOF: &str = "/api/events/{id}/proof";
const ENDPOINTS: &str = "/api/webhooks/endpoints";
const ENDPOINT: &str = "/api/webhooks/endpoints/{id}";
const DELIVERIES: &str = "/api/webhooks/deliveries";
const REPLAYS: &str = "/api/webhooks/replays";
const SDK_STREAMS: &str = "/compat/backend/api/streams";
const SDK_STREAM: &str = "/compat/backend/api/streams/{id}";
const SDK_POLL: &str = "/compat/backend/api/streams/{id}/poll";
const CONTRACT_EVENTS: &str = "/internal/indexer/contract-events";
const KEYS: &str = "/api/admin/keys";
const KEY: &str = "/api/admin/keys/{id}";
const REWIND: &str = "/api/admin/indexer/rewind";
const AUDIT: &str = "/api/admin/audit";
const LOG_LEVEL: &str = "/api/admin/log-level";
pub(crate) const METRICS: &str = "/metrics";

const fn route(
    method: Method,
    path: &'static str,
    access: Access,
    limit: LimitClass,
    handler: fn() -> actix_web::Route,
    doc: Doc,
) -> Route {
    Route { method, path, access, limit, doc, link: None, action: None, handler }
}

impl Route {
    /// Lists the route among the links of `GET /`.
    const fn linked(self, name: &'static str) -> Self {
        Self { link: Some(name), ..self }
    }

    /// Names what the route does for the audit log.
    const fn audited(self, action: Action) -> Self {
        Self { action: Some(action), ..self }
    }

    /// Whether it changes what `/health` shows, so that the next probe has to read it. A create or a cancel of a stream changes it
    /// only through workers.
    pub(crate) const fn changes_health(&self) -> bool {
        !matches!(self.action, None | Some(Action::StreamCreate | Action::StreamCancel))
    }

    /// The route of the framework: its method, its access check, its handler.
    fn service(&self) -> actix_web::Route {
        self.service_for(self.access, self.limit)
    }

    /// The same with another access and limit.
    pub(crate) fn service_for(&self, access: Access, limit: LimitClass) -> actix_web::Route {
        let position = ROUTES.iter().position(|other| std::ptr::eq(other, self));
        let route = match self.method {
            Get => (self.handler)().guard(guard::Any(guard::Get()).or(guard::Head())),
            Post => (self.handler)().guard(guard::Post()),
            Patch => (self.handler)().guard(guard::Patch()),
            Put => (self.handler)().guard(guard::Put()),
            Delete => (self.handler)().guard(guard::Delete()),
        };
        let route = route.wrap(from_fn(move |request, next| require(access, limit, position, request, next)));
        match self.action {
            Some(action) => route.wrap(from_fn(move |request, next| record(action, request, next))),
            None => route,
        }
    }
}

impl Method {
    /// The methods it stands for, as in an `Allow` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    const fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            other => other.as_str(),
        }
    }
}

/// Adds every route of the table to an app, and the answers to paths and methods that are not in it.
pub(crate) fn configure(config: &mut ServiceConfig, api: &Arc<Api>) {
    config.app_data(Data::new(Arc::clone(api)));
    for routes in ROUTES.chunk_by(|one, next| one.path == next.path) {
        let Some(path) = routes.first().map(|route| route.path) else { continue };
        let resource =
            routes.iter().map(Route::service).fold(web::resource(path), actix_web::Resource::route);
        let allow = allow(routes);
        config.service(resource.default_service(web::to(move || ready(method_not_allowed(&allow)))));
    }
    config.default_service(web::to(async || {
        let message = "there is nothing at this path: GET / lists what there is";
        Err::<&str, _>(ApiError::new(ErrorKind::NotFound, message))
    }));
}

/// The value of `Allow` for a path.
fn allow(routes: &[Route]) -> String {
    let methods: Vec<_> = routes.iter().map(|route| route.method.allow()).collect();
    methods.join(", ")
}

fn method_not_allowed(allow: &str) -> Result<&'static str, ApiError> {
    let message = format!("this path takes {allow}");
    Err(ApiError { allow: Some(allow.to_owned()), ..ApiError::new(ErrorKind::MethodNotAllowed, message) })
}
