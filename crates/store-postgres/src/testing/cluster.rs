use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Database;
use super::programs::{Programs, run};

/// Name and password of the role that owns everything.
const OWNER: &str = "fluxora";
const PASSWORD: &str = "correct horse/battery@staple";

/// With so many released databases, those that are not in use are dropped.
const MOST_RELEASED: usize = 16;

/// How a cluster is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Whether commits reach the disk. Tests that end with the server do without; benches do not.
    pub durable: bool,
    /// Whether the server speaks TLS, for the name `localhost`.
    pub tls: bool,
}

/// A throwaway server on a free port of the loopback address. It goes away with this value, or with the process.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    folder: PathBuf,
    port: u16,
    databases: AtomicU64,
    released: Mutex<Vec<Database>>,
    guard: Option<(Child, ChildStdin)>,
}

impl Cluster {
    /// The server that the tests of this process share; `None` if PostgreSQL is not installed, which is said in one line.
    ///
    /// # Panics
    /// If it is not installed and `FLUXORA_REQUIRE_SERVICES` is `1`, or if it does not start.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Settings::default())).as_ref()
    }

    /// Starts a server; `None` if PostgreSQL is not installed, which is said in one line.
    ///
    /// # Panics
    /// As [`shared`](Self::shared).
    pub fn start(settings: Settings) -> Option<Self> {
        match Programs::find() {
            Ok(programs) => Some(Self::start_with(programs, settings)),
            Err(missing) => {
                let required = std::env::var("FLUXORA_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
                assert!(!required, "{missing}, and FLUXORA_REQUIRE_SERVICES=1");
                // Not `println!`, whose output is captured in a test that passes.
                writeln!(std::io::stderr(), "not tested here: {missing}").ok();
                None
            }
        }
    }

    fn start_with(programs: Programs, settings: Settings) -> Self {
        let folder: PathBuf =
            run(programs.command("mktemp").args(["-d", "/tmp/fluxora-postgres-XXXXXX"])).into();
        let guard = guard(&programs, &folder);
        let data = folder.join("data");
        let write = format!("umask 077; printf %s '{PASSWORD}' > '{}/password'", folder.display());
        run(programs.command("sh").args(["-c", &write]));
        let mut initdb = programs.postgres("initdb");
        initdb.arg("-D").arg(&data).arg("--pwfile").arg(folder.join("password"));
        let auth = if settings.tls { "--auth=scram-sha-256" } else { "--auth=md5" }; // scram is slow where nothing is optimized
        initdb.args(["-U", OWNER, "-E", "UTF8", "--locale=C", auth, "--no-sync"]);
        run(&mut initdb);
        if settings.tls {
            certify(&programs, &folder);
        }
        let (databases, released) = (AtomicU64::new(0), Mutex::default());
        let mut cluster = Self { programs, folder, port: 0, databases, released, guard: Some(guard) };
        cluster.configure(settings);
        // The port was free a moment ago: another process may take it first.
        let started = (0..5).any(|_| {
            cluster.port = free_port();
            cluster
                .pg_ctl(&["start", "-w", "-o", &format!("-p {}", cluster.port)])
                .status()
                .is_ok_and(|s| s.success())
        });
        assert!(started, "the server does not start: {}", cluster.log());
        cluster
    }

    fn configure(&self, settings: Settings) {
        let mut lines = vec![
            "listen_addresses = '127.0.0.1'",
            "unix_socket_directories = ''",
            "max_connections = 300",
            "shared_buffers = 64MB",
            "min_wal_size = 32MB", // segments are written over instead of kept: the disk may be small
            "max_wal_size = 64MB",
            "autovacuum_naptime = 5min",
            "timezone = 'Asia/Kathmandu'", // a query that forgets the zone fails its test
        ];
        if !settings.durable {
            lines.extend(["fsync = off", "full_page_writes = off"]);
        }
        if settings.tls {
            lines.extend(["ssl = on", "ssl_cert_file = '../server.crt'", "ssl_key_file = '../server.key'"]);
        }
        let script =
            format!("cat >> '{}/data/postgresql.conf' <<'E'\n{}\nE", self.folder.display(), lines.join("\n"));
        run(self.programs.command("sh").args(["-c", &script]));
    }

    /// A fresh, empty database.
    pub fn database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.owned("postgres").sql(&format!("CREATE DATABASE {name}"));
        self.owned(&name)
    }

    /// Lets a database be dropped once nothing is connected to it. For a store that is connected already and stays so for as
    /// long as its test needs it: a run of all tests then holds a few databases instead of hundreds.
    pub fn release(&self, database: &Database) {
        let mut released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        released.push(database.clone());
        if released.len() >= MOST_RELEASED {
            // Asked first: the server waits for seconds before it refuses to drop a database in use.
            let used = self
                .owned("postgres")
                .sql("SELECT DISTINCT datname FROM pg_stat_activity WHERE datname IS NOT NULL");
            let used: Vec<_> = used.lines().collect();
            released.retain(|database| used.contains(&database.name()) || !database.drop_unused());
        }
    }

    /// The last lines of the server's log: why a test could not reach it.
    pub fn last_log_lines(&self) -> String {
        run(self.programs.command("tail").args(["-n", "20"]).arg(self.folder.join("log")))
    }

    fn owned(&self, name: &str) -> Database {
        Database::new(self.programs.clone(), self.port, name, OWNER, PASSWORD)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that signed the server's; made with [`Settings::tls`].
    pub fn root_certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// Replaces `pg_hba.conf` by this line.
    pub fn admit_only(&self, line: &str) {
        let script = format!("echo '{line}' > '{}/data/pg_hba.conf'", self.folder.display());
        run(self.programs.command("sh").args(["-c", &script]));
        run(&mut self.pg_ctl(&["reload"]));
    }

    /// Stops the server: connections are ended, what was committed stays.
    pub fn stop(&self) {
        run(self.pg_ctl(&["stop", "-w", "-m", "fast"]).stdout(Stdio::null()));
    }

    /// Ends the server as a power cut would.
    pub fn kill(&self) {
        let process = self.process();
        run(self.programs.command("kill").args(["-KILL", &process]));
        // Its children notice by themselves; starting again needs them gone.
        run(self.programs.command("sh").args([
            "-c",
            &format!("while kill -0 {process} || pgrep -P {process}; do :; done > /dev/null 2>&1"),
        ]));
    }

    /// Starts the server again, at the same port.
    pub fn restart(&self) {
        let status = self.pg_ctl(&["start", "-w", "-o", &format!("-p {}", self.port)]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "the server does not start again: {}",
            self.log()
        );
    }

    /// Stops the server's processes where they are: it neither answers nor hangs up.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Continues the server's processes.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process();
        // The server first: a connection that it accepted later would still be served. A process may end at any time.
        let script = format!(
            "kill -{signal} {process} && for child in $(pgrep -P {process}); do kill -{signal} $child || :; done"
        );
        run(self.programs.command("sh").args(["-c", &script]));
    }

    /// The process id of the server.
    pub fn process(&self) -> String {
        let file = self.folder.join("data/postmaster.pid");
        run(self.programs.command("head").args(["-n", "1"]).arg(file))
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Command {
        let mut command = self.programs.postgres("pg_ctl");
        command
            .arg("-D")
            .arg(self.folder.join("data"))
            .arg("-l")
            .arg(self.folder.join("log"))
            .args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn log(&self) -> String {
        run(self.programs.command("cat").arg(self.folder.join("log")))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some((mut guard, pipe)) = self.guard.take() {
            drop(pipe);
            guard.wait().ok();
        }
    }
}

/// Waits for the pipe to close, then stops the server and removes everything. It is deaf to what is meant for the tests.
fn guard(programs: &Programs, folder: &Path) -> (Child, ChildStdin) {
    let script = "trap '' INT TERM HUP; read -r _; \"$1\" -D \"$2/data\" -m immediate stop; rm -rf \"$2\"";
    let mut command = programs.command("sh");
    command.args(["-c", script, "guard"]).arg(programs.path_of("pg_ctl")).arg(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut guard = command.spawn().expect("sh starts");
    let pipe = guard.stdin.take().expect("the pipe was asked for");
    (guard, pipe)
}

/// A root of trust and a certificate for `localhost` by it.
fn certify(programs: &Programs, folder: &Path) {
    let script = "cd \"$1\" && umask 077 && \
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=root -keyout ca.key -out ca.crt && \
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr && \
        printf 'subjectAltName=DNS:localhost\\n' > names && \
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt && \
        chmod 644 ca.crt && chmod 711 .";
    run(programs.command("sh").args(["-c", script, "certify"]).arg(folder));
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}
