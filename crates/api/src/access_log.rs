use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use fluxora_trace::{Kind, SpanId, Status, TraceContext, Value};
use tracing::{Level, Span};
use tracing_actix_web::{RootSpanBuilder, TracingLogger};

use crate::Api;
use crate::access::AuthFailure;
use crate::error::ErrorKind;
use crate::request_id::RequestId;
use crate::table::{LimitClass, METRICS, ROUTES};

/// Which requests get a line in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoggedRequests {
    /// Only those that met a defect of the server: the cause is logged nowhere else.
    Defects,
    /// Those that were answered with an error; of those refused because storage is unavailable, as many as
    /// [`WithoutProbes`](Self::WithoutProbes) logs.
    Errors,
    /// Every request but probes and collections of metrics that succeed. Of the requests of a route that are refused because
    /// storage is unavailable, the first is logged, then one a minute, and their end.
    #[default]
    WithoutProbes,
    /// Every request.
    All,
}

/// Gives each request its id and a span that carries it, and when it has been answered counts it and writes one line, if it is
/// one of the [`LoggedRequests`].
///
/// The span has the trace id of the request, which begins with it where the request has no valid `traceparent`. A trace that is
/// recorded gets a span of the request, too.
///
/// The line has `method`, `route` (the pattern, never the path: a path may hold a secret), `status`, `duration_us`, and for an
/// error its `code` and `cause`. A line that stands for several refused requests has `refused`, their number.
pub(crate) struct AccessLog;

/// The outermost middleware.
pub(crate) fn access_log() -> TracingLogger<AccessLog> {
    TracingLogger::new()
}

/// A request that is being answered.
pub(crate) struct Ongoing {
    began: Instant,
    /// The position of its route in the table; `None` for an unknown path or method.
    pub(crate) route: Option<usize>,
    /// Its span in the trace.
    pub(crate) trace: TraceContext,
    /// The sender's span.
    parent: Option<SpanId>,
}

/// The error of a request, for its line.
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// Why the caller has no access.
    pub(crate) denied: Option<AuthFailure>,
    pub(crate) cause: Option<String>,
}

impl RootSpanBuilder for AccessLog {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let api = request.app_data::<Data<Arc<Api>>>();
        let is_secret = |text: &str| api.is_some_and(|api| api.has_token_in(text));
        let id = RequestId::of(request, is_secret, || {
            api.map_or_else(String::new, |api| api.next_id().to_string())
        });
        let parent = trace_context(request.headers());
        let trace = match api {
            Some(api) => api.tracer().server(parent.as_ref()),
            None => parent.clone().unwrap_or_else(|| TraceContext::of_name(id.as_str())),
        };
        let trace_id = trace.trace_id();
        let span = tracing::info_span!("request", request_id = id.as_str(), %trace_id);
        request.extensions_mut().insert(id);
        let parent = parent.map(|parent| parent.span_id());
        request.extensions_mut().insert(Ongoing { began: now(), route: None, trace, parent });
        span
    }

    fn on_request_end<B: MessageBody>(_: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        match outcome {
            Ok(response) => line(response),
            Err(error) => tracing::error!(%error, "the connection of a request was closed"),
        }
    }
}

fn line<B>(response: &ServiceResponse<B>) {
    let request = response.request();
    let (method, status) = (known(request.method()), response.status().as_u16());
    let extensions = request.extensions();
    let failure = extensions.get::<Failure>();
    let ongoing = extensions.get::<Ongoing>();
    let took = ongoing.map_or(Duration::ZERO, |ongoing| ongoing.began.elapsed());
    let api = request.app_data::<Data<Arc<Api>>>();
    if let Some(api) = api {
        let route = ongoing.and_then(|ongoing| ongoing.route);
        api.metrics().http.count(route, response.status(), failure, took);
    }
    if let Some((api, ongoing)) = api.zip(ongoing)
        && api.tracer().records(&ongoing.trace)
    {
        record(api, ongoing, failure, response, took);
    }
    let logged = api.map(|api| api.logged_requests()).unwrap_or_default();
    let is_logged = match logged {
        LoggedRequests::Defects => failure.is_some_and(|failure| failure.kind.level() == Level::ERROR),
        LoggedRequests::Errors => failure.is_some(),
        LoggedRequests::WithoutProbes => {
            failure.is_some() || !is_polled(ongoing.and_then(|ongoing| ongoing.route))
        }
        LoggedRequests::All => true,
    };
    let unavailable = failure.is_some_and(|failure| failure.kind == ErrorKind::Unavailable);
    let is_limited = matches!(logged, LoggedRequests::Errors | LoggedRequests::WithoutProbes);
    let refusals = api.map(|api| api.refusals()).filter(|_| is_limited);
    let refusals = refusals.zip(ongoing.and_then(|ongoing| ongoing.route));
    let refused = match refusals {
        Some((refusals, route)) if unavailable => match refusals.refuse(route, now()) {
            None => return,
            refused => refused.filter(|refused| *refused > 1),
        },
        Some((refusals, route)) if failure.is_none() => {
            if let Some(refused) = refusals.serve(route) {
                let route = request.match_pattern();
                tracing::info!(method, route, refused, "requests of this route are answered again");
            }
            None
        }
        _ => None,
    };
    if !is_logged {
        return;
    }
    let route = request.match_pattern();
    let route = route.as_deref().unwrap_or("unknown");
    let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    macro_rules! line {
        ($level:ident, $($error:tt)*) => {
            tracing::$level!(method, route, status, duration_us, $($error)* "request")
        };
    }
    match failure {
        None => line!(info,),
        Some(Failure { kind, cause, .. }) => {
            let (code, cause) = (kind.code(), cause.as_deref());
            match kind.level() {
                Level::ERROR => line!(error, code, cause,),
                Level::WARN => line!(warn, code, cause, refused,),
                _ => line!(info, code, cause,),
            }
        }
    }
}

/// Whether a program asks for this route every few seconds.
fn is_polled(route: Option<usize>) -> bool {
    let route = route.and_then(|route| ROUTES.get(route));
    route.is_some_and(|route| route.limit == LimitClass::Probe || route.path == METRICS)
}

/// The context of the sender: of one header `traceparent` and any number of headers `tracestate`.
fn trace_context(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent");
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() {
        return None;
    }
    let states: Option<Vec<_>> = headers.get_all("tracestate").map(|value| value.to_str().ok()).collect();
    TraceContext::parse(parent, &states.unwrap_or_default().join(","))
}

/// Records the span of a request, by the semantic conventions for HTTP. It has the route, never the path.
fn record<B>(
    api: &Api,
    ongoing: &Ongoing,
    failure: Option<&Failure>,
    response: &ServiceResponse<B>,
    took: Duration,
) {
    let method = known(response.request().method()).to_owned();
    let route = ongoing.route.and_then(|route| ROUTES.get(route)).map(|route| route.path);
    let name = route.map_or_else(|| method.clone(), |route| format!("{method} {route}"));
    let status = response.status();
    let mut attributes: Vec<(&'static str, Value)> = vec![
        ("http.request.method", method.into()),
        ("http.response.status_code", status.as_u16().into()),
        ("url.scheme", "http".into()),
    ];
    attributes.extend(route.map(|route| ("http.route", route.into())));
    attributes.extend(failure.map(|failure| ("error.type", failure.kind.code().into())));
    if let Some(id) = response.request().extensions().get::<RequestId>() {
        attributes.push(("fluxora.request_id", id.as_str().to_owned().into()));
    }
    let end_ns = u64::try_from(api.now().as_nanosecond()).unwrap_or_default();
    let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    api.tracer().record(fluxora_trace::Span {
        context: ongoing.trace.clone(),
        parent: ongoing.parent,
        link: None,
        name: name.into(),
        kind: Kind::Server,
        start_ns: end_ns.saturating_sub(took_ns),
        end_ns,
        attributes,
        status: if status.is_server_error() { Status::Error } else { Status::Unset },
    });
}

/// The method if HTTP defines it. Any other word may hold a secret.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE => method.as_str(),
        Method::PATCH | Method::OPTIONS | Method::TRACE | Method::CONNECT => method.as_str(),
        _ => "other",
    }
}

#[expect(clippy::disallowed_methods, reason = "this is what measures how long a request took")]
fn now() -> Instant {
    Instant::now()
}
