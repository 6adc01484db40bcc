//! `healthcheck`, against servers that answer one request as the test says.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use super::{named, run};

/// Runs `healthcheck` against a server that gives this answer: exit code, standard error, and the request's lines.
fn asks(host: &str, answer: &'static str) -> (Option<i32>, String, Vec<String>) {
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
fn a_healthy_server_ends_it_with_0_and_not_a_word() {
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        let (code, err, request) = asks(host, "HTTP/1.1 200 OK\r\n\r\n{}");
        assert_eq!((code, err.as_str()), (Some(0), ""), "{host}");
        assert_eq!(request[0], "GET /health HTTP/1.1");
        assert!(request.iter().any(|line| line.starts_with("host: 127.0.0.1:")), "{request:?}");
    }
}

#[test]
fn an_unhealthy_server_ends_it_with_1_and_one_line_that_shows_the_answer() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\n\r\n{\"status\":\"unavailable\"}\n";
    let (code, err, _) = asks("127.0.0.1", answer);
    assert_eq!((code, err.lines().count()), (Some(1), 1), "{err}");
    assert!(err.contains("is not healthy: HTTP 503 {\"status\":\"unavailable\"}"), "{err}");
}

#[test]
fn a_port_where_nobody_listens_ends_it_with_1_and_one_line() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, out, err) = healthcheck("127.0.0.1", &nobody.port().to_string());
    assert_eq!((code, out.as_str(), err.lines().count()), (Some(1), "", 1), "{err}");
    assert!(err.contains(&format!("{nobody} does not answer: Connection refused")), "{err}");
}

#[test]
fn a_port_that_the_server_picks_cannot_be_asked() {
    let (code, _, err) = healthcheck("127.0.0.1", "0");
    assert!(code == Some(1) && err.contains("PORT is 0"), "{code:?}: {err}");
}

#[test]
fn it_needs_the_address_and_no_other_setting() {
    let broken = [("DATABASE_URL_FILE", OsStr::new("no/such/file")), ("LOG_LEVEL", OsStr::new("hunter2"))];
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    assert_eq!(run(&["--port", &nobody, "healthcheck"], &broken).0, Some(1));
    let (code, _, err) = healthcheck("hunter2", "hunter2");
    assert_eq!((code, named(&err)), (Some(78), vec!["HOST", "PORT"]), "{err}");
}
