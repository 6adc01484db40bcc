#[cfg(test)]
mod tests;

use std::hash::RandomState;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use fluxora_api::{
    Api, Audit, Build, Credentials, FollowerReport, Ids, Indexer, IngestMetrics, Lifecycle, Limits, Metrics,
    MetricsServer, Options, Parts, RefusedWrites, Server, Service, Writes,
};
use fluxora_dispatch::{Dispatcher, Sender};
use fluxora_feed::Feed;
use fluxora_follower::{FollowSettings, Follower, FollowerStatus, Leadership};
use fluxora_ingest::Ingest;
use fluxora_limit_redis::RedisLimiter;
use fluxora_store::{Clock, Store, StreamFilter, StreamQuery};
use fluxora_stream::{Origin, UnixTime};
use fluxora_supervise::{RestartPolicy, Supervisor, WorkerFailed};
use fluxora_trace::Tracer;
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{block_on, complain};
use crate::clock_guard::GuardedClock;
use crate::config::{
    Config, FeedConfig, Http, Jwt, RequestLimits, TimeEvents, UnknownName, WebhookState, Webhooks,
    WorkerConfig,
};
use crate::logging::LevelControl;
use crate::system::{RandomIds, SystemClock, jitter};
use crate::workers::{AuditRecorder, WorkerDeps};
use crate::{VERSION, descriptors, exit, follower, logging, process_usage, traces, webhooks};

const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    commit: env!("FLUXORA_COMMIT"),
    process: process_usage::read,
    dropped_log_lines: logging::dropped,
};

/// Serves until a signal, or until a worker exceeds its restarts, and returns the exit code. Requests are answered after
/// `start_workers` has ended.
pub(crate) fn run(
    config: &Config,
    unknown: &[UnknownName<'_>],
    start_workers: impl AsyncFnOnce(&mut Supervisor, &WorkerDeps) -> anyhow::Result<()>,
) -> u8 {
    let (_flush, levels) = match logging::start(config.logs) {
        Ok(started) => started,
        Err(error) => {
            complain(format_args!("fluxora-server cannot start: the log cannot be written: {error}"));
            return exit::FAILURE;
        }
    };
    for UnknownName { name, source, nearest } in unknown {
        tracing::warn!(name, source = source.as_str(), nearest, "unknown setting ignored");
    }
    let Err(error) = block_on(serve(config, levels, start_workers)) else { return exit::OK };
    tracing::error!(error = format!("{error:#}"), "fluxora-server ended with an error");
    if error.is::<WorkerFailed>() { exit::SOFTWARE } else { exit::FAILURE }
}

async fn serve(
    config: &Config,
    levels: LevelControl,
    start_workers: impl AsyncFnOnce(&mut Supervisor, &WorkerDeps) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    // Before the schema is migrated, and until the store is closed.
    let _lock = config.database.lock_for_server()?;
    let store = config.database.open().await?;
    let stored = latest_stored(store.as_ref()).await?;
    let clock: Arc<dyn Clock> = Arc::new(GuardedClock::new(Arc::new(SystemClock), stored));
    let lifecycle = Lifecycle::default();
    let WorkerConfig {
        stream_clock_interval,
        time_events,
        runway_thresholds,
        max_restarts,
        delivery_retention,
    } = config.workers.clone();
    // Before the first event can be written.
    let emits_time_events = match time_events {
        TimeEvents::On => true,
        TimeEvents::Off => false,
        TimeEvents::Auto => {
            store.begin_time_events().await.context("looking whether time events are begun")?
        }
    };
    let mut supervisor = Supervisor::new(RestartPolicy::with_restarts(max_restarts), jitter);
    let options = options(config);
    let feed = Feed::new(store.clone(), feed_options(config.feed, options.max_followers));
    let ingest_metrics = IngestMetrics::default();
    let (follower, report) = follower(config, &store, &clock, &ingest_metrics)?.unzip();
    let (tracer, exporter) = traces::start(&config.traces).context("the trace collector cannot be used")?;
    let sender = sender(&config.webhooks, &clock, &tracer)?;
    let parts = Parts {
        follower: report,
        webhooks: sender
            .clone()
            .map(|sender| fluxora_api::Webhooks { sender, max_endpoints: webhooks::MAX_ENDPOINTS }),
        ..parts(
            config,
            &Running {
                clock: &clock,
                feed: &feed,
                store: &store,
                supervisor: &supervisor,
                lifecycle: &lifecycle,
                ingest_metrics: &ingest_metrics,
                tracer: &tracer,
                levels: &levels,
            },
        )
    };
    let ingest = parts.indexer.as_ref().map(|indexer| indexer.ingest.clone());
    let refused = Arc::clone(&parts.audit.refused);
    let api = Arc::new(Api::new(parts));
    let server = bind(config.http.address, options, Arc::clone(&api))?;
    if let Some(address) = config.metrics.address {
        serve_metrics(api, address)?;
    }
    let (store_of_workers, address) = (Arc::clone(&store), server.address());
    let feed_of_workers = Arc::clone(&feed);
    let dispatcher = dispatcher(&config.webhooks, &store, &clock, sender).await?;
    let audit_recorder = AuditRecorder::new(Arc::clone(&store), Arc::clone(&clock), refused);
    let deps = WorkerDeps {
        dispatcher,
        store: store_of_workers,
        clock,
        stream_clock_interval,
        time_events: emits_time_events.then_some(runway_thresholds),
        delivery_retention,
        audit_retention: config.audit.retention,
        audit_recorder: audit_recorder.clone(),
        key_retention: config.access.key_retention,
        ingest,
        address,
        feed: feed_of_workers,
        follower,
        exporter,
        redis: config.limits.redis.as_ref().map(RedisLimiter::connector),
    };
    start_workers(&mut supervisor, &deps).await?;
    announce(config, &server, store.as_ref());
    let ended = until_stopped(server, &lifecycle, &feed, &mut supervisor, &mut signals).await;
    supervisor.stop().await;
    if let Err(error) = audit_recorder.record(true).await {
        tracing::error!(%error, "refused writes of the last moment left no rows in the audit log");
    }
    store.close().await;
    tracing::info!("stopped");
    ended
}

/// What makes attempts, unless webhooks are off.
fn sender(
    config: &Webhooks,
    clock: &Arc<dyn Clock>,
    tracer: &Arc<Tracer>,
) -> anyhow::Result<Option<Arc<Sender>>> {
    let is_on = config.state != WebhookState::WithoutKey;
    is_on.then(|| webhooks::sender(config, Arc::clone(clock), Arc::clone(tracer))).transpose()
}

/// What sends webhooks, if this server does. Registers the endpoint of the environment.
async fn dispatcher(
    config: &Webhooks,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    sender: Option<Arc<Sender>>,
) -> anyhow::Result<Option<Dispatcher<dyn Store>>> {
    let Some(sender) = sender else { return Ok(None) };
    if let Some(own) = &config.endpoint {
        webhooks::register(store.as_ref(), &config.keyring, own, clock.now()).await?;
    }
    if !config.keyring.seals() && webhooks::has_endpoints(store.as_ref()).await? {
        tracing::warn!("secrets of webhook endpoints are stored unsealed: there is no FLUXORA_MASTER_KEY");
    }
    let sends = config.state == WebhookState::On;
    Ok(sends.then(|| webhooks::dispatcher(config, store, sender, Arc::clone(clock))))
}

/// The latest instant at which the newest stream changed or a batch was accepted: the clock was not behind it then.
async fn latest_stored(store: &dyn Store) -> anyhow::Result<Option<Timestamp>> {
    let what = "reading the latest instant of the database";
    let newest = StreamQuery { filter: StreamFilter::default(), at: UnixTime::EPOCH, before: None, limit: 1 };
    let newest = store.list_streams(&newest).await.context(what)?;
    let created = newest
        .streams
        .first()
        .filter(|stream| stream.origin() == Origin::Api)
        .map(|stream| stream.created_at);
    let synced = store.chain_state().await.context(what)?.synced_at;
    Ok(created.max(synced))
}

fn feed_options(config: FeedConfig, max_subscribers: usize) -> fluxora_feed::Options {
    let FeedConfig { heartbeat, lifetime, .. } = config;
    let defaults = fluxora_feed::Options::new(jitter);
    fluxora_feed::Options { max_subscribers, heartbeat, lifetime, ..defaults }
}

/// The follower, if contracts are followed, and what it reports.
fn follower(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    ingest_metrics: &IngestMetrics,
) -> anyhow::Result<Option<(Follower, Arc<dyn FollowerReport>)>> {
    let Some(follow) = &config.follow else { return Ok(None) };
    let passphrase = &config.chain.network_passphrase;
    let sources = follower::sources(&follow.sources, passphrase, &follow.watched, store, clock)?;
    let ingest = Ingest::new(store.clone(), Arc::clone(clock), config.chain.indexer.rules)
        .observed_by(Arc::new(ingest_metrics.clone()));
    let status = Arc::<FollowerStatus>::default();
    let settings = FollowSettings { start: follow.start, poll: follow.poll };
    let report =
        follower::Report { status: Arc::clone(&status), contracts: follow.watched.contracts().collect() };
    // Only one process at a time opens a SQLite file: a server that starts again goes on without a wait.
    let holder = if config.database.is_shared() { RandomIds.next().to_string() } else { "server".to_owned() };
    let leadership = Leadership::new(store.clone(), holder, Arc::clone(clock));
    let follower = Follower::new(settings, sources, store.clone(), ingest, status, leadership, store.clone());
    Ok(Some((follower, Arc::new(report))))
}

/// Raises the limit of open files and fits the settings under it.
fn options(config: &Config) -> Options {
    let Http { shutdown_timeout, max_connections, .. } = config.http;
    let max_followers = config.feed.max_clients;
    let wanted = Options { shutdown_timeout, max_connections, max_followers, ..Options::default() };
    descriptors::fit(wanted, config.database.connections())
}

fn bind(address: SocketAddr, options: Options, api: Arc<Api>) -> anyhow::Result<Server> {
    let server = Server::bind(api, address, options);
    server.with_context(|| format!("cannot listen on {address} (HOST, PORT)"))
}

/// Serves metrics on their own address, until the process ends.
fn serve_metrics(api: Arc<Api>, address: SocketAddr) -> anyhow::Result<()> {
    let server = MetricsServer::bind(api, address)
        .with_context(|| format!("cannot listen on {address} (METRICS_ADDR)"))?;
    tracing::info!(address = %server.address(), "serving metrics");
    tokio::spawn(server.run());
    Ok(())
}

fn limits(limits: &RequestLimits) -> Limits {
    let local = Limits::new(limits.reads, limits.writes, limits.proxies.clone(), RandomState::new());
    match &limits.redis {
        Some(redis) => local.shared_by(Arc::new(redis.clone())),
        None => local,
    }
}

/// What runs already when the API is made.
struct Running<'a> {
    clock: &'a Arc<dyn Clock>,
    feed: &'a Arc<Feed>,
    store: &'a Arc<dyn Store>,
    supervisor: &'a Supervisor,
    lifecycle: &'a Lifecycle,
    ingest_metrics: &'a IngestMetrics,
    tracer: &'a Arc<Tracer>,
    levels: &'a LevelControl,
}

fn parts(config: &Config, running: &Running<'_>) -> Parts {
    let Running { clock, feed, store, supervisor, lifecycle, ingest_metrics, tracer, levels } = *running;
    let indexer = &config.chain.indexer;
    let is_on = indexer.pushes || config.follow.is_some();
    let indexer = is_on.then(|| Indexer {
        pushes: indexer.pushes,
        worker_token: indexer.worker_token.clone(),
        ingest: Ingest::new(store.clone(), Arc::clone(clock), indexer.rules)
            .observed_by(Arc::new(ingest_metrics.clone())),
        stall_threshold_ms: indexer.stall_threshold_ms,
        since: clock.now(),
    });
    Parts {
        store: Arc::clone(store),
        clock: Arc::clone(clock),
        feed: Arc::clone(feed),
        ids: Arc::new(RandomIds),
        service: Service {
            version: VERSION,
            network_passphrase: config.chain.network_passphrase.clone(),
            demo: config.demo,
        },
        writes: config.http.writes,
        allowed_hosts: config.http.allowed_hosts.clone(),
        health_details: config.http.health_details,
        indexer,
        credentials: Credentials {
            operator_token: config.http.operator_token.clone(),
            jwt: config.access.jwt.as_ref().map(Jwt::verifier),
            reads: config.access.reads,
        },
        limits: limits(&config.limits),
        tokens: config.chain.tokens.clone(),
        frontend: config.frontend.clone(),
        follower: None,
        webhooks: None,
        workers: supervisor.workers(),
        lifecycle: lifecycle.clone(),
        logged_requests: config.logs.requests,
        cors: config.cors.clone(),
        metrics: Metrics::new(BUILD, ingest_metrics.clone()),
        audit: Audit {
            refused: Arc::new(RefusedWrites::new(RandomState::new())),
            client_addresses: config.audit.client_addresses,
        },
        tracer: Arc::clone(tracer),
        log_levels: Arc::new(levels.clone()),
    }
}

fn announce(config: &Config, server: &Server, store: &dyn Store) {
    tracing::info!(
        address = %server.address(),
        storage = store.describe(),
        writes = match config.http.writes {
            Writes::Open => "open to everyone who reaches the address",
            Writes::OpenWithoutKeys => "open to everyone who reaches the address, until the first API key is created",
            Writes::Refused if config.access.jwt.is_some() => "open to callers with a credential",
            Writes::Refused => "refused without an API key: OPEN_WRITES is false, or the address is not a loopback address",
        },
        off = config.switched_off().join(", "),
        version = VERSION,
        "listening"
    );
}

/// Serves until a signal or a failed worker, then waits for the requests in flight.
async fn until_stopped(
    server: Server,
    lifecycle: &Lifecycle,
    feed: &Feed,
    supervisor: &mut Supervisor,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let stop = server.stop();
    let mut serving = std::pin::pin!(server.run());
    let reason: Result<&str, WorkerFailed> = tokio::select! {
        ended = &mut serving => return ended.context("the HTTP server ended unexpectedly"),
        failed = supervisor.failed() => Err(failed),
        signal = signals.stop() => Ok(signal),
    };
    lifecycle.shut_down();
    feed.stop();
    let signal = reason.as_ref().ok();
    tracing::info!(signal, "stopping: no new requests, waiting for those in flight");
    let ((), ended) = tokio::join!(stop.gracefully(), serving);
    reason?;
    ended.context("the HTTP server did not stop in order")
}

/// The signals that the server handles: three stop it, the others are logged and ignored. No signal but SIGKILL ends it
/// without a stop in order.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
            hangup: listen(SignalKind::hangup())?,
            user1: listen(SignalKind::user_defined1())?,
            user2: listen(SignalKind::user_defined2())?,
        })
    }

    /// Waits for a signal that stops the server, and returns its name.
    async fn stop(&mut self) -> &'static str {
        loop {
            let ignored = tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.quit.recv() => return "SIGQUIT",
                _ = self.hangup.recv() => "SIGHUP",
                _ = self.user1.recv() => "SIGUSR1",
                _ = self.user2.recv() => "SIGUSR2",
            };
            tracing::info!(signal = ignored, "signal ignored: settings are read at the start only");
        }
    }
}
