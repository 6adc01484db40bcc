//! The OpenAPI document: it is served, and schemathesis finds no answer of the server that it does not describe.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use fluxora_store_postgres::testing::Cluster;
use serde_json::Value;

use crate::binary;
use crate::server::{Launch, Process, TestServer};
use crate::services;

const WORKER_TOKEN: &str = "0123456789abcdef0123456789abcdef";
const OPERATOR_TOKEN: &str = "fedcba9876543210fedcba9876543210";
/// The fewest test cases on each backend.
const CASES: u64 = 2_000;
/// How long a run may take.
const LIMIT: Duration = Duration::from_secs(180);

#[test]
fn the_committed_document_is_served_and_shown_as_a_page_that_loads_nothing() {
    let mut server = TestServer::start();
    let served = server.get("/openapi.json").expect(200);
    let committed = fs::read_to_string(binary::root().join("docs/openapi.json")).unwrap();
    assert_eq!(served, serde_json::from_str::<Value>(&committed).unwrap());
    assert_eq!(served["openapi"], "3.1.0");
    let page = server.get("/docs");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    let page = String::from_utf8(page.body().to_vec()).unwrap();
    for path in served["paths"].as_object().unwrap().keys() {
        assert!(page.contains(path.as_str()), "{path}");
    }
    assert!(!page.contains("<script") && !page.contains("src="), "{page}");
    server.terminate();
}

/// Where `tests/openapi/install` has put schemathesis.
#[expect(clippy::disallowed_methods, reason = "the environment says where it is installed")]
fn installed() -> Option<PathBuf> {
    let directory = std::env::var_os("FLUXORA_SCHEMATHESIS_DIR").map(PathBuf::from);
    let directory = directory.filter(|directory| directory.join("python").is_dir());
    if directory.is_none() {
        services::missing("the OpenAPI document: FLUXORA_SCHEMATHESIS_DIR has no schemathesis", true);
    }
    directory
}

/// Runs all checks against a server, and returns the number of test cases.
fn cases(launch: Launch, installed: &std::path::Path) -> u64 {
    let launch = launch.set("INDEXER_WORKER_TOKEN", WORKER_TOKEN).set("OPERATOR_TOKEN", OPERATOR_TOKEN);
    let launch = launch.set("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.1/32:9").set("WEBHOOK_ALLOW_HTTP", "true");
    let mut server = TestServer::launch(launch.set("ACCESS_LOG", "off").set("OPEN_WRITES", "true"));
    let folder = binary::root().join("tests/openapi");
    let reports = tempfile::tempdir().unwrap();
    // One worker: Python 3.11 cannot parse sources on two threads at once, which hypothesis does.
    let mut command = Command::new("python3");
    command
        .args(["-c", "from schemathesis.cli import schemathesis; schemathesis()"])
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &format!("http://{}/openapi.json", server.address())])
        .args(["--checks", "all"])
        .args(["--max-examples", "40", "--seed", "20", "--workers", "1"])
        .args([
            "--no-shrink",
            "--request-timeout",
            "20",
            "--suppress-health-check",
            "all",
            "--continue-on-failure",
        ])
        .args(["--no-color", "--warnings", "off"])
        .env("PYTHONPATH", format!("{}:{}", installed.join("python").display(), folder.display()))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("WORKER_TOKEN", WORKER_TOKEN)
        .env("OPERATOR_TOKEN", OPERATOR_TOKEN)
        .current_dir(reports.path());
    let mut process = Process::start(&mut command);
    assert!(process.has_ended_within(LIMIT), "{}", process.stdout.lines().join("\n"));
    let ended = process.wait_for_end();
    let output = process.stdout.lines().join("\n");
    assert!(ended.success(), "{output}\n{}", process.stderr.lines().join("\n"));
    let generated = output.lines().find_map(|line| line.trim().split_once(" generated")?.0.parse().ok());
    server.get("/health").expect(200);
    server.terminate();
    generated.unwrap_or_else(|| panic!("no number of test cases in\n{output}"))
}

#[test]
fn schemathesis_finds_nothing_on_either_backend() {
    let (Some(installed), Some(cluster)) = (installed(), Cluster::shared()) else { return };
    let database = cluster.database();
    let on_sqlite = cases(Launch::new(), &installed);
    let on_postgres = cases(Launch::new().set("DATABASE_URL", database.url()), &installed);
    assert!(on_sqlite.min(on_postgres) >= CASES, "{on_sqlite} and {on_postgres} test cases");
}
