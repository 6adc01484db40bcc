//! The span of an attempt.

use fluxora_delivery::AttemptResult;
use fluxora_trace::{Kind, Span, Status, TraceContext, Tracer, Value};

use crate::Outgoing;

/// What caused an attempt.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    /// An event. Its context is the same in every process, so that all attempts of all its deliveries are in one trace.
    Event(&'a TraceContext),
    /// A request to this server.
    Request(&'a TraceContext),
}

impl Cause<'_> {
    /// The context of an attempt.
    pub(crate) fn attempt(self, tracer: &Tracer) -> TraceContext {
        match self {
            Self::Event(event) => tracer.client(event),
            Self::Request(request) => tracer.server(Some(request)),
        }
    }
}

/// The context of the event at this position of the log.
pub(crate) fn of_event(stream: &impl ToString, sequence: u64) -> TraceContext {
    TraceContext::of_name(&format!("{} {sequence}", stream.to_string()))
}

/// Records an attempt. The receiver's address is its owner's alone, so the span does not have it.
pub(crate) fn record(
    tracer: &Tracer,
    context: TraceContext,
    outgoing: &Outgoing<'_>,
    result: &AttemptResult,
) {
    if !tracer.records(&context) {
        return;
    }
    let mut attributes: Vec<(&'static str, Value)> = vec![
        ("http.request.method", "POST".into()),
        ("fluxora.delivery.id", outgoing.delivery_id.to_owned().into()),
        ("fluxora.event.type", outgoing.event_type.to_owned().into()),
        ("fluxora.delivery.attempt", outgoing.attempt.into()),
    ];
    attributes.extend(result.status.map(|status| ("http.response.status_code", status.into())));
    let is_success = result.outcome.is_success();
    if !is_success {
        attributes.push(("error.type", result.outcome.name().into()));
    }
    let (parent, link) = match outgoing.cause {
        Cause::Event(event) => (None, Some(event.clone())),
        Cause::Request(request) => (Some(request.span_id()), None),
    };
    let start = result.started_at.as_nanosecond();
    let nanoseconds = |instant: i128| u64::try_from(instant).unwrap_or_default();
    tracer.record(Span {
        context,
        parent,
        link,
        name: "webhook attempt".into(),
        kind: Kind::Client,
        start_ns: nanoseconds(start),
        end_ns: nanoseconds(start.saturating_add(result.duration.as_nanos())),
        attributes,
        status: if is_success { Status::Unset } else { Status::Error },
    });
}
