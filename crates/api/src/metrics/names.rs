use fluxora_metrics::{Family, Kind, Unit};

/// Defines the enum, the list of all metrics and their descriptions from one table.
macro_rules! metrics {
    ($($metric:ident = $name:literal, $kind:ident $unit:ident [$($label:literal),*], $help:literal;)+) => {
        /// The closed set of metrics. Their names and labels are an interface: alerts depend on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Metric {
            $(#[doc = $help] $metric,)+
        }

        impl Metric {
            /// Every metric, in the order of the page.
            pub const ALL: &[Self] = &[$(Self::$metric),+];

            /// Its description.
            pub const fn family(self) -> &'static Family {
                match self {
                    $(Self::$metric => &Family {
                        name: $name,
                        kind: Kind::$kind,
                        unit: Unit::$unit,
                        labels: &[$($label),*],
                        help: $help,
                    },)+
                }
            }
        }
    };
}

metrics! {
    HttpRequests = "fluxora_http_requests_total", Counter One ["method", "route", "status"],
        "Requests answered, by class of status. The route unmatched stands for unknown paths and methods.";
    HttpDuration = "fluxora_http_request_duration_seconds", Histogram Nanoseconds ["method", "route"],
        "Time from the head of a request to the head of its answer. A long poll counts with its wait.";
    HttpErrors = "fluxora_http_errors_total", Counter One ["code"],
        "Requests answered with an error, by error code.";
    HttpConnections = "fluxora_http_connections", Gauge One ["state"],
        "Open connections. Reserved ones serve probes only, because every other one is in use.";
    HttpConnectionsRefused = "fluxora_http_connections_refused_total", Counter One [],
        "Connections closed at once, because every one is in use and those for probes too.";
    HttpConnectionsEvicted = "fluxora_http_connections_evicted_total", Counter One [],
        "Connections that waited for a request and were closed in favour of another one.";
    AuthFailures = "fluxora_auth_failures_total", Counter One ["reason"],
        "Requests refused because of their credential, its role, or the lack of one.";
    AuditSuppressed = "fluxora_audit_suppressed_rows_total", Counter One [],
        "Refused writes without an audit row of their own. A row each minute counts them.";
    RateLimitRefusals = "fluxora_rate_limit_refusals_total", Counter One ["budget"],
        "Requests refused because a client had used up its quota.";
    RateLimitRedisUp = "fluxora_rate_limit_redis_up", Gauge One [],
        "1 if Redis counts requests for all servers, 0 while each server counts by itself.";
    RateLimitRedis = "fluxora_rate_limit_redis_requests_total", Counter One ["outcome"],
        "Requests that Redis was to count. One that it did not count was counted by this server alone.";
    RateLimitRedisDuration = "fluxora_rate_limit_redis_duration_seconds", Histogram Nanoseconds [],
        "Time in which Redis counted one request.";
    StoreUp = "fluxora_store_up", Gauge One [],
        "1 if the database answered this scrape.";
    StoreDuration = "fluxora_store_work_duration_seconds", Histogram Nanoseconds ["work"],
        "Time of one piece of work on the database, with its wait.";
    StoreErrors = "fluxora_store_errors_total", Counter One ["kind"],
        "Pieces of work on the database that failed.";
    StoreRetries = "fluxora_store_retries_total", Counter One [],
        "Transactions retried after a deadlock or serialization failure.";
    StoreCommitDuration = "fluxora_store_commit_duration_seconds", Histogram Nanoseconds [],
        "Time of one group commit, with the work of its writes.";
    StoreCommitSize = "fluxora_store_commit_writes", Histogram One [],
        "Queued writes in one group commit.";
    StorePoolMax = "fluxora_store_pool_max_connections", Gauge One [],
        "The most connections of the pool. 0 on SQLite.";
    StorePool = "fluxora_store_pool_connections", Gauge One ["state"],
        "Open connections of the pool.";
    StorePoolWaiting = "fluxora_store_pool_waiting", Gauge One [],
        "Pieces of work that wait for a connection of the pool.";
    IndexerStalled = "fluxora_indexer_stalled", Gauge One [],
        "1 if no batch has arrived within the threshold. 0 where no indexer is configured.";
    IndexerLag = "fluxora_indexer_lag_seconds", Gauge Nanoseconds [],
        "Time since the last accepted batch. 0 before the first one.";
    IndexerTip = "fluxora_indexer_tip_ledger", Gauge One [],
        "The newest ledger. 0 before the first one.";
    IndexerSafe = "fluxora_indexer_safe_ledger", Gauge One [],
        "The last safe ledger. 0 before the first one.";
    IndexerFinal = "fluxora_indexer_final_ledger", Gauge One [],
        "The last final ledger. 0 before the first one.";
    IndexerHole = "fluxora_indexer_missing_ledgers", Gauge One [],
        "Ledgers known to be missing below the tip.";
    IndexerReorgs = "fluxora_indexer_reorgs_total", Counter One [],
        "Reorgs and rewinds recorded in the database.";
    IndexerBatches = "fluxora_indexer_batches_total", Counter One ["outcome"],
        "Batches of contract events that this process took.";
    IndexerIngested = "fluxora_indexer_ingested_events_total", Counter One ["outcome"],
        "Contract events in accepted batches of this process.";
    IndexerUnprojected = "fluxora_indexer_unprojected_events_total", Counter One [],
        "Contract events that this process stored and could not project.";
    IndexerOrphans = "fluxora_indexer_orphans_found_total", Counter One [],
        "Contract events of streams that are not stored, when this process met them.";
    IndexerAnomalies = "fluxora_indexer_anomalies_total", Counter One [],
        "Contract events that broke a rule of their contract, when this process projected them.";
    IndexerEvents = "fluxora_indexer_events", Gauge One [],
        "Contract events in the database.";
    IndexerPending = "fluxora_indexer_pending_events", Gauge One [],
        "Contract events in the database whose ledger is not safe.";
    IndexerUnknown = "fluxora_indexer_unknown_events", Gauge One [],
        "Contract events in the database whose topic or shape is unknown.";
    IndexerUnreadable = "fluxora_indexer_unreadable_events", Gauge One [],
        "Contract events in the database that lack a field or have a wrong one.";
    IndexerOrphanEvents = "fluxora_indexer_orphan_events", Gauge One [],
        "Safe contract events in the database about streams that are not stored.";
    FollowerDegraded = "fluxora_follower_degraded", Gauge One [],
        "1 if the chain follower stores no new ledgers. 0 where no contract is followed.";
    FollowerLedger = "fluxora_follower_ledger", Gauge One [],
        "The newest ledger that the chain follower stored since the start of the process. 0 without one.";
    FollowerLatest = "fluxora_follower_source_ledger", Gauge One [],
        "The newest ledger that any source of the chain follower reported. 0 without one.";
    FollowerDrifts = "fluxora_follower_drifts", Gauge One [],
        "Streams that differ from the last entry of their contract that they were compared with. 0 where no contract is followed.";
    FollowerSilent = "fluxora_follower_silent_seconds", Gauge Nanoseconds [],
        "Time since a source of the chain follower last answered. 0 without an answer.";
    EventLogHead = "fluxora_event_log_head_sequence", Gauge One [],
        "The newest position of the event log. 0 while it is empty.";
    EventLogOldest = "fluxora_event_log_oldest_sequence", Gauge One [],
        "The oldest position of the event log that is kept. 0 while it is empty.";
    FeedClients = "fluxora_feed_clients", Gauge One [],
        "Clients that follow the event feed of this process.";
    FeedMaxClients = "fluxora_feed_max_clients", Gauge One [],
        "The most clients that may follow the event feed of this process.";
    WebhookAttempts = "fluxora_webhook_attempts_total", Counter One ["outcome"],
        "Attempts to deliver an event that this process made, tests of endpoints among them.";
    WebhookAttemptDuration = "fluxora_webhook_attempt_duration_seconds", Histogram Nanoseconds [],
        "Time of one attempt, from the first byte sent to the end of the answer.";
    WebhookDelay = "fluxora_webhook_delay_seconds", Histogram Nanoseconds [],
        "Time from the creation of a delivery to its acknowledgement, retries included.";
    WebhookStaleResults = "fluxora_webhook_stale_results_total", Counter One [],
        "Results of attempts that came after their claim had ended.";
    WebhookDeliveries = "fluxora_webhook_deliveries", Gauge One ["state"],
        "Deliveries in the database, by state.";
    WebhookOldestDue = "fluxora_webhook_oldest_due_seconds", Gauge Nanoseconds [],
        "Time since which the delivery that waits longest is due. 0 if none is due.";
    WebhookBehind = "fluxora_webhook_events_behind", Gauge One [],
        "Events of the log for which no deliveries were created yet.";
    WebhookEndpoints = "fluxora_webhook_endpoints", Gauge One ["state"],
        "Endpoints in the database, by state.";
    WebhookReplays = "fluxora_webhook_running_replays", Gauge One [],
        "Replays that are running.";
    TraceSpans = "fluxora_trace_spans_total", Counter One ["outcome"],
        "Recorded spans that left the queue for the trace collector.";
    WorkerRunning = "fluxora_worker_running", Gauge One ["worker"],
        "1 if the background worker runs, 0 while it waits for a restart or has ended.";
    WorkerRestarts = "fluxora_worker_restarts_total", Counter One ["worker"],
        "Restarts of the background worker.";
    LogLinesDropped = "fluxora_log_lines_dropped_total", Counter One [],
        "Log lines dropped because standard output was not read.";
    BuildInfo = "fluxora_build_info", Gauge One ["version", "commit", "backend"],
        "Always 1. The labels name the build and the engine of the database.";
    ProcessCpu = "process_cpu_seconds_total", Counter Nanoseconds [],
        "CPU time of the process, user and system.";
    ProcessResident = "process_resident_memory_bytes", Gauge One [],
        "Resident memory of the process.";
    ProcessVirtual = "process_virtual_memory_bytes", Gauge One [],
        "Virtual memory of the process.";
    ProcessThreads = "process_threads", Gauge One [],
        "Threads of the process.";
    ProcessOpenFds = "process_open_fds", Gauge One [],
        "Open file descriptors of the process.";
    ProcessMaxFds = "process_max_fds", Gauge One [],
        "The most file descriptors that the process may open.";
    ProcessStart = "process_start_time_seconds", Gauge Nanoseconds [],
        "Start of the process, in Unix seconds.";
}
