//! The route table: every route has documentation and its access is checked before its handler runs.

use super::*;
use crate::{Access, Location, Method, ROUTES, Route};

const PAGE: &str = include_str!("../../../../docs/API.md");
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A request to a route, with the example of each parameter in its path.
pub(super) fn request(route: &Route, query: &str) -> TestRequest {
    let example = |name: &str| route.doc.parameters.iter().find(|parameter| parameter.name == name).unwrap();
    let segments = route.path.split('/').map(|segment| match segment.strip_prefix('{') {
        Some(name) => example(name.trim_end_matches('}')).example,
        None => segment,
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let method = Method::as_str(route.method).parse::<http::Method>().unwrap();
    TestRequest::default().method(method).uri(&format!("{path}?{query}"))
}

fn authorized(route: &Route, query: &str) -> TestRequest {
    let request = request(route, query);
    match route.access.header() {
        Some(header) => request.insert_header((header, SECRET)),
        None => request,
    }
}

#[test]
fn every_route_is_documented() {
    for Route { method, path, doc, .. } in &ROUTES {
        let name = format!("{} {path}", method.as_str());
        assert!(PAGE.contains(&format!("| `{name}` |")), "docs/API.md does not list {name}");
        assert!(!doc.summary.is_empty() && !doc.summary.ends_with('.'), "{name}");
        let succeeds = |response: &crate::Response| (200..300).contains(&response.status);
        assert!(doc.responses.iter().any(succeeds), "{name} has no successful answer");
        for parameter in doc.parameters {
            let in_path = path.contains(&format!("{{{}}}", parameter.name));
            assert_eq!(parameter.location == Location::Path, in_path, "{name}: {}", parameter.name);
            assert!(!parameter.description.is_empty(), "{name}: {}", parameter.name);
            assert!(PAGE.contains(parameter.name), "docs/API.md does not name {} of {name}", parameter.name);
        }
        assert_eq!(
            path.matches('{').count(),
            doc.parameters.iter().filter(|parameter| parameter.location == Location::Path).count(),
            "{name} has a path parameter without documentation"
        );
    }
}

#[actix_web::test]
async fn every_documented_query_parameter_is_accepted() {
    let server = Server::with(Arc::new(Model::default()), Writes::Open, Some(SECRET));
    for route in &ROUTES {
        for parameter in route.doc.parameters {
            if parameter.location == Location::Query && !parameter.example.is_empty() {
                let required = route.doc.parameters.iter().filter(|other| {
                    other.location == Location::Query && other.required && other.name != parameter.name
                });
                let given = required.chain([parameter]);
                let given: Vec<_> = given.map(|given| format!("{}={}", given.name, given.example)).collect();
                let query = given.join("&");
                let answered = server.send(authorized(route, &query)).await;
                assert_ne!(answered.status, StatusCode::BAD_REQUEST, "{query}: {}", answered.body);
            }
        }
    }
}

#[actix_web::test]
async fn a_request_without_the_access_of_its_route_is_refused_before_its_handler_runs() {
    let failing: Fault = || StoreError::Internal { reason: "the handler ran".into(), source: None };
    let guarded = Server::with(Arc::new(FailingStore::new(failing)), Writes::Refused, Some(SECRET));
    let bare = Server::over(Arc::new(FailingStore::new(failing)), Writes::Refused);
    for route in &ROUTES {
        let (without, unconfigured) = match route.access {
            Access::Public | Access::Reader => continue,
            Access::Partner => ("FORBIDDEN", "FORBIDDEN"),
            Access::Worker => ("UNAUTHORIZED", "INDEXER_NOT_CONFIGURED"),
            Access::Operator => ("UNAUTHORIZED", "FORBIDDEN"),
        };
        // The handler would refuse the parameter.
        let answered = guarded.send(request(route, "unknown=1")).await;
        assert_eq!(answered.body["error"]["code"], without, "{}", route.path);
        let answered = bare.send(authorized(route, "unknown=1")).await;
        assert_eq!(answered.body["error"]["code"], unconfigured, "{}", route.path);
        if route.access.header().is_some() {
            let answered = guarded.send(authorized(route, "unknown=1")).await;
            assert_eq!(answered.body["error"]["code"], "VALIDATION_ERROR", "{}", route.path);
        }
    }
}

#[actix_web::test]
async fn other_methods_of_a_path_are_refused_with_the_methods_of_the_table() {
    let server = Server::new();
    for route in &ROUTES {
        let trace = request(route, "").method(http::Method::TRACE);
        let answered = server.send(trace).await;
        assert_eq!(answered.status, StatusCode::METHOD_NOT_ALLOWED, "{}", route.path);
        let allow = answered.headers.get("allow").unwrap().to_str().unwrap();
        let of_path = ROUTES.iter().filter(|other| other.path == route.path);
        for method in of_path.map(|route| route.method.as_str()) {
            assert!(allow.split(", ").any(|allowed| allowed == method), "{}: {allow}", route.path);
        }
        assert_eq!(allow.contains("HEAD"), allow.contains("GET"), "{}: {allow}", route.path);
    }
}
