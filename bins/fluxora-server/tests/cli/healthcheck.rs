//! `healthcheck` against servers that give one scripted answer.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use super::{named, run};

/// Runs `healthcheck` against a server with this answer: exit code, standard error, and the lines of the request.
fn check(host: &str, answer: &'static str) -> (Option<i32>, String, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let lines = BufReader::new(connection.try_clone().unwrap()).lines();
        let request: Vec<_> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        connection.write_all(answer.as_bytes()).unwrap();
        request
    });
    let (code, out, err) = healthcheck(host, &port);
    assert_eq!(out, "", "{err}");
    (code, err, server.join().unwrap())
}

fn healthcheck(host: &str, port: &str) -> (Option<i32>, String, String) {
    run(&["healthcheck"], &[("HOST", OsStr::new(host)), ("PORT", OsStr::new(port))])
}

#[test]
fn a_healthy_server_is_exit_code_0_without_output() {
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        let (code, err, request) = check(host, "HTTP/1.1 200 OK\r\n\r\n{}");
        assert_eq!((code, err.as_str()), (Some(0), ""), "{host}");
        assert_eq!(request[0], "GET /health HTTP/1.1");
        assert!(request.iter().any(|line| line.starts_with("host: 127.0.0.1:")), "{request:?}");
    }
}

#[test]
fn an_unhealthy_server_is_exit_code_1_and_one_line_with_its_answer() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\n\r\n{\"status\":\"unavailable\"}\n";
    let (code, err, _) = check("127.0.0.1", answer);
    assert_eq!((code, err.lines().count()), (Some(1), 1), "{err}");
    assert!(err.contains("is not healthy: HTTP 503 {\"status\":\"unavailable\"}"), "{err}");
}

#[test]
fn a_closed_port_is_exit_code_1_and_one_line() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, out, err) = healthcheck("127.0.0.1", &closed.port().to_string());
    assert_eq!((code, out.as_str(), err.lines().count()), (Some(1), "", 1), "{err}");
    assert!(err.contains(&format!("{closed} does not answer: Connection refused")), "{err}");
}

#[test]
fn port_0_cannot_be_checked() {
    let (code, _, err) = healthcheck("127.0.0.1", "0");
    assert!(code == Some(1) && err.contains("PORT is 0"), "{code:?}: {err}");
}

#[test]
fn only_host_and_port_are_checked() {
    let broken = [("DATABASE_URL_FILE", OsStr::new("no/such/file")), ("LOG_LEVEL", OsStr::new("hunter2"))];
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    assert_eq!(run(&["--port", &closed, "healthcheck"], &broken).0, Some(1));
    let (code, _, err) = healthcheck("hunter2", "hunter2");
    assert_eq!((code, named(&err)), (Some(78), vec!["HOST", "PORT"]), "{err}");
}
