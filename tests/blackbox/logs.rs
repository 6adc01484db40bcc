use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::PATIENCE;
use crate::binary;
use crate::http::{Connection, Request};
use crate::sample;
use crate::server::{Launch, TestServer};

/// The lines of requests, by their ids.
fn request_lines(server: &TestServer, id: &str) -> Vec<Value> {
    server.log().into_iter().filter(|line| line["span"]["request_id"] == id).collect()
}

#[test]
fn each_request_has_one_line_with_method_route_status_and_duration() {
    let mut server = TestServer::launch(Launch::new().set("ACCESS_LOG", "all"));
    let id = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    let stream = format!("/api/streams/{id}");
    let sent = [
        (Request::get("/"), "GET", "/", 200, None),
        (Request::get("/health"), "GET", "/health", 200, None),
        (Request::new("HEAD", "/api/streams?limit=1"), "HEAD", "/api/streams", 200, None),
        (Request::create_json(&sample::stream()), "POST", "/api/streams", 201, None),
        (Request::create("{}"), "POST", "/api/streams", 400, Some("VALIDATION_ERROR")),
        (
            Request::create("{}").without("content-type"),
            "POST",
            "/api/streams",
            415,
            Some("UNSUPPORTED_MEDIA_TYPE"),
        ),
        (Request::get(&stream), "GET", "/api/streams/{id}", 200, None),
        (Request::get(&format!("{stream}/events")), "GET", "/api/streams/{id}/events", 200, None),
        (Request::delete(&stream), "DELETE", "/api/streams/{id}", 200, None),
        (Request::delete(&stream), "DELETE", "/api/streams/{id}", 409, Some("CONFLICT")),
        (Request::get("/api/streams/x"), "GET", "/api/streams/{id}", 404, Some("NOT_FOUND")),
        (Request::get("/private/path"), "GET", "unknown", 404, Some("NOT_FOUND")),
        (Request::new("PUT", "/"), "PUT", "/", 405, Some("METHOD_NOT_ALLOWED")),
        (Request::new("BREW", "/"), "other", "/", 405, Some("METHOD_NOT_ALLOWED")),
    ];
    for (number, (request, ..)) in sent.iter().enumerate() {
        server.send(&request.clone().header("x-request-id", format!("request-{number}")));
    }
    server.terminate();
    for (number, (_, method, route, status, code)) in sent.iter().enumerate() {
        let lines = request_lines(&server, &format!("request-{number}"));
        let [line] = lines.as_slice() else { panic!("{number}: {lines:?}") };
        assert_eq!((&line["message"], &line["level"]), (&json!("request"), &json!("INFO")), "{line}");
        assert_eq!((&line["method"], &line["route"]), (&json!(method), &json!(route)), "{line}");
        assert_eq!(
            (&line["status"], line.get("code")),
            (&json!(status), code.map(Value::from).as_ref()),
            "{line}"
        );
        assert!(line["duration_us"].as_u64().is_some_and(|duration| duration > 0), "{line}");
    }
    let log = server.process().stdout.lines().concat();
    assert!(!log.contains("private") && !log.contains(&id), "a path is logged: {log}");
}

#[test]
fn every_line_that_a_request_causes_has_its_id() {
    let mut server = TestServer::start();
    server.create(&sample::stream());
    let other = rusqlite::Connection::open(server.database()).unwrap();
    other.execute("UPDATE streams SET rate = 'x'", []).unwrap();
    server.send(&Request::get("/api/streams").header("x-request-id", "a list"));
    server.terminate();
    let lines = request_lines(&server, "a list");
    assert_eq!(lines.len(), 2, "{lines:?}");
    let of_requests =
        |line: &&Value| line["target"].as_str().is_some_and(|target| target.starts_with("fluxora_api"));
    for line in server.log().iter().filter(of_requests) {
        assert!(line["span"]["request_id"].is_string(), "{line}");
    }
}

#[test]
fn every_line_has_an_instant_a_level_a_message_and_where_it_comes_from() {
    let mut server = TestServer::start();
    server.create(&sample::stream());
    server.get("/x");
    server.terminate();
    let log = server.log();
    let messages: Vec<_> = log.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!((messages[0], *messages.last().unwrap()), ("listening", "stopped"));
    assert!(messages.len() >= 5, "{messages:?}");
    for line in log {
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(["ERROR", "WARN", "INFO"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert!(line["target"].as_str().unwrap().starts_with("fluxora_"), "{line}");
    }
}

#[test]
fn the_pretty_format_is_for_people() {
    let mut server = TestServer::launch(Launch::new().set("LOG_FORMAT", "pretty"));
    server.send(&Request::get("/").header("x-request-id", "spotted"));
    server.terminate();
    let lines = server.process().stdout.lines();
    assert!(lines.iter().any(|line| line.contains("listening")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("spotted") && line.contains("request")), "{lines:?}");
    for line in lines {
        assert!(serde_json::from_str::<Value>(&line).is_err(), "{line}");
    }
}

#[test]
fn at_level_error_nothing_is_said_of_what_goes_well() {
    // Such a server does not log its address, so the test sets it.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let launch = Launch::new().set("LOG_LEVEL", "error").set("PORT", port.to_string());
    let mut server = TestServer::launch_at(launch, ([127, 0, 0, 1], port).into());
    let mut connection = (0..1_000)
        .find_map(|_| {
            let connection = Connection::open(server.address()).ok();
            let ended = connection.is_none() && server.process().has_ended_within(Duration::from_millis(20));
            assert!(!ended, "the server gave up");
            connection
        })
        .expect("the server listens");
    connection.send(&Request::create_json(&sample::stream())).unwrap().expect(201);
    connection.send(&Request::get("/x")).unwrap().expect(404);
    server.terminate();
    assert_eq!(server.process().stdout.lines(), [""; 0]);
}

#[test]
fn access_log_selects_the_requests_that_are_logged() {
    for (setting, expect) in [
        ("all", &["a probe", "a create", "no path", "a defect"][..]),
        ("no-probes", &["a create", "no path", "a defect"]),
        ("errors", &["no path", "a defect"]),
        ("off", &["a defect"]),
    ] {
        let mut server = TestServer::launch(Launch::new().set("ACCESS_LOG", setting));
        server.send(&Request::get("/health/live").header("x-request-id", "a probe")).expect(200);
        let create = Request::create_json(&sample::stream()).header("x-request-id", "a create");
        let id = server.send(&create).expect(201)["id"].as_str().unwrap().to_owned();
        server.send(&Request::get("/x").header("x-request-id", "no path")).expect(404);
        let other = rusqlite::Connection::open(server.database()).unwrap();
        other.execute("UPDATE streams SET rate = 'x'", []).unwrap();
        let read = Request::get(&format!("/api/streams/{id}")).header("x-request-id", "a defect");
        server.send(&read).expect(500);
        server.terminate();
        let lines = server.log();
        let requests = lines.iter().filter(|line| line["message"] == "request");
        let logged: Vec<_> = requests.map(|line| line["span"]["request_id"].as_str().unwrap()).collect();
        assert_eq!(logged, expect, "{setting}");
        assert!(lines.iter().any(|line| line["message"] == "listening"), "{lines:?}");
    }
}

#[test]
fn an_unread_log_blocks_neither_requests_nor_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary::server());
    command.env_clear().env("PORT", "0").current_dir(folder.path());
    let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut log = BufReader::with_capacity(1, server.stdout.take().unwrap());
    log.read_line(&mut first).unwrap();
    let listening: Value = serde_json::from_str(&first).unwrap();
    let address = listening["address"].as_str().unwrap().parse().unwrap();
    // A pipe holds 64 KiB: these lines have 200 KiB.
    let mut connection = Connection::open(address).unwrap();
    for _ in 0..1_000 {
        connection.send(&Request::get("/health/live")).unwrap().expect(200);
    }
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    let (ended, end) = channel();
    thread::spawn(move || ended.send(server.wait().unwrap().code()));
    assert_eq!(end.recv_timeout(PATIENCE), Ok(Some(0)));
    drop(log);
}

#[test]
fn an_operator_changes_the_log_level_while_the_server_runs() {
    const TOKEN: &str = "fedcba9876543210fedcba9876543210";
    let mut server = TestServer::launch(Launch::new().set("OPERATOR_TOKEN", TOKEN));
    let change = |body: Value| {
        let request = Request::post("/api/admin/log-level", body.to_string()).with_method("PUT");
        server.send(&request.header("x-operator-token", TOKEN)).expect(200)
    };
    assert_eq!(change(json!({ "level": "error" }))["level"], "error");
    server.send(&Request::get("/").header("x-request-id", "not logged")).expect(200);
    assert_eq!(change(json!({ "level": "info" }))["level"], "info");
    server.send(&Request::get("/").header("x-request-id", "logged")).expect(200);
    server.wait_for_line("a request", |line| line["span"]["request_id"] == "logged");
    assert_eq!(change(json!({ "level": "debug", "forSeconds": 1 }))["configured"], "info");
    server.wait_for_message("the log level of the configuration is back");
    server.terminate();
    let log = server.log();
    assert!(!log.iter().any(|line| line["span"]["request_id"] == "not logged"), "{log:?}");
}
