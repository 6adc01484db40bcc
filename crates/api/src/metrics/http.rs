use std::time::Duration;

use actix_web::http::StatusCode;
use fluxora_metrics::{Counter, Histogram};

use crate::ErrorKind;
use crate::access::AuthFailure;
use crate::access_log::Failure;
use crate::table::{ROUTES, Route};

/// Bounds of durations, in nanoseconds: 100 µs to 30 s, as long as a poll may wait.
static DURATIONS: [u64; 14] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    2_500_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// Classes of status, in the order of the counters of a route.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Requests by route of the table.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    routes: [RouteMetrics; ROUTES.len()],
    /// Requests to paths and with methods that are not in the table.
    unmatched: RouteMetrics,
    errors: [Counter; ErrorKind::ALL.len()],
    auth_failures: [Counter; AuthFailure::ALL.len()],
}

/// The requests of one route.
#[derive(Debug)]
pub(super) struct RouteMetrics {
    classes: [Counter; CLASSES.len()],
    pub(super) durations: Histogram<14>,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            routes: [const { RouteMetrics::new() }; ROUTES.len()],
            unmatched: RouteMetrics::new(),
            errors: [const { Counter::new() }; ErrorKind::ALL.len()],
            auth_failures: [const { Counter::new() }; AuthFailure::ALL.len()],
        }
    }
}

impl HttpMetrics {
    /// Counts an answered request. `route` is the position of its route in the table.
    pub(crate) fn count(
        &self,
        route: Option<usize>,
        status: StatusCode,
        failure: Option<&Failure>,
        took: Duration,
    ) {
        let route = route.and_then(|route| self.routes.get(route)).unwrap_or(&self.unmatched);
        let [success, redirection, client_error, server_error] = &route.classes;
        let class = match status.as_u16() {
            0..300 => success,
            300..400 => redirection,
            400..500 => client_error,
            500.. => server_error,
        };
        class.increment();
        route.durations.observe_duration(took);
        let Some(failure) = failure else { return };
        let kinds = ErrorKind::ALL.iter().zip(&self.errors);
        kinds.filter(|(kind, _)| **kind == failure.kind).for_each(|(_, errors)| errors.increment());
        let reasons = AuthFailure::ALL.iter().zip(&self.auth_failures);
        reasons
            .filter(|(reason, _)| Some(**reason) == failure.denied)
            .for_each(|(_, count)| count.increment());
    }

    /// Each route as `method` and `route` name it, with its requests.
    pub(super) fn routes(&self) -> impl Iterator<Item = ([&'static str; 2], &RouteMetrics)> {
        let name = |route: &'static Route| [route.method.as_str(), route.path];
        let unmatched = (["any", "unmatched"], &self.unmatched);
        ROUTES.iter().map(name).zip(&self.routes).chain(std::iter::once(unmatched))
    }

    /// Errors by code.
    pub(super) fn errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ErrorKind::ALL.iter().map(|kind| kind.code()).zip(self.errors.iter().map(Counter::value))
    }

    /// Requests without access by reason.
    pub(super) fn auth_failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.auth_failures.iter().map(Counter::value);
        AuthFailure::ALL.iter().map(|reason| reason.as_str()).zip(counts)
    }
}

impl RouteMetrics {
    const fn new() -> Self {
        Self { classes: [const { Counter::new() }; CLASSES.len()], durations: Histogram::new(&DURATIONS) }
    }

    /// Requests by class of status.
    pub(super) fn classes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES.into_iter().zip(self.classes.iter().map(Counter::value))
    }
}
