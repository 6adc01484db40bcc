//! A private Redis server for tests.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;

/// A throwaway server on a free port of the loopback address that keeps nothing. It goes away with this value, or with the
/// process.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    running: Mutex<Running>,
}

#[derive(Debug)]
struct Running {
    server: Child,
    /// Ends the server when its standard input is closed, as it is when this process ends.
    guard: Child,
}

impl RedisServer {
    /// Starts a server; `None` if Redis is not installed, which is said in one line.
    ///
    /// # Panics
    /// If it is not installed and `FLUXORA_REQUIRE_SERVICES` is `1`, or if it does not start.
    pub fn start() -> Option<Self> {
        if Command::new("redis-server").arg("--version").output().is_err() {
            let missing = "redis-server is not installed (Debian: redis-server)";
            #[expect(
                clippy::disallowed_methods,
                reason = "the environment says which services must be installed"
            )]
            let required = std::env::var("FLUXORA_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
            assert!(!required, "{missing}, and FLUXORA_REQUIRE_SERVICES=1");
            // Not `println!`, whose output is captured in a test that passes.
            writeln!(std::io::stderr(), "not tested here: {missing}").ok();
            return None;
        }
        // The port was free a moment ago: another process may take it first.
        let started = (0..5).find_map(|_| {
            let port = free_port();
            Some((port, Running::start(port)?))
        });
        let (port, running) = started.expect("redis-server starts");
        Some(Self { port, running: Mutex::new(running) })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends the server as a power cut would. Its data is lost.
    pub fn kill(&self) {
        self.running.lock().unwrap().end();
    }

    /// Starts the server again, at the same port, without data.
    pub fn restart(&self) {
        *self.running.lock().unwrap() = Running::start(self.port).expect("redis-server starts again");
    }

    /// Stops the process where it is: it neither answers nor hangs up.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Continues the process.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.running.lock().unwrap().server.id();
        let status = Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status().unwrap();
        assert!(status.success(), "kill -{signal} {id}");
    }
}

impl Running {
    /// A server that accepts connections; `None` if it ends before that.
    fn start(port: u16) -> Option<Self> {
        let port = port.to_string();
        let mut server = Command::new("redis-server");
        server.args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port,
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            "/",
        ]);
        let mut server =
            server.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("redis-server runs");
        let script = format!("read -r _; kill -KILL {}", server.id());
        let mut guard = Command::new("sh");
        let guard =
            guard.args(["-c", &script]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("sh runs");
        let mut lines = BufReader::new(server.stdout.take().expect("its output is piped")).lines();
        let is_ready = lines.any(|line| line.is_ok_and(|line| line.contains("Ready to accept connections")));
        // A server whose output is not read would block one day.
        thread::spawn(move || lines.for_each(drop));
        let mut running = Self { server, guard };
        if !is_ready {
            running.end();
        }
        is_ready.then_some(running)
    }

    fn end(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
        // The server's id may belong to another process from here on.
        self.guard.kill().ok();
        self.guard.wait().ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}
