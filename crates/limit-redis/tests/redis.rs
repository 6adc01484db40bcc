//! The count against a real Redis server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use fluxora_limit::{Quota, SharedFailure, SharedLimiter as _, Verdict};
use fluxora_limit_redis::RedisLimiter;
use fluxora_limit_redis::testing::RedisServer;
use fluxora_supervise::{ShutdownToken, Stop, Worker as _};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Longer than a busy machine needs for one answer.
const PATIENT: Duration = Duration::from_secs(5);
/// How long a test waits for a condition. Only a test that fails waits this long.
const PATIENCE: Duration = Duration::from_secs(40);

/// A server of ours: a limiter with its worker.
struct Client {
    limiter: RedisLimiter,
    _stop: Stop,
    worker: JoinHandle<()>,
}

impl Client {
    fn of(server: &RedisServer, time_limit: Duration) -> Self {
        let limiter = RedisLimiter::new(&server.url(), time_limit).unwrap();
        let (stop, shutdown) = ShutdownToken::pair();
        let connector = limiter.connector();
        let worker = tokio::spawn(async move { connector.run(shutdown).await.unwrap() });
        Self { limiter, _stop: stop, worker }
    }

    async fn connected(server: &RedisServer, time_limit: Duration) -> Self {
        let client = Self::of(server, time_limit);
        client.is_available(true).await;
        client
    }

    /// Waits until the count is available, or is not.
    async fn is_available(&self, expect: bool) {
        let reached = async {
            while self.limiter.is_available() != expect {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap();
    }

    async fn charge(&self, client: &str, requests: u32) -> Result<Verdict, SharedFailure> {
        self.limiter.charge(client, Quota::per_minute(requests).unwrap()).await
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

#[tokio::test]
async fn two_servers_share_one_quota() {
    let Some(redis) = RedisServer::start() else { return };
    let (one, other) = (Client::connected(&redis, PATIENT).await, Client::connected(&redis, PATIENT).await);
    for (remaining, server) in [(2, &one), (1, &other), (0, &one)] {
        let verdict = server.charge("a", 3).await.unwrap();
        assert_eq!((verdict.remaining, verdict.retry_after), (remaining, None));
    }
    for server in [&one, &other] {
        let refused = server.charge("a", 3).await.unwrap();
        let (wait, reset) = (refused.retry_after.unwrap(), refused.reset_after);
        assert!(wait <= Duration::from_secs(20) && reset <= Duration::from_secs(60), "{refused:?}");
        assert!(reset > wait, "{refused:?}");
        assert!(server.charge("b", 3).await.unwrap().is_allowed(), "another client");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_requests_at_once_exactly_the_quota_is_allowed() {
    let Some(redis) = RedisServer::start() else { return };
    let servers = [Client::connected(&redis, PATIENT).await, Client::connected(&redis, PATIENT).await];
    let servers = Arc::new(servers);
    let requests = (0..100).map(|n| {
        let servers = Arc::clone(&servers);
        // A quota that renews once in six seconds.
        tokio::spawn(async move { servers[n % 2].charge("a", 10).await.unwrap().is_allowed() })
    });
    let requests: Vec<_> = requests.collect();
    #[expect(clippy::disallowed_methods, reason = "the quota renews while the test runs")]
    let began = Instant::now();
    let mut allowed = 0;
    for request in requests {
        allowed += u64::from(request.await.unwrap());
    }
    let renewed = began.elapsed().as_secs() / 6 + 1;
    assert!((10..=10 + renewed).contains(&allowed), "{allowed}");
}

#[tokio::test]
async fn a_quota_renews_by_the_clock_of_redis() {
    let Some(redis) = RedisServer::start() else { return };
    let server = Client::connected(&redis, PATIENT).await;
    // One request in 10 ms.
    let mut refused = None;
    for _ in 0..1_000_000 {
        let verdict = server.charge("a", 6_000).await.unwrap();
        refused = verdict.retry_after;
        if refused.is_some() {
            break;
        }
    }
    sleep(refused.unwrap()).await;
    assert!(server.charge("a", 6_000).await.unwrap().is_allowed());
}

#[tokio::test]
async fn a_client_is_one_key_that_expires_when_its_quota_is_whole() {
    let Some(redis) = RedisServer::start() else { return };
    let server = Client::connected(&redis, PATIENT).await;
    server.charge("reads:192.0.2.1", 2).await.unwrap();
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let key = "fluxora:limit:reads:192.0.2.1";
    let left: i64 = redis::cmd("PTTL").arg(key).query_async(&mut connection).await.unwrap();
    assert!((1..=30_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_script_that_redis_has_lost_is_loaded_again() {
    let Some(redis) = RedisServer::start() else { return };
    let server = Client::connected(&redis, PATIENT).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut connection).await.unwrap();
    assert!(server.charge("a", 3).await.unwrap().is_allowed());
}

#[tokio::test]
async fn a_killed_server_is_not_asked_and_counts_again_when_it_is_back() {
    let Some(redis) = RedisServer::start() else { return };
    let server = Client::connected(&redis, PATIENT).await;
    redis.kill();
    assert!(server.charge("a", 3).await.is_err());
    assert_eq!(server.charge("a", 3).await, Err(SharedFailure::Unavailable));
    redis.restart();
    server.is_available(true).await;
    assert!(server.charge("a", 3).await.unwrap().is_allowed());
}

#[tokio::test]
async fn a_frozen_server_delays_a_few_requests_by_the_time_limit_and_no_other() {
    const LIMIT: Duration = Duration::from_millis(20);
    let Some(redis) = RedisServer::start() else { return };
    let server = Client::connected(&redis, LIMIT).await;
    redis.freeze();
    let mut delayed = 0;
    while server.charge("a", 3).await == Err(SharedFailure::Timeout) {
        delayed += 1;
    }
    assert_eq!(delayed, 5);
    assert_eq!(server.charge("a", 3).await, Err(SharedFailure::Unavailable));
    redis.thaw();
    server.is_available(true).await;
}

#[tokio::test]
async fn a_loss_is_noticed_without_requests() {
    let Some(redis) = RedisServer::start() else { return };
    let server = Client::connected(&redis, PATIENT).await;
    redis.kill();
    server.is_available(false).await;
}

#[tokio::test]
async fn a_server_that_answers_but_cannot_write_does_not_count() {
    let Some(redis) = RedisServer::start() else { return };
    let server = Client::connected(&redis, PATIENT).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    // A replica of a server that does not exist is read-only.
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).exec_async(&mut connection).await.unwrap();
    assert_eq!(server.charge("a", 3).await, Err(SharedFailure::Unavailable));
    server.is_available(false).await;
    redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec_async(&mut connection).await.unwrap();
    server.is_available(true).await;
}
