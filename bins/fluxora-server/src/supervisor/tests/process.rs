//! A real server, with a worker that panics: this test program starts itself again and is that server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio, exit};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};

use super::Broken;
use crate::cli::Cli;
use crate::config::Config;
use crate::workers;

const BE_THE_SERVER: &str = "FLUXORA_TEST_BE_THE_SERVER";
const THIS: &str = "supervisor::tests::process::a_server_whose_worker_keeps_panicking_says_so_and_ends_and_can_be_started_again";
/// How long anything may take. Only a test that fails ever waits this long.
const PATIENCE: Duration = Duration::from_secs(40);

/// What `main` does, with one worker more.
fn be_the_server() -> ! {
    let words = ["fluxora-server", "--port=0", "--database-url=sqlite::memory:", "--worker-max-restarts=3"];
    let config = Config::check(&Cli::parse_from(words).settings).unwrap();
    let code = crate::serve(config, |supervisor, deps| {
        workers::start(supervisor, deps);
        supervisor.start(Broken);
    });
    exit(code.into())
}

struct Server {
    process: Child,
    lines: Receiver<Value>,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", THIS, "--nocapture"]).env_clear().env(BE_THE_SERVER, "1");
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (written, lines) = channel();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // What runs the tests has its say before the first line.
                if let Some(begin) = line.find('{') {
                    written.send(serde_json::from_str(line.get(begin..).unwrap()).unwrap()).ok();
                }
            }
        });
        Self { process, lines }
    }

    fn next_line(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the line is written");
            if wanted(&line) {
                return line;
            }
        }
    }

    /// Its last line, its exit code, and what it wrote to standard error.
    fn end(mut self) -> (Value, Option<i32>, String) {
        let mut last = Value::Null;
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            last = line;
        }
        self.process.kill().ok();
        let mut stderr = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (last, self.process.wait().unwrap().code(), stderr)
    }
}

fn health(address: SocketAddr) -> Value {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    serde_json::from_str(body).unwrap()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "this is how the test tells itself what to be")]
fn a_server_whose_worker_keeps_panicking_says_so_and_ends_and_can_be_started_again() {
    if std::env::var_os(BE_THE_SERVER).is_some() {
        be_the_server();
    }
    // As whatever watches over a server does.
    for _ in 0..2 {
        let server = Server::start();
        let listening = server.next_line(|line| line["message"] == "listening");
        let address = listening["address"].as_str().unwrap().parse().unwrap();
        let failure = server.next_line(|line| line["worker"] == "broken" && line["restarts"] == 2);
        let error = failure["error"].as_str().unwrap();
        assert!(error.starts_with("panicked at ") && error.ends_with(": again"), "{error}");
        // The line comes a moment before the state.
        let mut looks = std::iter::repeat_with(|| health(address));
        let health = looks.find(|health| health["workers"][2]["state"] == "backing_off").unwrap();
        assert_eq!((&health["status"], &health["workers"][2]["restarts"]), (&json!("degraded"), &json!(2)));
        assert_eq!(health["workers"][0]["state"], "running");

        let (last, code, stderr) = server.end();
        assert_eq!((code, stderr.as_str()), (Some(crate::A_WORKER_KEEPS_FAILING.into()), ""), "{last}");
        assert_eq!(last["message"], "fluxora-server gives up");
        let reason = last["error"].as_str().unwrap();
        assert!(reason.starts_with("the worker broken keeps failing: 4 times"), "{reason}");
        assert!(reason.ends_with(": again"), "{reason}");
    }
}
