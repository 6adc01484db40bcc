use std::hash::RandomState;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use fluxora_auth::{Identity, Principal};
use fluxora_limit::{Limiter, Quota, SharedFailure, SharedLimiter, TrustedProxies, Verdict, network_of};
use fluxora_metrics::{Counter, Histogram, Reading};
use jiff::Timestamp;

use crate::error::{ApiError, ErrorKind};
use crate::table::LimitClass;

/// One entry for each proxy that a request passed, the client first.
const FORWARDED_FOR: &str = "x-forwarded-for";
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How many requests each client may make.
///
/// A client is the subject of a token or an API key; without a credential it is an IPv4 address or a /64 block of IPv6. Holders
/// of the tokens of the configuration and clients on a loopback address are not limited.
///
/// Each server counts by itself. With a shared count, a request that this server allows is counted there too, and the shared
/// count decides; where it fails, this server's count does.
pub struct Limits {
    reads: Option<Quota>,
    writes: Option<Quota>,
    proxies: TrustedProxies,
    limiter: Limiter<RandomState>,
    refused: [Counter; Budget::ALL.len()],
    shared: Option<Arc<dyn SharedLimiter>>,
    shared_outcomes: [Counter; SHARED_OUTCOMES.len()],
    shared_durations: Histogram<10>,
}

/// What the shared count did with a request, in the order of the counters.
const SHARED_OUTCOMES: [&str; 3] = ["counted", "timeout", "unavailable"];
/// Bounds of the time of one shared count, in nanoseconds: 50 µs to 100 ms.
static SHARED_DURATIONS: [u64; 10] =
    [50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 100_000_000];

/// A class of requests that has a quota, for the header `RateLimit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Budget {
    Reads,
    Writes,
    /// Requests whose credential was refused, of one address. As many as reads.
    Credentials,
}

/// Whose requests are counted together.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Client {
    /// An IPv4 address or a /64 block.
    Network(IpAddr),
    /// A caller in its stable form: `jwt:<subject>` or `key:<id>`.
    Caller(String),
}

impl Client {
    /// The client of a request; `None` if it is not limited.
    fn of(caller: Option<&Principal>, address: IpAddr) -> Option<Self> {
        match caller.map(Principal::identity) {
            None | Some(Identity::Anonymous) => Some(Self::Network(network_of(address))),
            Some(Identity::Token(_)) => None,
            Some(Identity::Subject(_) | Identity::Key(_)) => {
                caller.map(|caller| Self::Caller(caller.to_string()))
            }
        }
    }
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
        Self {
            reads,
            writes,
            proxies,
            limiter: Limiter::new(keys),
            refused: [const { Counter::new() }; Budget::ALL.len()],
            shared: None,
            shared_outcomes: [const { Counter::new() }; SHARED_OUTCOMES.len()],
            shared_durations: Histogram::new(&SHARED_DURATIONS),
        }
    }

    /// The same limits with a count that several servers share.
    #[must_use]
    pub fn shared_by(self, shared: Arc<dyn SharedLimiter>) -> Self {
        Self { shared: Some(shared), ..self }
    }

    /// Counts a request of this class before its handler runs.
    ///
    /// # Errors
    /// `RATE_LIMITED`: the client has used up its quota.
    pub(crate) async fn charge(
        &self,
        class: LimitClass,
        caller: Option<&Principal>,
        request: &ServiceRequest,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let budget = match class {
            LimitClass::Read => Budget::Reads,
            LimitClass::Write => Budget::Writes,
            LimitClass::Probe | LimitClass::Ingest | LimitClass::Operate => return Ok(()),
        };
        self.count(budget, caller, request, now).await
    }

    /// Counts a request whose credential was refused for its address, so that a client cannot try many.
    ///
    /// # Errors
    /// `RATE_LIMITED`: the address has used up its quota.
    pub(crate) async fn charge_refused(
        &self,
        request: &ServiceRequest,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        self.count(Budget::Credentials, None, request, now).await
    }

    /// Checks that the address of a request may try one more credential, before the credential is read from the database. Counts
    /// nothing.
    ///
    /// # Errors
    /// `RATE_LIMITED`: the address has used up its quota of refused credentials.
    pub(crate) fn check_refused(&self, request: &ServiceRequest, now: Timestamp) -> Result<(), ApiError> {
        let budget = Budget::Credentials;
        let Some((quota, address)) = self.quota_of(budget, request) else { return Ok(()) };
        let client = Client::Network(network_of(address));
        let verdict = self.limiter.peek(&(budget, &client), quota, since_1970(now));
        match verdict.retry_after {
            Some(_) => self.decided(budget, quota, verdict, request),
            None => Ok(()),
        }
    }

    async fn count(
        &self,
        budget: Budget,
        caller: Option<&Principal>,
        request: &ServiceRequest,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let Some((quota, address)) = self.quota_of(budget, request) else { return Ok(()) };
        let Some(client) = Client::of(caller, address) else { return Ok(()) };
        let local = self.limiter.charge(&(budget, &client), quota, since_1970(now));
        let verdict = match &self.shared {
            Some(shared) if local.is_allowed() => {
                self.count_shared(shared.as_ref(), budget, &client, quota).await.unwrap_or(local)
            }
            _ => local,
        };
        self.decided(budget, quota, verdict, request)
    }

    /// The quota of a request and the address of its client; `None` if it is not limited.
    fn quota_of(&self, budget: Budget, request: &ServiceRequest) -> Option<(Quota, IpAddr)> {
        let quota = match budget {
            Budget::Reads | Budget::Credentials => self.reads,
            Budget::Writes => self.writes,
        };
        let quota = quota?;
        let address = self.client_of(request.request()).filter(|address| !address.is_loopback())?;
        Some((quota, address))
    }

    /// Keeps a verdict for the headers of the answer.
    fn decided(
        &self,
        budget: Budget,
        quota: Quota,
        verdict: Verdict,
        request: &ServiceRequest,
    ) -> Result<(), ApiError> {
        request.extensions_mut().insert(Counted { budget, quota, verdict });
        let Some(wait) = verdict.retry_after else { return Ok(()) };
        let [reads, writes, credentials] = &self.refused;
        match budget {
            Budget::Reads => reads.increment(),
            Budget::Writes => writes.increment(),
            Budget::Credentials => credentials.increment(),
        }
        Err(refused(budget, quota, wait))
    }

    async fn count_shared(
        &self,
        shared: &dyn SharedLimiter,
        budget: Budget,
        client: &Client,
        quota: Quota,
    ) -> Result<Verdict, SharedFailure> {
        let client = match client {
            Client::Network(address) => format!("{}:{address}", budget.name()),
            Client::Caller(caller) => format!("{}:{caller}", budget.name()),
        };
        let began = monotonic();
        let verdict = shared.charge(&client, quota).await;
        let [counted, timeout, unavailable] = &self.shared_outcomes;
        match verdict {
            Ok(_) => {
                counted.increment();
                self.shared_durations.observe_duration(began.elapsed());
            }
            Err(SharedFailure::Timeout) => timeout.increment(),
            Err(SharedFailure::Unavailable) => unavailable.increment(),
        }
        verdict
    }

    /// Whether the shared count is available; `None` without one.
    pub(crate) fn is_shared(&self) -> Option<bool> {
        self.shared.as_ref().map(|shared| shared.is_available())
    }

    /// Requests that were to be counted by the shared count, by what it did.
    pub(crate) fn shared_outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        SHARED_OUTCOMES.into_iter().zip(self.shared_outcomes.iter().map(Counter::value))
    }

    /// Times of the shared count.
    pub(crate) fn shared_durations(&self) -> Reading {
        self.shared_durations.read()
    }

    /// The number of refused requests by budget.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Budget::ALL.into_iter().map(Budget::name).zip(self.refused.iter().map(Counter::value))
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
    /// Every budget, in the order of the counters.
    const ALL: [Self; 3] = [Self::Reads, Self::Writes, Self::Credentials];

    const fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Credentials => "credentials",
        }
    }
}

fn refused(budget: Budget, quota: Quota, wait: Duration) -> ApiError {
    let quota = quota.requests();
    let what = match budget {
        Budget::Credentials => "requests with a wrong credential",
        Budget::Reads | Budget::Writes => budget.name(),
    };
    let message = format!(
        "this client made more than {quota} {what} a minute: try again after the time in Retry-After"
    );
    ApiError {
        retry_after_seconds: Some(whole_seconds(wait).max(1)),
        ..ApiError::new(ErrorKind::RateLimited, message)
    }
}

fn since_1970(now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(now.as_millisecond()).unwrap_or_default())
}

/// The seconds, rounded up: a client that waits so long does not come too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}

#[expect(clippy::disallowed_methods, reason = "this is what measures how long a count took")]
fn monotonic() -> Instant {
    Instant::now()
}
