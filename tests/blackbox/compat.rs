//! Clients of the earlier backend against the built server: the official front end's requests in a browser, and the calls of
//! both SDKs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary;
use crate::indexer::{WORKER_TOKEN, indexing, recorded};
use crate::sample;
use crate::server::{Process, TestServer};
use crate::services;

/// How long a script or the browser may take.
const LIMIT: Duration = Duration::from_secs(120);

fn folder() -> PathBuf {
    binary::root().join("tests/compat")
}

/// The program, unless it is not installed.
fn program(name: &str, what: &str) -> Option<Command> {
    if Command::new(name).arg("--version").output().is_err() {
        services::missing(&format!("{what}: {name} is not installed"), true);
        return None;
    }
    Some(Command::new(name))
}

/// What a program wrote to standard output, after it has ended well.
#[track_caller]
fn output(command: &mut Command) -> Vec<String> {
    let mut process = Process::start(command);
    let has_ended = process.has_ended_within(LIMIT);
    let (out, err) = (process.stdout.lines(), process.stderr.lines().join("\n"));
    assert!(has_ended, "it did not end within {LIMIT:?}: {out:?}\n{err}");
    assert!(process.wait_for_end().success(), "{out:?}\n{err}");
    process.stdout.lines()
}

fn sdk(name: &str, script: &str) {
    let Some(mut command) = program(name, "the calls of an SDK") else { return };
    let mut server = TestServer::start();
    let base = format!("http://{}/compat/backend", server.address());
    command.arg(folder().join(script)).args([base, sample::account(1), sample::account(2)]);
    assert_eq!(output(&mut command), ["done"]);
    server.terminate();
}

#[test]
fn the_calls_of_the_typescript_sdk_get_the_answers_it_reads() {
    sdk("node", "sdk.mjs");
}

#[test]
fn the_calls_of_the_python_sdk_get_the_answers_it_reads() {
    sdk("python3", "sdk.py");
}

/// Serves one page under another origin than the server's, until the process ends.
fn serve(page: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = [0; 4096];
            // A browser opens connections that it does not use.
            if client.read(&mut head).is_ok_and(|read| read > 0) {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n", page.len());
                client.write_all(answer.as_bytes()).and_then(|()| client.write_all(&page)).ok();
            }
        }
    });
    address
}

/// What the page reports of its requests to a server.
fn report(mut chromium: Command, server: &TestServer, recipient: &str) -> Value {
    let page = serve(std::fs::read(folder().join("frontend.html")).unwrap());
    let profile = tempfile::tempdir().unwrap();
    let (api, stranger) = (server.address(), sample::account(77));
    chromium
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
        ])
        .args(["--disable-dev-shm-usage", "--virtual-time-budget=60000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!(
            "http://{page}/?api=http://{api}/compat/frontend&recipient={recipient}&stranger={stranger}"
        ))
        .env("HOME", profile.path());
    let dom = output(&mut chromium).join("\n");
    let (_, rest) = dom.split_once("<pre id=\"report\">").unwrap_or_else(|| panic!("no report in {dom}"));
    let (report, _) = rest.split_once("</pre>").unwrap();
    serde_json::from_str(&report.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
        .expect(report)
}

#[test]
fn pages_of_the_official_front_end_load_real_streams_from_another_origin_in_a_browser() {
    let Some(chromium) = program("chromium", "the official front end's requests in a browser") else {
        return;
    };
    let scenario = recorded("batch_and_bulk");
    let launch = indexing()
        .set("CORS_ORIGINS", "*")
        .set("INDEXER_MAX_TIP_JUMP", "4294967295")
        .set("FRONTEND_CONTRACT", scenario.contract.clone())
        .set("FRONTEND_ASSET", "USDC");
    let mut server = TestServer::launch(launch);
    server.create(&sample::stream());
    for body in scenario.bodies {
        let push = crate::http::Request::post("/internal/indexer/contract-events", body.to_string());
        server.send(&push.header("x-indexer-worker-token", WORKER_TOKEN)).expect(200);
    }
    let all = server.get("/api/streams?limit=100&includeTotal=true").expect(200);
    let of_accounts = |stream: &&Value| {
        ["sender", "recipient"].iter().all(|party| stream[party].as_str().unwrap().starts_with('G'))
    };
    let shown: Vec<_> = all["streams"].as_array().unwrap().iter().filter(of_accounts).collect();
    let is_numbered = |stream: &&&Value| stream["origin"] == "chain" && stream["chain"]["streamId"] != "0";
    let numbered = shown.iter().filter(is_numbered).count();
    let report = report(chromium, &server, &sample::account(2));
    assert_eq!((&report["failed"], &report["faults"]), (&Value::Null, &json!([])), "{report}");
    assert_eq!(report["version"], "1.0.0");
    let lists = &report["lists"];
    let count = |list: &str| lists[list]["rows"].as_u64().unwrap();
    let left_out: u64 = lists["streams"]["leftOut"].as_str().unwrap().parse().unwrap();
    assert_eq!(count("streams") + left_out, all["total"].as_u64().unwrap(), "{report}");
    assert_eq!(count("Active") + count("Paused") + count("Completed"), count("streams"), "{report}");
    assert_eq!((count("recipient"), count("stranger")), (1, 0), "{report}");
    assert!(count("streams") > 3 && count("treasury") > 0, "{report}");
    assert_eq!(
        (count("streams"), &report["withdrawable"]),
        (u64::try_from(shown.len()).unwrap(), &json!(numbered)),
        "{report}"
    );
    assert!(left_out > 0, "streams of contracts: {report}");
    assert_eq!(report["metrics"][0]["label"], "Active Streams");
    assert!(report["metrics"][1]["value"].as_str().unwrap().ends_with(" USDC"), "{report}");
    assert_eq!(report["missing"], json!([404, "Stream not found"]));
    server.terminate();
}
