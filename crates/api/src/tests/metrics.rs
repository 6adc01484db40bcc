//! `GET /metrics`: every series is there from the start, and counts what happens.

use std::collections::{BTreeMap, BTreeSet};

use fluxora_auth::Role;

use super::*;
use crate::{ErrorKind, Metric, ROUTES};

const TOKEN: &str = access::SECRET;
const PAGE: &str = include_str!("../../../../docs/METRICS.md");

fn server() -> Server {
    Server::with(Arc::new(Model::default()), Writes::Open, Some(TOKEN))
}

impl Server {
    /// The value of each series.
    async fn metrics(&self) -> BTreeMap<String, String> {
        let request = TestRequest::get().uri("/metrics").insert_header(("x-operator-token", TOKEN));
        let answered = self.send(request).await;
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
        let samples = answered.text.lines().filter(|line| !line.starts_with('#'));
        let series = samples.map(|line| line.rsplit_once(' ').unwrap());
        series.map(|(series, value)| (series.to_owned(), value.to_owned())).collect()
    }
}

#[actix_web::test]
async fn every_metric_is_on_the_page_from_the_start_with_its_type() {
    let server = server();
    *server.workers.0.lock().unwrap() =
        vec![WorkerHealth { name: "feed", state: WorkerState::Running, restarts: 2, last_error: None }];
    let request = TestRequest::get().uri("/metrics").insert_header(("x-operator-token", TOKEN));
    let answered = server.send(request).await;
    let content_type = answered.headers.get("content-type").unwrap();
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    for metric in Metric::ALL {
        let family = metric.family();
        let (name, kind) = (family.name, family.kind.as_str());
        assert!(answered.text.contains(&format!("\n# TYPE {name} {kind}\n{name}")), "{name} has no series");
    }
    let series = server.metrics().await;
    for route in &ROUTES {
        for class in ["2xx", "3xx", "4xx", "5xx"] {
            let (method, path) = (route.method.as_str(), route.path);
            let name = format!(
                "fluxora_http_requests_total{{method=\"{method}\",route=\"{path}\",status=\"{class}\"}}"
            );
            assert!(series.contains_key(&name), "{name}");
        }
    }
    for kind in ErrorKind::ALL {
        assert!(series.contains_key(&format!("fluxora_http_errors_total{{code=\"{}\"}}", kind.code())));
    }
    assert_eq!(series["fluxora_worker_running{worker=\"feed\"}"], "1");
    assert_eq!(series["fluxora_worker_restarts_total{worker=\"feed\"}"], "2");
    assert_eq!(series["process_cpu_seconds_total"], "1.5");
    assert_eq!(series["fluxora_log_lines_dropped_total"], "7");
}

#[actix_web::test]
async fn no_series_comes_or_goes_with_requests() {
    let server = server();
    let names = async || server.metrics().await.into_keys().collect::<BTreeSet<_>>();
    let before = names().await;
    server.create(json!({})).await;
    for path in ["/api/streams", "/api/streams?limit=0", "/api/streams/7", "/nowhere", "/metrics"] {
        server.get(path).await;
        server.send(TestRequest::patch().uri(path)).await;
    }
    assert_eq!(names().await, before);
}

#[actix_web::test]
async fn requests_are_counted_by_route_class_and_code_and_never_by_path() {
    let server = server();
    let path = server.create(json!({})).await;
    server.get(&path).await;
    server.send(TestRequest::default().method(Method::HEAD).uri(&path)).await;
    server.get("/api/streams/7").await;
    server.get("/unlisted").await;
    server.send(TestRequest::patch().uri("/api/streams")).await;
    let series = server.metrics().await;
    let stream = "method=\"GET\",route=\"/api/streams/{id}\"";
    for (name, value) in [
        (format!("fluxora_http_requests_total{{{stream},status=\"2xx\"}}"), "2"),
        (format!("fluxora_http_requests_total{{{stream},status=\"4xx\"}}"), "1"),
        (format!("fluxora_http_request_duration_seconds_count{{{stream}}}"), "3"),
        ("fluxora_http_requests_total{method=\"any\",route=\"unmatched\",status=\"4xx\"}".to_owned(), "2"),
        ("fluxora_http_errors_total{code=\"NOT_FOUND\"}".to_owned(), "2"),
        ("fluxora_http_errors_total{code=\"METHOD_NOT_ALLOWED\"}".to_owned(), "1"),
        ("fluxora_event_log_head_sequence".to_owned(), "1"),
        ("fluxora_store_up".to_owned(), "1"),
    ] {
        assert_eq!(series[&name], value, "{name}");
    }
    assert!(series.keys().all(|name| !name.contains("unlisted") && !name.contains("streams/7")));
}

#[actix_web::test]
async fn a_request_without_access_is_counted_by_its_reason() {
    let server = access::closed(Arc::new(Model::default()));
    let mut token = access::token("acme", Role::Reader);
    let key = fluxora_auth::KeySecret::new([1; 32]).expose().to_string();
    let [missing, malformed, unknown, damaged, role] = [
        None,
        Some("a.b".to_owned()),
        Some(key.clone()),
        Some(key.replacen("01", "02", 1)),
        Some(token.clone()),
    ];
    token.truncate(token.rfind('.').unwrap() + 1);
    let signature = Some(format!("{token}{}", "A".repeat(43)));
    let expired = access::token("acme", Role::Reader);
    for credential in [missing, malformed, unknown, damaged, role, signature] {
        let create = TestRequest::post().uri("/api/streams").set_json(stream(json!({})));
        let create = match credential {
            Some(credential) => create.insert_header(("authorization", format!("Bearer {credential}"))),
            None => create,
        };
        server.send(create).await;
    }
    server.send(TestRequest::get().uri("/api/streams").insert_header(("x-operator-token", "wrong"))).await;
    server.clock.advance(10_000);
    let late = TestRequest::get().uri("/api/streams");
    server.send(late.insert_header(("authorization", format!("Bearer {expired}")))).await;
    let series = server.metrics().await;
    let counted: BTreeMap<_, _> = series
        .iter()
        .filter_map(|(name, value)| {
            Some((name.strip_prefix("fluxora_auth_failures_total{reason=\"")?, value))
        })
        .map(|(name, value)| (name.trim_end_matches("\"}"), value.as_str()))
        .collect();
    let once =
        ["missing", "malformed", "unknown_key", "key_text", "role", "signature", "wrong_token", "expired"];
    for (reason, value) in &counted {
        assert_eq!(*value, if once.contains(reason) { "1" } else { "0" }, "{reason}");
    }
    assert_eq!(counted.len(), 16);
}

#[actix_web::test]
async fn refused_writes_without_a_row_of_their_own_are_counted() {
    let server = access::closed(Arc::new(Model::default()));
    for _ in 0..63 {
        server.post(&stream(json!({}))).await;
    }
    assert_eq!(server.metrics().await["fluxora_audit_suppressed_rows_total"], "3");
}

#[actix_web::test]
async fn while_the_database_does_not_answer_what_was_read_last_is_shown() {
    let failing = FailingStore::new(|| StoreError::unavailable("down"));
    let server = Server::with(Arc::new(failing), Writes::Open, Some(TOKEN));
    let series = server.metrics().await;
    assert_eq!(series["fluxora_store_up"], "0");
    assert_eq!(series["fluxora_event_log_head_sequence"], "0");
}

#[actix_web::test]
async fn a_query_is_refused() {
    let request = TestRequest::get().uri("/metrics?name=x").insert_header(("x-operator-token", TOKEN));
    assert_eq!(server().send(request).await.status, StatusCode::BAD_REQUEST);
}

#[test]
fn every_metric_is_documented_with_its_labels_and_no_other_is() {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: Vec<_> = rows
        .map(|row| row.split("` |").next().unwrap())
        .filter(|name| name.starts_with("fluxora_") || name.starts_with("process_"))
        .collect();
    let names: Vec<_> = Metric::ALL.iter().map(|metric| metric.family().name).collect();
    assert_eq!(listed, names);
    for metric in Metric::ALL {
        let family = metric.family();
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        let row = format!("| `{}` | {} | {labels} | {} |", family.name, family.kind.as_str(), family.help);
        assert!(PAGE.contains(&row), "docs/METRICS.md must have the row\n{row}");
    }
}

#[test]
fn names_follow_the_conventions() {
    for metric in Metric::ALL {
        let family = metric.family();
        let name = family.name;
        assert!(name.starts_with("fluxora_") || name.starts_with("process_"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(family.kind.as_str() == "counter", name.ends_with("_total"), "{name}");
        let seconds = name.trim_end_matches("_total").ends_with("_seconds");
        assert_eq!(family.unit == fluxora_metrics::Unit::Nanoseconds, seconds, "{name}");
        assert!(family.help.ends_with('.') && !family.help.contains('\\'), "{name}");
        assert_eq!(Metric::ALL.iter().filter(|other| other.family().name == name).count(), 1, "{name}");
    }
}
