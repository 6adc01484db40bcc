mod launch;
mod output;
mod process;

pub(crate) use launch::Launch;
use output::Output;
pub(crate) use process::Process;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use crate::http::{Connection, Request, Response};

/// A running server with a fresh database.
///
/// A test ends it by [`terminate`](Self::terminate) or [`kill9`](Self::kill9); one that leaves it running fails, and so does one
/// whose server wrote a log line that is not JSON, or anything to standard error (where a panic goes).
pub(crate) struct TestServer {
    launch: Launch,
    process: Process,
    address: SocketAddr,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::launch(Launch::new())
    }

    #[track_caller]
    pub(crate) fn launch(launch: Launch) -> Self {
        let process = launch.start();
        let address = process.stdout.wait_for("the address", address_in);
        Self { launch, process, address }
    }

    /// A server that does not log its address.
    pub(crate) fn launch_at(launch: Launch, address: SocketAddr) -> Self {
        let process = launch.start();
        Self { launch, process, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// The file in which it keeps its streams.
    pub(crate) fn database(&self) -> PathBuf {
        self.launch.folder().join("data/fluxora.db")
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address).unwrap()
    }

    /// Sends a request on a new connection.
    #[track_caller]
    pub(crate) fn send(&self, request: &Request) -> Response {
        self.connect().send(request).unwrap_or_else(|error| panic!("{error} for {request:?}"))
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Response {
        self.send(&Request::get(target))
    }

    /// Creates a stream and gives it as the server answered.
    #[track_caller]
    pub(crate) fn create(&self, terms: &Value) -> Value {
        self.send(&Request::create_json(terms)).expect(201)
    }

    #[track_caller]
    pub(crate) fn cancel(&self, id: &str) -> Value {
        self.send(&Request::delete(&format!("/api/streams/{id}"))).expect(200)
    }

    #[track_caller]
    pub(crate) fn stream(&self, id: &str) -> Value {
        self.get(&format!("/api/streams/{id}")).expect(200)
    }

    /// Every log line so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.process.stdout.lines().iter().map(|line| json(line)).collect()
    }

    /// Waits for a log line that `wanted` accepts; `what` says what it is. Lines that came before count.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.process.stdout.wait_for(what, |line| Some(json(line)).filter(|line| wanted(line)))
    }

    /// Waits for a line with this message.
    #[track_caller]
    pub(crate) fn wait_for_message(&self, message: &str) -> Value {
        self.wait_for_line(message, |line| line["message"] == message)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for a stop that was asked for, and that it was in order.
    #[track_caller]
    pub(crate) fn has_stopped(&mut self) {
        let status = self.process.wait_for_end();
        assert_eq!(status.code(), Some(0), "{status}:\n{}", self.process.stdout.lines().join("\n"));
    }

    /// Waits until it has ended by itself, and returns its exit code.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> Option<i32> {
        let code = self.process.wait_for_end().code();
        self.check_output();
        code
    }

    #[track_caller]
    pub(crate) fn terminate(&mut self) {
        self.signal(Signal::TERM);
        self.has_stopped();
    }

    pub(crate) fn kill9(&mut self) {
        self.process.kill9();
        self.check_output();
    }

    /// Starts it again on the same file, after it has ended.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        assert!(!self.process.is_running(), "it is still running");
        self.process = self.launch.start();
        self.address = self.process.stdout.wait_for("the address", address_in);
    }

    /// Starts it again with another value of a setting.
    #[track_caller]
    pub(crate) fn restart_with(&mut self, name: &str, value: &str) {
        self.launch.change(name, value);
        self.restart();
    }

    /// Ends a server of another version in order and starts that of this version with the same settings.
    #[track_caller]
    pub(crate) fn upgrade(&mut self) {
        self.terminate();
        self.launch.upgrade();
        self.restart();
    }

    #[track_caller]
    fn check_output(&self) {
        if self.launch.setting("LOG_FORMAT") != Some("pretty") {
            self.log();
        }
        assert_eq!(self.process.stderr.lines(), [""; 0], "standard error");
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("the server wrote:\n{}", self.process.stdout.lines().join("\n"));
            println!("{}", self.process.stderr.lines().join("\n"));
            return;
        }
        assert!(!self.process.is_running(), "the test leaves the server running");
        self.check_output();
    }
}

/// The address to connect to, if this is the line that has it.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening")?;
    let word = |c: char| !(c.is_ascii_digit() || c == '.' || c == ':');
    let mut address: SocketAddr = rest.split(word).find_map(|word| word.parse().ok())?;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Some(address)
}

#[track_caller]
fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("a log line is not JSON: {error}: {line}"))
}
