use std::time::Duration;

use fluxora_dispatch::AttemptMetrics;
use fluxora_indexer::{Freshness, FreshnessStatus, Sync};
use fluxora_metrics::{Page, Samples};
use fluxora_store::{PoolUsage, StoreError, StoreMetrics};
use fluxora_supervise::{WorkerHealth, WorkerState};

use super::{LastKnown, Metric, ProcessUsage};
use crate::{Api, FollowerHealth};

/// Storage that takes longer to answer counts as unavailable.
const TIMEOUT: Duration = Duration::from_secs(3);
/// What a store shows that measures nothing.
static UNMEASURED: StoreMetrics = StoreMetrics::new();

/// What is read for one page.
struct Scrape<'a> {
    api: &'a Api,
    store_is_up: bool,
    known: LastKnown,
    freshness: Freshness,
    store: &'a StoreMetrics,
    pool: PoolUsage,
    workers: Vec<WorkerHealth>,
    process: ProcessUsage,
    follower: Option<FollowerHealth>,
}

/// All metrics in the text format. Where the database does not answer, what was read of it last.
pub(crate) async fn page(api: &Api) -> String {
    let read = tokio::time::timeout(TIMEOUT, read(api)).await;
    let read = match read {
        Ok(Ok(read)) => Some(read),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database could not be read for metrics");
            None
        }
        Err(_) => {
            tracing::warn!(
                timeout_ms = TIMEOUT.as_millis(),
                "the database did not answer for metrics in time"
            );
            None
        }
    };
    let store_is_up = read.is_some();
    let known = api.metrics().last_known(read);
    let sync = Sync {
        expected_since: api.indexer().map(|indexer| indexer.since),
        last_success: known.chain.synced_at,
        threshold_ms: api.stall_threshold_ms(),
    };
    let scrape = Scrape {
        api,
        store_is_up,
        freshness: Freshness::at(api.now(), sync),
        known,
        store: api.store().metrics().unwrap_or(&UNMEASURED),
        pool: api.store().pool(),
        workers: api.workers().snapshot(),
        process: (api.metrics().build.process)(),
        follower: api.follower(),
    };
    let mut page = Page::default();
    for metric in Metric::ALL {
        write(*metric, &scrape, page.family(metric.family()));
    }
    page.into_text()
}

async fn read(api: &Api) -> Result<LastKnown, StoreError> {
    // The oldest first: the log only grows.
    let (oldest, head) = (api.store().oldest().await?, api.store().head().await?);
    let deliveries = api.store().delivery_figures(api.now()).await?;
    Ok(LastKnown { chain: api.store().chain_state().await?, head, oldest, deliveries })
}

fn write(metric: Metric, scrape: &Scrape<'_>, mut samples: Samples<'_>) {
    let Scrape { api, store_is_up, known, freshness, store, pool, workers, process, follower } = scrape;
    let (metrics, chain, figures) = (api.metrics(), &known.chain, &known.deliveries);
    let ingest = metrics.ingest.counts();
    let mut one = |value: u64| samples.value(&[], value);
    match metric {
        Metric::HttpRequests => {
            for ([method, route], requests) in metrics.http.routes() {
                for (class, count) in requests.classes() {
                    samples.value(&[method, route, class], count);
                }
            }
        }
        Metric::HttpDuration => {
            for (labels, requests) in metrics.http.routes() {
                samples.histogram(&labels, &requests.durations.read());
            }
        }
        Metric::HttpErrors => labelled(&mut samples, metrics.http.errors()),
        Metric::HttpConnections => labelled(&mut samples, metrics.connections.open()),
        Metric::HttpConnectionsRefused => one(metrics.connections.refused()),
        Metric::HttpConnectionsEvicted => one(metrics.connections.evicted()),
        Metric::AuthFailures => labelled(&mut samples, metrics.http.auth_failures()),
        Metric::AuditSuppressed => one(api.audit().refused.suppressed()),
        Metric::RateLimitRefusals => labelled(&mut samples, api.limits().refused()),
        Metric::RateLimitRedisUp => one((api.limits().is_shared() == Some(true)).into()),
        Metric::RateLimitRedis => labelled(&mut samples, api.limits().shared_outcomes()),
        Metric::RateLimitRedisDuration => samples.histogram(&[], &api.limits().shared_durations()),
        Metric::StoreUp => one((*store_is_up).into()),
        Metric::StoreDuration => {
            store.durations().for_each(|(work, times)| samples.histogram(&[work.as_str()], &times.read()));
        }
        Metric::StoreErrors => labelled(&mut samples, store.errors()),
        Metric::StoreRetries => one(api.store().retries()),
        Metric::StoreCommitDuration => samples.histogram(&[], &store.commits().read()),
        Metric::StoreCommitSize => samples.histogram(&[], &store.commit_sizes().read()),
        Metric::StorePoolMax => one(count(pool.max)),
        Metric::StorePool => {
            labelled(&mut samples, [("idle", count(pool.idle)), ("in_use", count(pool.in_use))]);
        }
        Metric::StorePoolWaiting => one(count(pool.waiting)),
        Metric::IndexerStalled => one((freshness.status == FreshnessStatus::Stalled).into()),
        Metric::IndexerLag => one(freshness.lag_ms.unwrap_or_default().saturating_mul(1_000_000)),
        Metric::IndexerTip => one(chain.frontier.tip.as_ref().map_or(0, |tip| tip.ledger.into())),
        Metric::IndexerSafe => one(chain.frontier.last_safe.unwrap_or_default().into()),
        Metric::IndexerFinal => one(chain.frontier.final_ledger.unwrap_or_default().into()),
        Metric::IndexerHole => {
            let missing = chain.frontier.hole.map(|hole| u64::from(hole.to.saturating_sub(hole.from)));
            one(missing.map_or(0, |more| more.saturating_add(1)));
        }
        Metric::IndexerReorgs => one(chain.last_reorg.as_ref().map_or(0, |reorg| reorg.number)),
        Metric::IndexerBatches => labelled(&mut samples, ingest.batches()),
        Metric::IndexerIngested => {
            let (inserted, duplicates) = (ingest.inserted.value(), ingest.duplicates.value());
            labelled(&mut samples, [("inserted", inserted), ("duplicate", duplicates)]);
        }
        Metric::IndexerUnprojected => one(ingest.unprojected.value()),
        Metric::IndexerOrphans => one(ingest.orphans.value()),
        Metric::IndexerAnomalies => one(ingest.anomalies.value()),
        Metric::IndexerEvents => one(chain.events),
        Metric::IndexerPending => one(chain.pending),
        Metric::IndexerUnknown => one(chain.unknown),
        Metric::IndexerUnreadable => one(chain.unreadable),
        Metric::IndexerOrphanEvents => one(chain.orphans),
        Metric::FollowerDegraded => one(follower.as_ref().is_some_and(|state| state.is_degraded).into()),
        Metric::FollowerLedger => {
            let stored = follower.as_ref().and_then(|state| state.ledger);
            one(stored.map_or(0, |(ledger, _)| ledger.into()));
        }
        Metric::FollowerLatest => {
            one(follower.as_ref().and_then(|state| state.latest).unwrap_or_default().into());
        }
        Metric::FollowerDrifts => {
            one(follower.as_ref().map_or(0, |state| state.drift_count));
        }
        Metric::FollowerSilent => {
            let answered = follower.as_ref().and_then(|state| state.answered_at);
            let silent = answered.map_or(0, |at| api.now().duration_since(at).as_nanos());
            one(u64::try_from(silent).unwrap_or_default());
        }
        Metric::EventLogHead => one(known.head.0),
        Metric::EventLogOldest => one(known.oldest.0),
        Metric::FeedClients => one(count(api.feed().subscriber_count())),
        Metric::FeedMaxClients => one(count(api.feed().max_subscribers())),
        Metric::WebhookAttempts => labelled(&mut samples, attempts(api).outcomes()),
        Metric::WebhookAttemptDuration => samples.histogram(&[], &attempts(api).durations()),
        Metric::WebhookDelay => samples.histogram(&[], &attempts(api).delays()),
        Metric::WebhookStaleResults => one(attempts(api).stale_results()),
        Metric::WebhookDeliveries => labelled(
            &mut samples,
            [
                ("pending", figures.pending.saturating_sub(figures.in_flight)),
                ("in_flight", figures.in_flight),
                ("held", figures.held),
                ("delivered", figures.delivered),
                ("dead", figures.dead),
            ],
        ),
        Metric::WebhookOldestDue => {
            let due = figures.oldest_due.map_or(0, |due| api.now().duration_since(due).as_nanos());
            one(u64::try_from(due).unwrap_or_default());
        }
        Metric::WebhookBehind => one(figures.head.0.saturating_sub(figures.fanned_out.0)),
        Metric::WebhookEndpoints => labelled(
            &mut samples,
            [
                ("active", figures.active_endpoints.saturating_sub(figures.open_breakers)),
                ("breaker_open", figures.open_breakers),
                ("paused", figures.paused_endpoints),
                ("held", figures.held_endpoints),
            ],
        ),
        Metric::WebhookReplays => one(figures.running_replays),
        Metric::TraceSpans => labelled(&mut samples, api.tracer().outcomes()),
        Metric::WorkerRunning => {
            let running = |worker: &WorkerHealth| u64::from(worker.state == WorkerState::Running);
            labelled(&mut samples, workers.iter().map(|worker| (worker.name, running(worker))));
        }
        Metric::WorkerRestarts => {
            labelled(&mut samples, workers.iter().map(|worker| (worker.name, worker.restarts)));
        }
        Metric::LogLinesDropped => one((metrics.build.dropped_log_lines)()),
        Metric::BuildInfo => {
            let description = api.store().describe();
            let backend = description.split(',').next().unwrap_or_default();
            samples.value(&[metrics.build.version, metrics.build.commit, backend], 1);
        }
        Metric::ProcessCpu => one(process.cpu_ns),
        Metric::ProcessResident => one(process.resident_bytes),
        Metric::ProcessVirtual => one(process.virtual_bytes),
        Metric::ProcessThreads => one(process.threads),
        Metric::ProcessOpenFds => one(process.open_fds),
        Metric::ProcessMaxFds => one(process.max_fds),
        Metric::ProcessStart => one(process.started_at_ns),
    }
}

/// The attempts of this process; none where webhooks are off.
fn attempts(api: &Api) -> &AttemptMetrics {
    static NONE: AttemptMetrics = AttemptMetrics::new();
    api.webhooks().map_or(&NONE, |webhooks| webhooks.sender.metrics())
}

/// The samples of a metric with one label.
fn labelled<'l>(samples: &mut Samples<'_>, values: impl IntoIterator<Item = (&'l str, u64)>) {
    values.into_iter().for_each(|(label, value)| samples.value(&[label], value));
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
