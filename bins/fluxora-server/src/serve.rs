use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use fluxora_api::{Api, Clock, Indexer, Lifecycle, Options, Parts, Server, Service, Writes};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::shell::{RandomIds, SystemClock, roll};
use crate::supervisor::{Policy, Supervisor};
use crate::workers::WorkerDeps;

/// Serves until SIGTERM or SIGINT, or until a worker keeps failing; then stops in order: no new requests, those in flight answered,
/// the workers, the store.
///
/// # Errors
/// Why it could not start or had to give up: a [`WorkerFailed`](crate::supervisor::WorkerFailed) if that is why.
pub(crate) fn run(
    config: Config,
    start_workers: impl FnOnce(&mut Supervisor, &WorkerDeps),
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("starting the runtime")?.block_on(serve(config, start_workers))
}

async fn serve(
    config: Config,
    start_workers: impl FnOnce(&mut Supervisor, &WorkerDeps),
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let store = config.database.open().await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let lifecycle = Lifecycle::default();
    let mut supervisor = Supervisor::new(Policy::with_restarts(config.worker_max_restarts), roll);
    let indexer = if config.indexer.is_some() { "on" } else { "off" };
    let api = Api::new(Parts {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        ids: Arc::new(RandomIds),
        service: Service {
            version: env!("CARGO_PKG_VERSION"),
            network_passphrase: config.network_passphrase,
        },
        writes: config.writes,
        indexer: config.indexer.map(|settings| Indexer {
            worker_token: settings.worker_token,
            rules: settings.rules,
            stall_threshold_ms: settings.stall_threshold_ms,
            since: clock.now(),
        }),
        operator_token: config.operator_token,
        workers: supervisor.workers(),
        lifecycle: lifecycle.clone(),
    });
    let address = SocketAddr::new(config.host, config.port);
    let options = Options { shutdown_timeout: config.shutdown_timeout, ..Options::default() };
    let server = Server::bind(Arc::new(api), address, options)
        .with_context(|| format!("cannot listen on {address} (HOST, PORT)"))?;

    let stream_clock_interval = config.stream_clock_interval;
    start_workers(&mut supervisor, &WorkerDeps { store: Arc::clone(&store), clock, stream_clock_interval });
    tracing::info!(
        address = %server.address(),
        storage = store.describe(),
        writes = match config.writes {
            Writes::Open => "open to whoever can reach the address",
            Writes::Refused => "refused: no authentication is configured and the address is not a loopback one",
        },
        indexer,
        off = "authentication, webhooks, metrics",
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );

    let stop = server.stop();
    let mut serving = std::pin::pin!(server.run());
    let (reason, ended) = tokio::select! {
        ended = &mut serving => (Ok(()), ended.context("the HTTP server broke off")),
        reason = async { tokio::select! {
            failed = supervisor.failed() => Err(failed),
            _ = terminate.recv() => Ok("SIGTERM"),
            _ = interrupt.recv() => Ok("SIGINT"),
        } } => {
            lifecycle.shut_down();
            let signal = reason.as_ref().ok();
            tracing::info!(signal, "shutdown: no new requests, waiting for those in flight");
            let ((), ended) = tokio::join!(stop.gracefully(), serving);
            (reason.map(drop), ended.context("the HTTP server did not stop in order"))
        }
    };
    supervisor.stop().await;
    store.close().await;
    tracing::info!("stopped");
    reason?;
    ended
}
