use serde::Serialize;
use serde::ser::Serializer;

use crate::context::TraceContext;
use crate::span::{Kind, Span, Status, Value};

/// What the spans of a process have in common: its attributes, such as `service.name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource(Vec<(String, String)>);

impl Resource {
    /// These attributes. Of two with one name the later one counts.
    pub fn new(attributes: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut kept: Vec<(String, String)> = Vec::new();
        for (name, value) in attributes {
            match kept.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => kept.push((name, value)),
            }
        }
        Self(kept)
    }
}

/// Spans as the body of `POST /v1/traces` with `application/json`: an `ExportTraceServiceRequest` of OTLP 1.
pub struct Batch<'a> {
    /// The process.
    pub resource: &'a Resource,
    /// The version of the instrumentation.
    pub version: &'static str,
    /// The spans.
    pub spans: &'a [Span],
}

impl Batch<'_> {
    /// The body.
    pub fn to_json(&self) -> Vec<u8> {
        let spans = self.spans.iter().map(SpanJson::of).collect();
        let attributes =
            self.resource.0.iter().map(|(name, value)| Attribute { key: name, value: AnyValue::Text(value) });
        let request = Request {
            resource_spans: [ResourceSpans {
                resource: ResourceJson { attributes: attributes.collect() },
                scope_spans: [ScopeSpans { scope: Scope { name: "fluxora", version: self.version }, spans }],
            }],
        };
        // It holds strings and numbers only, so it can be written.
        serde_json::to_vec(&request).unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: ResourceJson<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct ResourceJson<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<SpanJson<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    trace_state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    flags: u32,
    name: &'a str,
    kind: u8,
    #[serde(serialize_with = "as_text")]
    start_time_unix_nano: u64,
    #[serde(serialize_with = "as_text")]
    end_time_unix_nano: u64,
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    links: Vec<Link>,
    status: StatusJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    trace_id: String,
    span_id: String,
}

#[derive(Serialize)]
struct StatusJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: AnyValue<'a>,
}

#[derive(Serialize)]
enum AnyValue<'a> {
    #[serde(rename = "stringValue")]
    Text(&'a str),
    #[serde(rename = "intValue", serialize_with = "as_text")]
    Number(i64),
}

impl<'a> SpanJson<'a> {
    fn of(span: &'a Span) -> Self {
        let Span { context, parent, link, name, kind, start_ns, end_ns, attributes, status } = span;
        let attribute = |(key, value): &'a (&'static str, Value)| {
            let value = match value {
                Value::Text(text) => AnyValue::Text(text),
                Value::Number(number) => AnyValue::Number(*number),
            };
            Attribute { key, value }
        };
        Self {
            trace_id: context.trace_id().to_string(),
            span_id: context.span_id().to_string(),
            trace_state: context.tracestate(),
            parent_span_id: parent.map(|parent| parent.to_string()),
            flags: u32::from(context.is_sampled()),
            name,
            kind: match kind {
                Kind::Server => 2,
                Kind::Client => 3,
            },
            start_time_unix_nano: *start_ns,
            end_time_unix_nano: *end_ns,
            attributes: attributes.iter().map(attribute).collect(),
            links: link.iter().map(Link::of).collect(),
            status: StatusJson { code: (*status == Status::Error).then_some(2) },
        }
    }
}

impl Link {
    fn of(context: &TraceContext) -> Self {
        Self { trace_id: context.trace_id().to_string(), span_id: context.span_id().to_string() }
    }
}

/// Numbers of 64 bits are strings in the JSON form of Protocol Buffers.
fn as_text<S: Serializer>(number: &impl ToString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[test]
    fn a_batch_is_an_export_request_of_otlp() {
        let parent = TraceContext::parse(&format!("00-{:032x}-{:016x}-01", 7, 8), "a=1").unwrap();
        let span = Span {
            parent: Some(parent.span_id()),
            link: Some(parent.clone()),
            context: parent,
            name: "GET /api/streams/{id}".into(),
            kind: Kind::Server,
            start_ns: 1_767_225_600_000_000_001,
            end_ns: 1_767_225_600_000_000_002,
            attributes: vec![
                ("http.request.method", "GET".into()),
                ("http.response.status_code", 500_u16.into()),
            ],
            status: Status::Error,
        };
        let named = |name: &str| ("service.name".to_owned(), name.to_owned());
        let resource = Resource::new([named("fluxora"), named("mine")]);
        let body = Batch { resource: &resource, version: "1.2.3", spans: &[span] }.to_json();
        let (trace, id) = (format!("{:032x}", 7), format!("{:016x}", 8));
        let expect = json!({ "resourceSpans": [{
            "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "mine" } }] },
            "scopeSpans": [{ "scope": { "name": "fluxora", "version": "1.2.3" }, "spans": [{
                "traceId": trace, "spanId": id, "traceState": "a=1", "parentSpanId": id, "flags": 1,
                "name": "GET /api/streams/{id}", "kind": 2,
                "startTimeUnixNano": "1767225600000000001", "endTimeUnixNano": "1767225600000000002",
                "attributes": [
                    { "key": "http.request.method", "value": { "stringValue": "GET" } },
                    { "key": "http.response.status_code", "value": { "intValue": "500" } },
                ],
                "links": [{ "traceId": trace, "spanId": id }],
                "status": { "code": 2 },
            }] }],
        }] });
        assert_eq!(serde_json::from_slice::<Json>(&body).unwrap(), expect);
    }
}
