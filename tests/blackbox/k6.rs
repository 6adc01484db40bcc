//! The load scripts in k6/, run in node against the real server through the stand-in for k6's modules in tests/k6.

use std::process::Command;

use fluxora_api::{ROUTES, Route};
use serde_json::Value;

use crate::binary;
use crate::sample;
use crate::server::{Launch, Process, TestServer};
use crate::services;

const WORKER_TOKEN: &str = "0123456789abcdef0123456789abcdef";
const OPERATOR_TOKEN: &str = "fedcba9876543210fedcba9876543210";
/// More than a page of the list scenario.
const STREAMS: u64 = 25;

/// A node that runs a file of tests/k6, unless there is no node.
fn node(arguments: &[&str]) -> Option<Command> {
    if Command::new("node").arg("--version").output().is_err() {
        services::missing("the scripts in k6/: node is not installed", true);
        return None;
    }
    let mut node = Command::new("node");
    node.args(["--import", "./register.mjs"]).args(arguments).current_dir(binary::root().join("tests/k6"));
    Some(node)
}

/// What the runner says: whether it went through, its last line of output, and everything else it wrote.
fn run(mut node: Command) -> (bool, String, String) {
    let mut node = Process::start(&mut node);
    let ended = node.wait_for_end();
    let mut out = node.stdout.lines();
    let last = out.pop().unwrap_or_default();
    out.extend(node.stderr.lines());
    (ended.success(), last, out.join("\n"))
}

fn scripts(server: &TestServer, variables: &[String]) -> Option<Command> {
    let address = format!("K6_BASE_URL=http://{}", server.address());
    let mut node = node(&["run.mjs", &address])?;
    node.args(variables);
    Some(node)
}

#[test]
fn every_scenario_of_the_load_scripts_gets_the_answers_it_expects() {
    let launch = Launch::new()
        .set("INDEXER_ENABLED", "true")
        .set("INDEXER_WORKER_TOKEN", WORKER_TOKEN)
        .set("OPERATOR_TOKEN", OPERATOR_TOKEN);
    let mut server = TestServer::launch(launch);
    for number in 0..STREAMS {
        server.create(&sample::stream_between(number, 1_000));
    }
    let expected = [
        "compat",
        "events",
        "health",
        "ingest",
        "rewind",
        "streams_cancel",
        "streams_create",
        "streams_get",
        "streams_list",
        "treasury",
        "webhooks",
    ];
    if let Some(node) = scripts(
        &server,
        &[format!("INDEXER_WORKER_TOKEN={WORKER_TOKEN}"), format!("OPERATOR_TOKEN={OPERATOR_TOKEN}")],
    ) {
        let (ended_well, report, rest) = run(node);
        assert!(ended_well, "{report}\n{rest}");
        let report: Value = serde_json::from_str(&report).expect("the last line is the report");
        let scenarios = report["scenarios"].as_object().expect("the report has scenarios");
        assert_eq!(scenarios.keys().collect::<Vec<_>>(), expected, "{report}");
        for (name, done) in scenarios {
            assert!(
                done["requests"].as_u64() > Some(0) && done["checks"].as_u64() > Some(0),
                "{name}: {report}"
            );
            let samples = &report["samples"][format!("fluxora_{name}_latency")];
            assert_eq!(samples, &done["requests"], "{name} does not measure every request: {report}");
        }
        for (name, statuses) in [
            ("streams_list", "[200]"),
            ("streams_get", "[200,404]"),
            ("streams_create", "[201,400]"),
            ("streams_cancel", "[200,201,409]"),
            ("events", "[200,400,404]"),
            ("treasury", "[200]"),
            ("webhooks", "[200,201,204,400,404]"),
            ("compat", "[200,201,409]"),
            ("ingest", "[200]"),
            ("rewind", "[200,400,404,409]"),
        ] {
            assert_eq!(scenarios[name]["statuses"].to_string(), statuses, "{name}: {report}");
        }
        // The first page, the second, the filtered one: for each of three iterations of two users.
        assert_eq!(scenarios["streams_list"]["requests"], 18, "{report}");
        for Route { method, path, .. } in &ROUTES {
            let name = format!("{} {path}", method.as_str());
            let routes = report["routes"].as_array().expect("the report has routes");
            assert!(routes.iter().any(|route| *route == name), "no scenario sends {name}: {report}");
        }
        assert_eq!(report["failedChecks"], Value::Array(Vec::new()), "{report}");
        assert_eq!(report["unexpected"], Value::Array(Vec::new()), "{report}");
    }
    server.terminate();
}

#[test]
fn the_load_scripts_say_why_a_server_cannot_take_the_load() {
    let mut server = TestServer::launch(Launch::new().set("HOST", "0.0.0.0"));
    if let Some(node) = scripts(&server, &[]) {
        let (ended_well, report, rest) = run(node);
        assert!(!ended_well && !report.starts_with('{'), "{report}\n{rest}");
        assert!(rest.contains("OPEN_WRITES"), "{rest}");
    }
    server.terminate();
}

#[test]
fn the_load_scripts_have_valid_addresses_profiles_and_thresholds() {
    if let Some(node) = node(&["scripts.test.mjs"]) {
        let (ended_well, last, rest) = run(node);
        assert!(ended_well, "{rest}\n{last}");
    }
}
