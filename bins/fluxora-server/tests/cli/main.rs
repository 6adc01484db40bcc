//! The command line: help, version, faults of the configuration, and commands.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod environment;
mod healthcheck;
mod proof;
mod read_only;
mod secrets;
mod webhook;

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// The longest run of a failing test.
const TIMEOUT: Duration = Duration::from_secs(40);
const SETTINGS: [&str; 45] = [
    "TIME_EVENTS",
    "RUNWAY_LOW_HOURS",
    "FRONTEND_MAX_STREAMS",
    "FRONTEND_CONTRACT",
    "FRONTEND_ASSET",
    "HOST",
    "PORT",
    "OPEN_WRITES",
    "OPERATOR_TOKEN",
    "JWT_SECRET",
    "JWT_PUBLIC_KEY",
    "READS",
    "API_KEY_RETENTION_DAYS",
    "SHUTDOWN_TIMEOUT_SECONDS",
    "REDIS_URL",
    "REDIS_TIMEOUT_MS",
    "DATABASE_URL",
    "DB_POOL_SIZE",
    "DB_POOL_WAIT_MS",
    "DB_STATEMENT_TIMEOUT_MS",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "ACCESS_LOG",
    "NETWORK_PASSPHRASE",
    "INDEXER_ENABLED",
    "INDEXER_WORKER_TOKEN",
    "INDEXER_STALL_THRESHOLD_MS",
    "INDEXER_SAFETY_MARGIN",
    "INDEXER_MAX_REORG_DEPTH",
    "INDEXER_MAX_TIP_JUMP",
    "STREAM_CLOCK_INTERVAL_MS",
    "WORKER_MAX_RESTARTS",
    "FLUXORA_MASTER_KEY",
    "FLUXORA_WEBHOOK_URL",
    "FLUXORA_WEBHOOK_SECRET",
    "WEBHOOK_SENDING",
    "WEBHOOK_ALLOWED_NETWORKS",
    "WEBHOOK_ALLOW_HTTP",
    "WEBHOOK_CA_FILE",
    "WEBHOOK_TIMEOUT_SECONDS",
    "WEBHOOK_MAX_IN_FLIGHT",
    "WEBHOOK_MAX_IN_FLIGHT_PER_ENDPOINT",
    "WEBHOOK_MAX_IN_FLIGHT_PER_OWNER",
    "WEBHOOK_RETRY_SECONDS",
    "WEBHOOK_HOLD_AFTER_DAYS",
];
/// The secret settings. Each may also come from a file.
const SECRETS: [&str; 8] = [
    "REDIS_URL",
    "DATABASE_URL",
    "INDEXER_WORKER_TOKEN",
    "OPERATOR_TOKEN",
    "JWT_SECRET",
    "JWT_PUBLIC_KEY",
    "FLUXORA_MASTER_KEY",
    "FLUXORA_WEBHOOK_SECRET",
];

/// Runs the program in an empty directory: exit code, standard output, standard error.
fn run(options: &[&str], environment: &[(&str, &OsStr)]) -> (Option<i32>, String, String) {
    run_in(tempfile::tempdir().unwrap().path(), options, environment)
}

/// Runs the program in this directory: exit code, standard output, standard error.
fn run_in(
    directory: &Path,
    options: &[&str],
    environment: &[(&str, &OsStr)],
) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluxora-server"));
    command.args(options).env_clear().envs(environment.iter().copied()).current_dir(directory);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (written, everything) = channel();
    thread::spawn(move || {
        let (mut out, mut err) = (String::new(), String::new());
        let read = stdout.read_to_string(&mut out).and_then(|_| stderr.read_to_string(&mut err));
        written.send(read.map(|_| (out, err))).ok();
    });
    let Ok(written) = everything.recv_timeout(TIMEOUT) else {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("the program does not end, with {options:?} and {environment:?}");
    };
    let (out, err) = written.expect("the program writes UTF-8");
    (child.wait().unwrap().code(), out, err)
}

/// The settings that standard error names, one at the start of each line.
fn named(stderr: &str) -> Vec<&str> {
    stderr.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect()
}

#[test]
fn help_lists_every_setting_and_no_secret() {
    let secret = OsStr::new("postgres://user:hunter2@db/fluxora");
    let (code, out, err) = run(&["--help"], &[("DATABASE_URL", secret)]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let files = SECRETS.map(|name| format!("{name}_FILE"));
    for setting in SETTINGS.into_iter().chain(files.iter().map(String::as_str)) {
        let option = format!("--{}", setting.to_lowercase().replace('_', "-"));
        assert!(
            out.contains(&option) && out.contains(&format!("[env: {setting}")),
            "{setting} is not in {out}"
        );
    }
    assert!(!out.contains("hunter2"), "{out}");
}

#[test]
fn help_begins_with_two_examples_that_start_a_server() {
    let (_, out, _) = run(&["--help"], &[]);
    let examples: Vec<_> = out.lines().take(5).collect();
    assert_eq!(examples[0], "Examples:");
    for line in [examples[1], examples[3]] {
        let words: Vec<_> = line.split_whitespace().skip(1).collect();
        // Port 70000 is refused after every option was understood.
        let (code, _, err) = run(&[words.as_slice(), &["--port=70000"]].concat(), &[]);
        assert_eq!(code, Some(78), "{line}: {err}");
    }
}

#[test]
fn version_is_that_of_the_package_and_of_the_commit() {
    let (code, out, err) = run(&["--version"], &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let version = concat!("fluxora-server ", env!("CARGO_PKG_VERSION"), "+");
    let commit = out.trim_end().strip_prefix(version).unwrap_or_else(|| panic!("{out}"));
    assert!(!commit.is_empty(), "{out}");
    let named = |name: &str| Command::new("git").args(["rev-parse", "--quiet", "--verify", name]).output();
    if commit != "unknown" && named("HEAD").is_ok_and(|head| head.status.success()) {
        // Not HEAD itself: it may have moved since the build.
        let commit = format!("{}^{{commit}}", commit.trim_end_matches("-dirty"));
        assert!(named(&commit).unwrap().status.success(), "{commit} is no commit of this repository");
    }
}

#[test]
fn all_faults_are_reported_at_once_without_values() {
    let wrong = SETTINGS.map(|name| {
        let value = match name {
            "NETWORK_PASSPHRASE" | "FRONTEND_ASSET" => " ",
            "FLUXORA_WEBHOOK_SECRET" => "hunter2\u{1}x", // nearly every text is a secret
            _ => "hunter2",
        };
        (name, OsStr::new(value))
    });
    let (code, out, err) = run(&[], &wrong);
    assert_eq!((code, out.as_str()), (Some(78), ""), "{err}");
    let sorted = |mut names: Vec<&'static str>| {
        names.sort_unstable();
        names
    };
    let faults: Vec<_> =
        named(&err).into_iter().filter_map(|name| SETTINGS.into_iter().find(|s| *s == name)).collect();
    assert_eq!(faults.len(), named(&err).len(), "{err}");
    assert_eq!(sorted(faults), sorted(SETTINGS.to_vec()));
    assert!(!err.contains("hunter2"), "{err}");
}

#[test]
fn an_option_wins_over_a_variable_and_has_the_same_fault() {
    let port = OsStr::new("0");
    let (code, out, err) = run(&["--port", "hunter2", "--log-level=hunter2"], &[("PORT", port)]);
    assert_eq!((code, out.as_str()), (Some(78), ""), "{err}");
    assert_eq!(named(&err), ["PORT", "LOG_LEVEL"]);
    assert!(!err.contains("hunter2"), "{err}");
}

#[test]
fn a_variable_that_is_not_utf_8_is_a_fault_without_its_value() {
    let (code, out, err) = run(&[], &[("PORT", OsStr::from_bytes(b"hunter2\xff"))]);
    assert_eq!((code, named(&err)), (Some(78), vec!["PORT"]), "{err}");
    assert!(out.is_empty() && err.contains("UTF-8") && !err.contains("hunter2"), "{out}{err}");
}

#[test]
fn an_unknown_option_is_refused_with_the_nearest_name() {
    let (code, out, err) = run(&["--prot", "3000"], &[]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert!(err.contains("--prot") && err.contains("--port"), "{err}");
}
