//! `GET /metrics` of the real server, and what is made of it: the page of documentation, the dashboard, the alert rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use fluxora_api::Metric;
use serde_json::{Value, json};

use crate::binary;
use crate::envelope;
use crate::http::{Connection, Request, Response};
use crate::sample;
use crate::server::{Launch, TestServer};
use crate::services;

const OPERATOR_TOKEN: &str = "fedcba9876543210fedcba9876543210";
const WORKER_TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn launch() -> Launch {
    Launch::new()
        .set("METRICS_ADDR", "0")
        .set("OPERATOR_TOKEN", OPERATOR_TOKEN)
        .set("INDEXER_WORKER_TOKEN", WORKER_TOKEN)
}

fn as_operator(server: &TestServer) -> Response {
    server.send(&Request::get("/metrics").header("x-operator-token", OPERATOR_TOKEN))
}

fn metrics_address(server: &TestServer) -> SocketAddr {
    let line = server.wait_for_message("serving metrics");
    line["address"].as_str().unwrap().parse().unwrap()
}

fn text(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.everything());
    String::from_utf8(response.body().to_vec()).unwrap()
}

/// The value of each series.
fn series(page: &str) -> BTreeMap<&str, &str> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.rsplit_once(' ').unwrap()).collect()
}

/// The names that samples have, without their labels.
fn names(page: &str) -> BTreeSet<&str> {
    series(page).into_keys().map(|series| series.split('{').next().unwrap()).collect()
}

#[test]
fn metrics_are_for_operators_and_on_their_own_address_for_those_who_reach_it() {
    let mut server = TestServer::launch(launch());
    envelope::error(&server.get("/metrics"), 401, "UNAUTHORIZED");
    let operators = text(&as_operator(&server));
    let address = metrics_address(&server);
    assert!(address.ip().is_loopback());
    let collector = |request: &Request| Connection::open(address).unwrap().send(request).unwrap();
    let collected = text(&collector(&Request::get("/metrics")));
    assert_eq!(names(&operators), names(&collected));
    envelope::error(&collector(&Request::get("/api/streams")), 404, "NOT_FOUND");
    let scrapes = text(&as_operator(&server));
    let scrapes = series(&scrapes);
    let name = |status| {
        format!("fluxora_http_requests_total{{method=\"GET\",route=\"/metrics\",status=\"{status}\"}}")
    };
    assert_eq!((scrapes[name("2xx").as_str()], scrapes[name("4xx").as_str()]), ("2", "1"));
    server.terminate();
}

#[test]
fn without_an_operator_token_metrics_are_off() {
    let mut server = TestServer::start();
    envelope::error(&server.get("/metrics"), 403, "FORBIDDEN");
    server.terminate();
}

#[test]
fn an_address_for_metrics_that_is_taken_stops_the_start_with_its_setting() {
    let mut server = TestServer::start();
    let ended = Launch::new().set("METRICS_ADDR", server.address().to_string()).ends();
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("METRICS_ADDR"), "{}", ended.stdout);
    server.terminate();
}

#[test]
fn the_page_counts_requests_batches_and_the_process() {
    let mut server = TestServer::launch(launch());
    let id = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    server.stream(&id);
    let batch =
        json!({"events": [], "tip": {"ledger": 1_000, "ledgerHash": "h1000", "previousLedgerHash": "h999"}});
    let push = Request::post("/internal/indexer/contract-events", batch.to_string())
        .header("x-indexer-worker-token", WORKER_TOKEN);
    server.send(&push).expect(200);
    let page = text(&as_operator(&server));
    let series = series(&page);
    for (name, value) in [
        ("fluxora_http_requests_total{method=\"POST\",route=\"/api/streams\",status=\"2xx\"}", "1"),
        ("fluxora_http_requests_total{method=\"GET\",route=\"/api/streams/{id}\",status=\"2xx\"}", "1"),
        ("fluxora_indexer_tip_ledger", "1000"),
        ("fluxora_indexer_safe_ledger", "999"),
        ("fluxora_indexer_batches_total{outcome=\"stored\"}", "1"),
        ("fluxora_indexer_stalled", "0"),
        ("fluxora_event_log_head_sequence", "1"),
        ("fluxora_store_up", "1"),
        ("fluxora_worker_running{worker=\"stream_clock\"}", "1"),
        ("fluxora_worker_running{worker=\"feed\"}", "1"),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name}\n{page}");
    }
    let number = |name: &str| series[name].parse::<f64>().unwrap();
    for name in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_cpu_seconds_total",
        "process_start_time_seconds",
        "fluxora_store_work_duration_seconds_count{work=\"read\"}",
        "fluxora_store_work_duration_seconds_sum{work=\"write\"}",
        "fluxora_store_commit_writes_sum",
    ] {
        assert!(number(name) > 0.0, "{name}\n{page}");
    }
    assert!(
        page.contains("fluxora_build_info{version=\"") && page.contains("backend=\"sqlite\"} 1\n"),
        "{page}"
    );
    assert!(!page.contains(&id), "no series has an id");
    server.terminate();
}

#[test]
fn every_documented_metric_is_on_the_page_of_the_running_server_and_no_other() {
    let mut server = TestServer::launch(launch());
    let page = text(&as_operator(&server));
    let documented = fs::read_to_string(binary::root().join("docs/METRICS.md")).unwrap();
    let rows = documented.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows = rows.filter_map(|(name, rest)| Some((name, rest.split_once(" | ")?.0)));
    let kinds = ["counter", "gauge", "histogram"];
    let documented: BTreeMap<_, _> = rows.filter(|(_, kind)| kinds.contains(kind)).collect();
    let typed = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    assert_eq!(typed.collect::<BTreeMap<_, _>>(), documented);
    assert_eq!(documented.len(), Metric::ALL.len());
    server.terminate();
}

/// The names of metrics in an expression.
fn in_expression(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("fluxora_") || word.starts_with("process_"))
}

#[test]
fn every_metric_of_the_dashboard_and_of_the_alert_rules_exists() {
    let mut server = TestServer::launch(launch());
    let page = text(&as_operator(&server));
    let known = names(&page);
    let file = |name: &str| fs::read_to_string(binary::root().join("docker").join(name)).unwrap();
    let (dashboard, alerts) = (file("grafana-dashboard.json"), file("alerts.yaml"));
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    let rules: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert!(expressions.len() > 20 && rules.len() > 10, "{} and {}", expressions.len(), rules.len());
    for expression in expressions.iter().chain(&rules) {
        let mut metrics = in_expression(expression).peekable();
        assert!(metrics.peek().is_some(), "{expression}");
        for metric in metrics {
            assert!(known.contains(metric), "{metric} of {expression} is not on the page");
        }
    }
    server.terminate();
}

/// Where `docker/promtool` has put promtool.
#[expect(clippy::disallowed_methods, reason = "the environment says where it is")]
fn promtool() -> Option<PathBuf> {
    let directory = std::env::var_os("FLUXORA_PROMTOOL_DIR").map(PathBuf::from);
    if directory.is_none() {
        services::missing("alert rules and metrics: FLUXORA_PROMTOOL_DIR is not set", true);
    }
    directory
}

#[test]
fn promtool_accepts_the_alert_rules_and_the_page() {
    let Some(directory) = promtool() else { return };
    let mut server = TestServer::launch(launch());
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page");
    fs::write(&page, text(&as_operator(&server))).unwrap();
    let mut command = Command::new(binary::root().join("docker/promtool"));
    let output = command.arg(&directory).arg(&page).output().unwrap();
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{printed:?}");
    server.terminate();
}
