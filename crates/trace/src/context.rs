use crate::id::{SpanId, TraceId, lower_hex, of_name};
use crate::state;

/// The flag of a trace that is recorded.
const SAMPLED: u8 = 1;

/// A span as others refer to it: the content of `traceparent` and `tracestate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) sampled: bool,
    pub(crate) state: String,
}

impl TraceContext {
    /// Reads the headers of a request as W3C Trace Context says. `None` if `traceparent` is malformed; a malformed `tracestate`
    /// counts as none. Several headers `tracestate` are joined by commas.
    pub fn parse(traceparent: &str, tracestate: &str) -> Option<Self> {
        let (version, rest) = traceparent.trim_matches([' ', '\t']).split_once('-')?;
        if version == "ff" {
            return None;
        }
        let version = lower_hex(version, 2)?;
        let mut fields = rest.splitn(4, '-');
        let trace = TraceId::parse(fields.next()?)?;
        let span = SpanId::parse(fields.next()?)?;
        let flags = u8::from_str_radix(lower_hex(fields.next()?, 2)?, 16).ok()?;
        // A later version may have more fields, which are not understood.
        if version == "00" && fields.next().is_some() {
            return None;
        }
        Some(Self { trace, span, sampled: flags & SAMPLED != 0, state: state::valid(tracestate) })
    }

    /// The root of the trace of something that every process names alike, such as an event.
    pub fn of_name(name: &str) -> Self {
        let (trace, span) = of_name(name);
        Self { trace, span, sampled: false, state: String::new() }
    }

    /// The trace.
    pub const fn trace_id(&self) -> TraceId {
        self.trace
    }

    /// The span.
    pub const fn span_id(&self) -> SpanId {
        self.span
    }

    /// Whether the trace is recorded.
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The value of the header `traceparent`.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }

    /// The value of the header `tracestate`; empty without one.
    pub fn tracestate(&self) -> &str {
        &self.state
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[track_caller]
    fn check(traceparent: &str, expect: Option<&str>) {
        let read = TraceContext::parse(traceparent, "").map(|context| context.traceparent());
        assert_eq!(read.as_deref(), expect, "{traceparent}");
    }

    #[test]
    fn a_traceparent_is_written_as_it_was_read() {
        for flags in ["00", "01"] {
            let text = format!("00-{TRACE}-{SPAN}-{flags}");
            check(&text, Some(&text));
            check(&format!(" {text}\t"), Some(&text));
        }
    }

    #[test]
    fn unknown_flags_are_not_passed_on() {
        check(&format!("00-{TRACE}-{SPAN}-ff"), Some(&format!("00-{TRACE}-{SPAN}-01")));
        check(&format!("00-{TRACE}-{SPAN}-fe"), Some(&format!("00-{TRACE}-{SPAN}-00")));
    }

    #[test]
    fn of_a_later_version_the_known_fields_are_read() {
        for rest in ["", "-more", "-"] {
            check(&format!("cc-{TRACE}-{SPAN}-01{rest}"), Some(&format!("00-{TRACE}-{SPAN}-01")));
        }
        check(&format!("cc-{TRACE}-{SPAN}-01more"), None);
    }

    #[test]
    fn a_malformed_traceparent_is_none() {
        let zero = "0".repeat(32);
        for wrong in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-011"),
            format!("00-{TRACE}-{SPAN}-0G"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("FE-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("00-{zero}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-+{}-{SPAN}-01", TRACE.replacen("0", "", 1)),
            format!("00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01"),
        ] {
            check(&wrong, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_well_formed(text in "[0-9a-f-]{50,60}|.{0,60}") {
            if let Some(context) = TraceContext::parse(&text, &text) {
                let again = TraceContext::parse(&context.traceparent(), context.tracestate());
                prop_assert_eq!(again, Some(context));
            }
        }
    }
}
