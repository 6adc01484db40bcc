use std::fmt;
use std::hash::RandomState;

use crate::context::TraceContext;
use crate::id::Ids;
use crate::queue::Spans;
use crate::sampler::Sampler;
use crate::span::Span;

/// Gives spans their ids, decides which are recorded and queues them.
pub struct Tracer {
    ids: Ids,
    sampler: Sampler,
    /// `None` if nothing is recorded here.
    spans: Option<Spans>,
}

impl Tracer {
    /// A tracer that records sampled spans in the queue. The keys should be random: ids follow from them.
    pub fn new(sampler: Sampler, keys: RandomState) -> (Self, Spans) {
        let spans = Spans::default();
        (Self { ids: Ids::new(keys), sampler, spans: Some(spans.clone()) }, spans)
    }

    /// A tracer that records nothing. It passes contexts on as their senders sampled them.
    pub fn disabled(keys: RandomState) -> Self {
        Self { ids: Ids::new(keys), sampler: Sampler::PARENT_BASED_ALWAYS_OFF, spans: None }
    }

    /// The context of a request that this process answers: a span of the parent's trace, or the root of a trace.
    pub fn server(&self, parent: Option<&TraceContext>) -> TraceContext {
        let trace = parent.map_or_else(|| self.ids.trace(), |parent| parent.trace);
        let state = parent.map(|parent| parent.state.clone()).unwrap_or_default();
        TraceContext { trace, span: self.ids.span(), sampled: self.sampler.samples(trace, parent), state }
    }

    /// The context of a request that this process sends in the trace of something that every process names alike. No sender
    /// has decided about the trace, so the sampler does.
    pub fn client(&self, cause: &TraceContext) -> TraceContext {
        let sampled = self.sampler.samples(cause.trace, None);
        TraceContext { trace: cause.trace, span: self.ids.span(), sampled, state: String::new() }
    }

    /// Whether a span with this context is recorded: there is no need to make any other.
    pub const fn records(&self, context: &TraceContext) -> bool {
        self.spans.is_some() && context.sampled
    }

    /// Queues a finished span, if it is recorded. Never waits.
    pub fn record(&self, span: Span) {
        if let Some(spans) = self.spans.as_ref().filter(|_| span.context.sampled) {
            spans.push(span);
        }
    }

    /// Recorded spans by what became of them, as [`Spans::outcomes`].
    pub fn outcomes(&self) -> [(&'static str, u64); 3] {
        self.spans.as_ref().map_or([("sent", 0), ("refused", 0), ("dropped", 0)], Spans::outcomes)
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer")
            .field("sampler", &self.sampler)
            .field("spans", &self.spans)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::{Kind, Status};

    fn span(context: TraceContext) -> Span {
        let attributes = Vec::new();
        let (parent, link, status) = (None, None, Status::Unset);
        Span {
            context,
            parent,
            link,
            name: "GET /".into(),
            kind: Kind::Server,
            start_ns: 1,
            end_ns: 2,
            attributes,
            status,
        }
    }

    #[test]
    fn a_request_continues_the_trace_of_its_sender() {
        let (tracer, _) = Tracer::new(Sampler::PARENT_BASED_ALWAYS_ON, RandomState::new());
        for (flag, sampled) in [(0, false), (1, true)] {
            let parent = TraceContext::parse(&format!("00-{:032x}-{:016x}-0{flag}", 7, 8), "a=1").unwrap();
            let context = tracer.server(Some(&parent));
            assert_eq!((context.trace, context.sampled), (parent.trace, sampled));
            assert_ne!(context.span, parent.span);
            assert_eq!(context.tracestate(), "a=1");
        }
        let (one, other) = (tracer.server(None), tracer.server(None));
        assert!(one.trace != other.trace && one.sampled);
    }

    #[test]
    fn only_sampled_spans_are_recorded_and_those_beyond_the_queue_are_counted() {
        let (tracer, spans) = Tracer::new(Sampler::PARENT_BASED_ALWAYS_ON, RandomState::new());
        let unsampled = TraceContext::of_name("event 1");
        assert!(!tracer.records(&unsampled));
        tracer.record(span(unsampled));
        assert_eq!(spans.waiting(), 0);
        for _ in 0..3_000 {
            tracer.record(span(tracer.server(None)));
        }
        assert_eq!((spans.waiting(), tracer.outcomes()[2]), (2_048, ("dropped", 952)));
        assert_eq!(spans.take(512).len(), 512);
        assert_eq!(spans.waiting(), 1_536);
    }

    #[test]
    fn without_a_queue_contexts_are_passed_on_and_nothing_is_recorded() {
        let tracer = Tracer::disabled(RandomState::new());
        let parent = TraceContext::parse(&format!("00-{:032x}-{:016x}-01", 7, 8), "").unwrap();
        let context = tracer.server(Some(&parent));
        assert!(context.is_sampled() && !tracer.records(&context));
        assert!(!tracer.server(None).is_sampled());
    }

    #[test]
    fn deliveries_of_one_event_are_in_one_trace_and_sampled_alike() {
        let tracer = |ratio| {
            Tracer::new(Sampler::named("parentbased_traceidratio", Some(ratio)).unwrap(), RandomState::new())
                .0
        };
        let (one, other) = (tracer("0.5"), tracer("0.5"));
        for event in (0..100).map(|n| TraceContext::of_name(&format!("event {n}"))) {
            let (first, retry) = (one.client(&event), other.client(&event));
            assert_eq!((first.trace, first.sampled), (retry.trace, retry.sampled));
            assert_ne!(first.span, retry.span);
        }
    }
}
