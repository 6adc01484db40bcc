use std::fmt;
use std::sync::Arc;

use fluxora_delivery::{AttemptResult, Endpoint};
use fluxora_egress::Client;
use fluxora_seal::Keyring;
use fluxora_store::Clock;
use fluxora_trace::{TraceContext, Tracer};
use fluxora_webhook::{Delivery, name};
use jiff::SignedDuration;
use tokio::time::Instant;

use crate::outcome::Span;
use crate::prepared::{Prepared, Unusable};
use crate::{AttemptMetrics, Cause, trace};

/// Header with the first delivery of an event that is sent again under another id. It is not signed.
const REPLAY_OF: &str = "x-fluxora-replay-of";

/// Makes attempts: opens the secrets of an endpoint, signs, sends.
pub struct Sender {
    client: Client,
    keyring: Keyring,
    clock: Arc<dyn Clock>,
    user_agent: String,
    tracer: Arc<Tracer>,
    metrics: AttemptMetrics,
}

/// What one attempt sends. Not `Debug`: the body is the receiver's alone.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The delivery id: 1 to 64 of `A-Z a-z 0-9 _ -`.
    pub delivery_id: &'a str,
    /// The event type.
    pub event_type: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The delivery that this one repeats under a new id.
    pub replay_of: Option<&'a str>,
    /// What caused it.
    pub cause: Cause<'a>,
}

impl Sender {
    /// A sender. `version` is shown to receivers in `user-agent`.
    pub fn new(
        client: Client,
        keyring: Keyring,
        clock: Arc<dyn Clock>,
        tracer: Arc<Tracer>,
        version: &str,
    ) -> Self {
        // A version with build metadata names a commit, which receivers need not know.
        let version = version.split('+').next().unwrap_or_default();
        let user_agent = format!("Fluxora-Webhooks/{version}");
        Self { client, keyring, clock, user_agent, tracer, metrics: AttemptMetrics::new() }
    }

    /// The keys that the secrets of endpoints are sealed with.
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// What its attempts came to.
    pub const fn metrics(&self) -> &AttemptMetrics {
        &self.metrics
    }

    /// What may be sent to.
    pub const fn policy(&self) -> &fluxora_egress::Policy {
        self.client.policy()
    }

    /// Makes one attempt, signed at this moment.
    pub async fn attempt(&self, endpoint: &Endpoint, outgoing: Outgoing<'_>) -> AttemptResult {
        match self.prepare(endpoint) {
            Ok(prepared) => self.send(&prepared, outgoing).await,
            Err(unusable) => self.unusable(unusable),
        }
    }

    pub(crate) fn prepare(&self, endpoint: &Endpoint) -> Result<Prepared, Unusable> {
        Prepared::new(endpoint, self.client.policy(), &self.keyring, self.clock.now())
    }

    /// The result of an attempt that cannot be made.
    pub(crate) fn unusable(&self, unusable: Unusable) -> AttemptResult {
        let span = Span { started_at: self.clock.now(), duration: SignedDuration::ZERO };
        let result = span.result(unusable.outcome);
        self.metrics.count(&result);
        result
    }

    pub(crate) async fn send(&self, prepared: &Prepared, outgoing: Outgoing<'_>) -> AttemptResult {
        let context = outgoing.cause.attempt(&self.tracer);
        let result = self.exchange(prepared, outgoing, &context).await;
        self.metrics.count(&result);
        trace::record(&self.tracer, context, &outgoing, &result);
        result
    }

    async fn exchange(
        &self,
        prepared: &Prepared,
        outgoing: Outgoing<'_>,
        context: &TraceContext,
    ) -> AttemptResult {
        let Outgoing { delivery_id, event_type, body, attempt, replay_of, .. } = outgoing;
        let started_at = self.clock.now();
        let signed = Delivery::new(delivery_id, event_type, body)
            .ok()
            .and_then(|delivery| prepared.sign(&delivery, started_at).ok());
        let Some(signed) = signed else {
            let outcome = fluxora_delivery::OutcomeCode::InvalidRequest;
            return Span { started_at, duration: SignedDuration::ZERO }.result(outcome);
        };
        let attempt = attempt.to_string();
        let mut headers = vec![
            ("content-type", "application/json"),
            ("user-agent", self.user_agent.as_str()),
            (name::ATTEMPT, attempt.as_str()),
        ];
        headers.extend(replay_of.map(|original| (REPLAY_OF, original)));
        headers.extend(signed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        // An owner may have set one.
        let traceparent = context.traceparent();
        if !signed.iter().any(|(name, _)| name.eq_ignore_ascii_case("traceparent")) {
            headers.push(("traceparent", &traceparent));
            let state = context.tracestate();
            headers.extend((!state.is_empty()).then_some(("tracestate", state)));
        }
        let total = prepared.timeout.unwrap_or(self.client.limits().total);
        let began = Instant::now();
        let (exchanged, timings) =
            self.client.post_timed(total, &prepared.target, &headers, body.to_vec()).await;
        let duration = SignedDuration::try_from(began.elapsed()).unwrap_or(SignedDuration::MAX);
        Span { started_at, duration }.exchanged(&exchanged, &timings)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("client", &self.client).finish_non_exhaustive()
    }
}
