//! Workers that fail on command, under tokio's paused clock.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;
use tracing::subscriber::DefaultGuard;

use crate::supervisor::STOP_DEADLINE;
use crate::{RestartPolicy, ShutdownToken, Supervisor, Worker, WorkerError, WorkerHealth, WorkerState};

enum Command {
    Panic,
    Fail,
    End,
    /// Ignores the shutdown request.
    Hang,
    /// Fails after the shutdown request.
    FailLate,
}

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Caused {
    message: String,
    source: WorkerError,
}

/// A worker that follows commands.
#[derive(Clone)]
struct CommandedWorker {
    name: &'static str,
    commands: Arc<tokio::sync::Mutex<UnboundedReceiver<Command>>>,
}

fn commanded(name: &'static str) -> (CommandedWorker, UnboundedSender<Command>) {
    let (control, commands) = unbounded_channel();
    (CommandedWorker { name, commands: Arc::new(tokio::sync::Mutex::new(commands)) }, control)
}

impl Worker for CommandedWorker {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn run(self, mut shutdown: ShutdownToken) -> Result<(), WorkerError> {
        let mut commands = self.commands.lock().await;
        let command = tokio::select! {
            () = shutdown.requested() => {
                tracing::info!(worker = self.name, "ends");
                return Ok(());
            }
            command = commands.recv() => command,
        };
        match command {
            Some(Command::Panic) => panic!("the password is {}", "hunter2"),
            Some(Command::Fail) => {
                let message = format!("it\nfailed{}", "!".repeat(1_000));
                Err(Box::new(Caused { message, source: "the password is hunter2".into() }))
            }
            Some(Command::End) => Ok(()),
            Some(Command::Hang) | None => std::future::pending().await,
            Some(Command::FailLate) => {
                shutdown.requested().await;
                Err("too late".into())
            }
        }
    }
}

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

/// The log of this thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let to = log.clone();
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || to.clone());
        (log, tracing::subscriber::set_default(lines.finish()))
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = self.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn supervisor(max_restarts: u32) -> Supervisor {
    Supervisor::new(RestartPolicy::with_restarts(max_restarts), || 0)
}

/// Waits until the worker with index `n` has this state.
async fn until(supervisor: &Supervisor, n: usize, state: WorkerState, restarts: u64) -> WorkerHealth {
    let mut health = supervisor.started[n].health.subscribe();
    let wanted = |health: &WorkerHealth| (health.state, health.restarts) == (state, restarts);
    let waiting = tokio::time::timeout(Duration::from_secs(3_600), health.wait_for(wanted));
    waiting.await.unwrap_or_else(|_| panic!("never {state:?}")).unwrap().clone()
}

use WorkerState::{BackingOff, Failed, Running, Stopped};

/// Checks the published and the logged failure of a worker that fails in this way.
async fn check(command: Command, shown: &str, logged: &str) {
    let (log, _guard) = Log::start();
    let mut supervisor = supervisor(8);
    let (worker, control) = commanded("puppet");
    supervisor.start(worker);
    control.send(command).ok().unwrap();
    let health = until(&supervisor, 0, BackingOff, 0).await;
    let failed = Instant::now();
    let last_error = health.last_error.unwrap();
    assert!(last_error.starts_with(shown), "{last_error}");
    assert!(last_error.len() <= 200 && !last_error.contains("hunter2"), "{last_error}");

    let again = until(&supervisor, 0, Running, 1).await;
    assert_eq!(failed.elapsed(), Duration::from_millis(250));
    assert_eq!(again.last_error.as_ref(), Some(&last_error), "the last error stays visible");
    let [line] = log.lines().try_into().unwrap();
    assert_eq!((&line["level"], &line["worker"]), (&"WARN".into(), &"puppet".into()));
    assert_eq!((&line["restarts"], &line["next_attempt_ms"]), (&0.into(), &250.into()));
    assert!(line["error"].as_str().unwrap().contains(logged), "{line}");
    supervisor.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_logged_once_and_the_worker_is_restarted() {
    let here = "panicked at crates/supervise/src/tests.rs:";
    check(Command::Panic, here, "the password is hunter2").await;
    check(Command::Panic, here, here).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_is_logged_once_and_the_worker_is_restarted() {
    check(Command::Fail, "it failed!!!", "!: the password is hunter2").await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_before_shutdown_is_restarted() {
    let ended = "ended before shutdown was requested";
    check(Command::End, ended, ended).await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_keeps_panicking_waits_longer_each_time_and_is_then_given_up() {
    let (log, _guard) = Log::start();
    let mut supervisor = supervisor(8);
    let (bystander, _control) = commanded("bystander");
    supervisor.start(bystander);
    let began = Instant::now();
    supervisor.start(Broken);
    let failed = supervisor.failed().await.to_string();
    assert!(failed.starts_with("the worker broken keeps failing: 9 times within 600 seconds"), "{failed}");
    assert!(failed.ends_with(": again"), "{failed}");
    assert_eq!(began.elapsed(), Duration::from_millis(250 + 500 + 1_000 + 2_000 + 4_000 + 8_000 + 30_000));

    let lines = log.lines();
    let waits: Vec<_> = lines.iter().filter_map(|line| line["next_attempt_ms"].as_u64()).collect();
    assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    let [.., last] = lines.as_slice() else { panic!("nothing is logged") };
    assert_eq!((lines.len(), &last["level"], &last["restarts"]), (9, &"ERROR".into(), &8.into()));
    until(&supervisor, 1, Failed, 8).await;
    let shown: Vec<_> = supervisor.workers().snapshot().iter().map(|health| health.state).collect();
    assert_eq!(shown, [Running, Failed], "a failed worker does not stop the others");
    supervisor.stop().await;
}

#[tokio::test(start_paused = true)]
async fn failures_outside_the_window_do_not_count() {
    let mut supervisor = supervisor(1);
    let (worker, control) = commanded("puppet");
    supervisor.start(worker);
    for restarts in 1..=50 {
        control.send(Command::Panic).ok().unwrap();
        let failed = Instant::now();
        until(&supervisor, 0, Running, restarts).await;
        assert_eq!(failed.elapsed(), Duration::from_millis(250));
        tokio::time::advance(Duration::from_mins(10)).await;
    }
    supervisor.stop().await;
}

#[tokio::test(start_paused = true)]
async fn workers_stop_in_reverse_start_order() {
    let (log, _guard) = Log::start();
    let mut supervisor = supervisor(8);
    let controls = ["first", "second", "third"].map(|name| {
        let (worker, control) = commanded(name);
        supervisor.start(worker);
        control
    });
    let workers = supervisor.workers();
    tokio::task::yield_now().await;
    supervisor.stop().await;
    let ended: Vec<_> = log.lines().iter().map(|line| line["worker"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ended, ["third", "second", "first"]);
    assert!(workers.snapshot().iter().all(|health| health.state == Stopped && health.last_error.is_none()));
    drop(controls);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ignores_the_request_is_aborted_after_the_deadline() {
    let (log, _guard) = Log::start();
    let mut supervisor = supervisor(8);
    let (worker, control) = commanded("deaf");
    let (other, _other_control) = commanded("other");
    let held = Arc::downgrade(&worker.commands);
    supervisor.start(other);
    supervisor.start(worker);
    let workers = supervisor.workers();
    control.send(Command::Hang).ok().unwrap();
    tokio::task::yield_now().await;
    let requested = Instant::now();
    supervisor.stop().await;
    assert_eq!(requested.elapsed(), STOP_DEADLINE);
    tokio::task::yield_now().await;
    assert_eq!(held.strong_count(), 0, "the aborted work is dropped");
    assert!(workers.snapshot().iter().all(|health| health.state == Stopped));
    let [aborted, ended] = log.lines().try_into().unwrap();
    assert_eq!((&aborted["level"], &aborted["worker"]), (&"ERROR".into(), &"deaf".into()));
    assert_eq!((&aborted["deadline_ms"], &ended["worker"]), (&2_000.into(), &"other".into()));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_waits_for_its_restart_stops_at_once() {
    let mut supervisor = supervisor(8);
    let (worker, control) = commanded("puppet");
    supervisor.start(worker);
    let workers = supervisor.workers();
    control.send(Command::Panic).ok().unwrap();
    until(&supervisor, 0, BackingOff, 0).await;
    let requested = Instant::now();
    supervisor.stop().await;
    assert_eq!(requested.elapsed(), Duration::ZERO);
    assert_eq!((workers.snapshot()[0].state, workers.snapshot()[0].restarts), (Stopped, 0));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_fails_during_shutdown_is_logged_and_not_restarted() {
    let (log, _guard) = Log::start();
    let mut supervisor = supervisor(8);
    let (worker, control) = commanded("puppet");
    supervisor.start(worker);
    let workers = supervisor.workers();
    control.send(Command::FailLate).ok().unwrap();
    tokio::task::yield_now().await;
    supervisor.stop().await;
    assert_eq!((workers.snapshot()[0].state, workers.snapshot()[0].restarts), (Stopped, 0));
    let [line] = log.lines().try_into().unwrap();
    assert_eq!((&line["level"], &line["error"]), (&"WARN".into(), &"too late".into()));
}
