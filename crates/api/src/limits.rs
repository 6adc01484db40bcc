use std::hash::RandomState;
use std::net::IpAddr;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use fluxora_limit::{Limiter, Quota, TrustedProxies, Verdict, network_of};
use fluxora_metrics::Counter;
use jiff::Timestamp;

use crate::error::{ApiError, ErrorKind};
use crate::table::LimitClass;

/// One entry for each proxy that a request passed, the client first.
const FORWARDED_FOR: &str = "x-forwarded-for";
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How many requests each client may make.
///
/// A client is an IPv4 address or a /64 block of IPv6. Clients on a loopback address are not limited.
pub struct Limits {
    reads: Option<Quota>,
    writes: Option<Quota>,
    proxies: TrustedProxies,
    limiter: Limiter<RandomState>,
    refused: [Counter; 2],
}

/// A class of requests that has a quota, for the header `RateLimit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Budget {
    Reads,
    Writes,
}

/// The answer to a request that was counted, for its headers.
#[derive(Clone, Copy)]
pub(crate) struct Counted {
    budget: Budget,
    quota: Quota,
    verdict: Verdict,
}

impl Limits {
    /// Limits of these quotas; `None` limits nothing. The header `X-Forwarded-For` is believed from these proxies.
    pub fn new(
        reads: Option<Quota>,
        writes: Option<Quota>,
        proxies: TrustedProxies,
        keys: RandomState,
    ) -> Self {
        Self { reads, writes, proxies, limiter: Limiter::new(keys), refused: [const { Counter::new() }; 2] }
    }

    /// Counts a request of this class before its handler runs.
    ///
    /// # Errors
    /// `RATE_LIMITED`: the client has used up its quota.
    pub(crate) fn charge(
        &self,
        class: LimitClass,
        request: &ServiceRequest,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let budget = match class {
            LimitClass::Read => Budget::Reads,
            LimitClass::Write => Budget::Writes,
            LimitClass::Probe | LimitClass::Ingest | LimitClass::Operate => return Ok(()),
        };
        self.count(budget, request, now)
    }

    /// Counts a request whose credential was refused as a read, so that a client cannot try many.
    ///
    /// # Errors
    /// `RATE_LIMITED`: the client has used up its quota.
    pub(crate) fn charge_refused(&self, request: &ServiceRequest, now: Timestamp) -> Result<(), ApiError> {
        self.count(Budget::Reads, request, now)
    }

    fn count(&self, budget: Budget, request: &ServiceRequest, now: Timestamp) -> Result<(), ApiError> {
        let quota = match budget {
            Budget::Reads => self.reads,
            Budget::Writes => self.writes,
        };
        let client = self.client_of(request.request());
        let Some((quota, client)) = quota.zip(client.filter(|client| !client.is_loopback())) else {
            return Ok(());
        };
        let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
        let verdict = self.limiter.charge(&(budget, network_of(client)), quota, Duration::from_millis(now));
        request.extensions_mut().insert(Counted { budget, quota, verdict });
        let Some(wait) = verdict.retry_after else { return Ok(()) };
        let [reads, writes] = &self.refused;
        match budget {
            Budget::Reads => reads.increment(),
            Budget::Writes => writes.increment(),
        }
        Err(refused(budget, quota, wait))
    }

    /// The number of refused requests by budget.
    pub(crate) fn refused(&self) -> [(&'static str, u64); 2] {
        let [reads, writes] = &self.refused;
        [(Budget::Reads.name(), reads.value()), (Budget::Writes.name(), writes.value())]
    }

    /// The address of the client of a request.
    pub(crate) fn client_of(&self, request: &HttpRequest) -> Option<IpAddr> {
        request.peer_addr().map(|peer| self.client(peer.ip(), request.headers()))
    }

    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let values: Vec<_> =
            headers.get_all(FORWARDED_FOR).map(|value| value.to_str().unwrap_or_default()).collect();
        self.proxies.client(peer, values)
    }
}

impl Counted {
    /// Adds `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers: requests left, and seconds until the
    /// whole quota is available.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let name = self.budget.name();
        let (quota, window) = (self.quota.requests(), Quota::PERIOD.as_secs());
        let policy = format!("\"{name}\";q={quota};w={window}");
        let (remaining, reset) = (self.verdict.remaining, whole_seconds(self.verdict.reset_after));
        let limit = format!("\"{name}\";r={remaining};t={reset}");
        for (header, value) in [(POLICY, policy), (LIMIT, limit)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(header, value);
            }
        }
    }
}

impl Budget {
    const fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
        }
    }
}

fn refused(budget: Budget, quota: Quota, wait: Duration) -> ApiError {
    let (quota, name) = (quota.requests(), budget.name());
    let message = format!(
        "this client made more than {quota} {name} a minute: try again after the time in Retry-After"
    );
    ApiError {
        retry_after_seconds: Some(whole_seconds(wait).max(1)),
        ..ApiError::new(ErrorKind::RateLimited, message)
    }
}

/// The seconds, rounded up: a client that waits so long does not come too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}
