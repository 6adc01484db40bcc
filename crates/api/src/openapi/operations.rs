use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{parameters, requests};
use crate::{Access, Content, ErrorKind, LimitClass, Location, Method, Response, Route};

/// Routes whose answers say how many streams they left out.
const COUNTED: [&str; 3] = [
    "/compat/frontend/streams",
    "/compat/frontend/recipients/{address}/streams",
    "/compat/frontend/treasury/metrics",
];

/// The operation object of a route.
pub(super) fn operation(route: &Route) -> Value {
    let doc = &route.doc;
    let mut operation = json!({
        "operationId": name(route),
        "summary": doc.summary,
        "tags": [tag(route)],
        "x-access": access(route.access),
        "x-rate-limit": limit(route.limit),
        "responses": responses(route),
    });
    let parameters = doc.parameters.iter().filter(|parameter| parameter.name != "Accept");
    let parameters: Vec<_> = parameters.map(|parameter| parameters::parameter(route, parameter)).collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(request) = doc.request {
        operation["requestBody"] = json!({
            "description": request.description,
            "required": requests::is_required(route.method, request.schema),
            "content": {"application/json": {
                "schema": reference(request.schema),
                "example": requests::example(request.schema),
            }},
        });
    }
    operation["security"] = security(route.access);
    operation
}

/// The credentials that an operation takes. The empty one stands for a server that asks for none.
fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Reader => json!([{}, {"bearer": []}, {"operatorToken": []}, {"workerToken": []}]),
        Access::Partner => json!([{}, {"bearer": []}, {"operatorToken": []}]),
        Access::Worker => json!([{"workerToken": []}, {"bearer": []}]),
        Access::Operator => json!([{"operatorToken": []}, {"bearer": []}]),
    }
}

/// The summary as a name: `List streams` is `listStreams`.
pub(super) fn name(route: &Route) -> String {
    let words = route.doc.summary.split(' ').map(str::to_ascii_lowercase);
    let words = words.filter(|word| !["a", "an", "the", "of", "that", "is", "as"].contains(&word.as_str()));
    words.enumerate().fold(String::new(), |name, (position, word)| match word.split_at(1) {
        (first, rest) if position > 0 => name + &first.to_ascii_uppercase() + rest,
        _ => name + &word,
    })
}

fn tag(route: &Route) -> &'static str {
    match (route.access, route.path) {
        (Access::Worker, _) => "indexer",
        (Access::Operator, _) => "operators",
        (_, "/api/events" | "/api/events/{id}/proof" | "/api/streams/{id}/events") => "events",
        (_, path) if path.starts_with("/api/streams") => "streams",
        (_, path) if path.starts_with("/api/treasury") || path.starts_with("/api/recipients") => "treasuries",
        (_, path) if path.starts_with("/api/webhooks") => "webhooks",
        (_, path) if path.starts_with("/compat/") => "compatibility",
        _ => "service",
    }
}

const fn access(access: Access) -> &'static str {
    match access {
        Access::Public => "public",
        Access::Reader => "reader",
        Access::Partner => "partner",
        Access::Worker => "worker",
        Access::Operator => "operator",
    }
}

const fn limit(limit: LimitClass) -> &'static str {
    match limit {
        LimitClass::Probe | LimitClass::Ingest | LimitClass::Operate => "none",
        LimitClass::Read => "reads",
        LimitClass::Write => "writes",
    }
}

pub(super) fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    for response in route.doc.responses {
        let mut answer = json!({
            "description": response.body.description,
            "headers": headers(route, response.status),
        });
        if response.body.schema != "Nothing" {
            answer["content"] = content(route, response.body);
        }
        // One status may be a state of the service or an error.
        let errors = errors(route).remove(&response.status);
        if errors.is_some() {
            answer["content"] = json!({"application/json": {"schema": {"anyOf": [
                reference(response.body.schema),
                reference("Error"),
            ]}}});
        }
        responses.insert(response.status.to_string(), answer);
    }
    for (status, codes) in errors(route) {
        let description =
            codes.iter().map(|kind| format!("`{}`", kind.code())).collect::<Vec<_>>().join(", ");
        responses.entry(status.to_string()).or_insert_with(|| {
            json!({
                "description": description,
                "headers": headers(route, status),
                "content": {"application/json": {"schema": reference("Error"), "examples": examples(&codes)}},
            })
        });
    }
    responses.into()
}

fn examples(codes: &[ErrorKind]) -> Value {
    let example = |kind: &ErrorKind| {
        let error = json!({
            "code": kind.code(),
            "message": "what is wrong",
            "requestId": "01930000-0000-7000-8000-000000000001",
            "traceId": "0af7651916cd43dd8448eb211c80319c",
        });
        (kind.code().to_owned(), json!({"value": {"error": error}}))
    };
    Value::Object(codes.iter().map(example).collect())
}

fn content(route: &Route, content: Content) -> Value {
    let schema = || json!({"schema": reference(content.schema)});
    let text = || json!({"schema": {"type": "string"}});
    match (route.path, content.schema) {
        (_, "Metrics") => json!({"text/plain": text()}),
        ("/api/admin/audit", _) => json!({"application/json": schema(), "text/csv": text()}),
        (_, "HtmlPage") => json!({"text/html": text()}),
        ("/api/events", _) => {
            json!({"application/json": schema(), "text/event-stream": text(), "application/x-ndjson": text()})
        }
        // With a parameter of the feed its page is one of the event log.
        ("/api/streams/{id}/events", name) => {
            let pages = json!({"schema": {"anyOf": [reference(name), reference("EventLogPage")]}});
            json!({"application/json": pages, "text/event-stream": text(), "application/x-ndjson": text()})
        }
        _ => json!({"application/json": schema()}),
    }
}

fn headers(route: &Route, status: u16) -> Value {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    let mut headers = json!({
        "x-request-id": text("The id of the request"),
        "x-correlation-id": text("The same"),
    });
    if matches!(route.limit, LimitClass::Read | LimitClass::Write) {
        headers["RateLimit"] = text("Requests left, for a client that is limited");
        headers["RateLimit-Policy"] = text("The quota, for a client that is limited");
    }
    if status == 201 {
        headers["Location"] = text("The path of what was created");
        headers["Idempotency-Replayed"] = text("`true` if the answer was given before under the same key");
    }
    let shows_version =
        |response: &Response| response.status == status && response.body.schema == "WebhookEndpoint";
    if route.doc.responses.iter().any(shows_version) {
        headers["ETag"] = text("The version of the endpoint, for `If-Match`");
    }
    if status == 401 {
        headers["WWW-Authenticate"] = text("`Bearer`, with the error of a credential that was sent");
    }
    if status == 200 && COUNTED.contains(&route.path) {
        headers["X-Streams-Left-Out"] = text("Streams that were read and are not in the answer");
        headers["X-Streams-Cut-At"] = text("The bound, if there are more streams than were read");
    }
    if tag(route) == "treasuries" && matches!(status, 200 | 304) {
        headers["ETag"] = text("The state that is shown, for `If-None-Match`");
    }
    if matches!(status, 429 | 503) {
        headers["Retry-After"] = text("Seconds after which to try again");
    }
    headers
}

/// Every error of a route by status: those of its documentation, of its access, of its body and of every request.
fn errors(route: &Route) -> BTreeMap<u16, Vec<ErrorKind>> {
    use ErrorKind::{
        CredentialsExpired, CredentialsInvalid, Forbidden, HostNotAllowed, IndexerNotConfigured, Internal,
        PayloadTooLarge, RateLimited, RequestTimeout, Unauthorized, Unavailable, UnsupportedMediaType,
        Validation,
    };
    let mut kinds = route.doc.errors.to_vec();
    kinds.extend(match route.access {
        Access::Public => &[][..],
        Access::Reader => &[Unauthorized, CredentialsExpired, CredentialsInvalid],
        Access::Partner | Access::Operator => {
            &[Unauthorized, CredentialsExpired, CredentialsInvalid, Forbidden]
        }
        Access::Worker => {
            &[Unauthorized, CredentialsExpired, CredentialsInvalid, Forbidden, IndexerNotConfigured]
        }
    });
    // A `POST` that takes no field reads its body too: it accepts none or an empty object.
    if route.doc.request.is_some() || route.method == Method::Post {
        kinds.extend([RequestTimeout, PayloadTooLarge, UnsupportedMediaType]);
    }
    // A probe reads neither parameters nor rows, and reports what is unavailable in its own body.
    if route.limit != LimitClass::Probe {
        kinds.extend([Validation, HostNotAllowed, RateLimited, Internal, Unavailable]);
    }
    let mut errors = BTreeMap::<_, Vec<ErrorKind>>::new();
    for kind in ErrorKind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
        errors.entry(kind.status().as_u16()).or_default().push(kind);
    }
    errors
}

#[test]
fn a_name_is_the_summary_without_articles() {
    let route =
        |path: &str, method| crate::ROUTES.iter().find(|route| route.path == path && route.method == method);
    assert_eq!(name(route("/api/streams", Method::Get).unwrap()), "listStreams");
    assert_eq!(name(route("/api/streams/{id}", Method::Delete).unwrap()), "cancelStream");
    let parameters = crate::ROUTES.iter().flat_map(|route| route.doc.parameters);
    assert!(parameters.into_iter().any(|parameter| parameter.location == Location::Header));
}
