//! A real server with a worker that panics: the test program starts itself again as that server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio, exit};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::config::Config;
use crate::workers;
use fluxora_supervise::{ShutdownToken, Worker, WorkerError};

const BE_THE_SERVER: &str = "FLUXORA_TEST_BE_THE_SERVER";
const THIS: &str = "commands::serve::tests::a_server_whose_worker_keeps_panicking_stops_with_exit_code_70";
/// The longest wait of a failing test.
const PATIENCE: Duration = Duration::from_secs(40);

/// A worker that only panics.
#[derive(Clone)]
struct Broken;

impl Worker for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    async fn run(self, _: ShutdownToken) -> Result<(), WorkerError> {
        panic!("again")
    }
}

/// What `main` does, with one worker more.
fn be_the_server() -> ! {
    let words = ["fluxora-server", "--port=0", "--database-url=sqlite::memory:", "--worker-max-restarts=3"];
    let config = Config::check(&Cli::parse_from(words).settings).unwrap();
    let code = super::run(&config, &[], async |supervisor, deps| {
        workers::start(supervisor, deps);
        supervisor.start(Broken);
        Ok(())
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
                // The test harness writes to the same line first.
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

fn worker<'a>(health: &'a Value, name: &str) -> &'a Value {
    let workers = health["workers"].as_array().unwrap();
    workers.iter().find(|worker| worker["name"] == name).expect("the worker is listed")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the variable turns the test into the server")]
fn a_server_whose_worker_keeps_panicking_stops_with_exit_code_70() {
    if std::env::var_os(BE_THE_SERVER).is_some() {
        be_the_server();
    }
    // Twice, as a service manager restarts it.
    for _ in 0..2 {
        let server = Server::start();
        let listening = server.next_line(|line| line["message"] == "listening");
        let address = listening["address"].as_str().unwrap().parse().unwrap();
        let failure = server.next_line(|line| line["worker"] == "broken" && line["restarts"] == 2);
        let error = failure["error"].as_str().unwrap();
        assert!(error.starts_with("panicked at ") && error.ends_with(": again"), "{error}");
        // The line is logged before the state changes.
        let mut looks = std::iter::repeat_with(|| health(address));
        let health = looks.find(|health| worker(health, "broken")["state"] == "backing_off").unwrap();
        assert_eq!(
            (&health["status"], &worker(&health, "broken")["restarts"]),
            (&json!("degraded"), &json!(2))
        );
        assert_eq!(worker(&health, "stream_clock")["state"], "running");

        let (last, code, stderr) = server.end();
        assert_eq!((code, stderr.as_str()), (Some(crate::exit::SOFTWARE.into()), ""), "{last}");
        assert_eq!(last["message"], "fluxora-server ended with an error");
        let reason = last["error"].as_str().unwrap();
        assert!(reason.starts_with("the worker broken keeps failing: 4 times"), "{reason}");
        assert!(reason.ends_with(": again"), "{reason}");
    }
}
