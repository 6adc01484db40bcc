use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluxora_limit::{Charge, Quota, SharedFailure, SharedLimiter, Verdict};
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError, Script};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::Connector;

/// Where the keys of this crate begin.
const PREFIX: &str = "fluxora:limit:";
/// Requests in a row without an answer in time after which the connection counts as lost.
const MAX_TIMEOUTS: u32 = 5;

/// Counts requests in Redis. Clones share the connection.
#[derive(Clone)]
pub struct RedisLimiter(Arc<Shared>);

/// The text is not the URL of a Redis server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a URL of the form redis://user:password@host:port/database, or rediss:// for TLS")]
pub struct InvalidUrl;

pub(crate) struct Shared {
    pub(crate) client: Client,
    script: Script,
    time_limit: Duration,
    connection: Mutex<Option<MultiplexedConnection>>,
    timeouts: AtomicU32,
    pub(crate) lost: Notify,
}

impl RedisLimiter {
    /// A limiter without a connection: its [`Connector`] opens one. A request waits for Redis at most for the time limit.
    ///
    /// # Errors
    /// The text is not a URL with the scheme `redis` or `rediss` (TLS).
    pub fn new(url: &str, time_limit: Duration) -> Result<Self, InvalidUrl> {
        if !(url.starts_with("redis://") || url.starts_with("rediss://")) {
            return Err(InvalidUrl);
        }
        Ok(Self(Arc::new(Shared {
            client: Client::open(url).map_err(|_| InvalidUrl)?,
            script: Script::new(include_str!("charge.lua")),
            time_limit,
            connection: Mutex::new(None),
            timeouts: AtomicU32::new(0),
            lost: Notify::new(),
        })))
    }

    /// The worker that holds the connection.
    pub fn connector(&self) -> Connector {
        Connector::new(Arc::clone(&self.0))
    }
}

impl SharedLimiter for RedisLimiter {
    fn charge<'a>(&'a self, client: &'a str, quota: Quota) -> Charge<'a> {
        Box::pin(self.0.charge(client, quota))
    }

    fn is_available(&self) -> bool {
        self.0.connection().is_some()
    }
}

impl Shared {
    async fn charge(&self, client: &str, quota: Quota) -> Result<Verdict, SharedFailure> {
        let mut connection = self.connection().ok_or(SharedFailure::Unavailable)?;
        match timeout(self.time_limit, self.count(&mut connection, client, quota)).await {
            Ok(Ok(verdict)) => {
                self.timeouts.store(0, Ordering::Relaxed);
                Ok(verdict)
            }
            Ok(Err(_)) => {
                self.disconnect();
                Err(SharedFailure::Unavailable)
            }
            Err(_) => {
                self.timed_out();
                Err(SharedFailure::Timeout)
            }
        }
    }

    /// Runs the script; loads it where Redis does not have it.
    pub(crate) async fn count(
        &self,
        connection: &mut MultiplexedConnection,
        client: &str,
        quota: Quota,
    ) -> Result<Verdict, RedisError> {
        let period = u64::try_from(Quota::PERIOD.as_micros()).unwrap_or(u64::MAX);
        let mut invocation = self.script.key(format!("{PREFIX}{client}"));
        let invocation = invocation.arg(quota.requests()).arg(period);
        let (remaining, reset, retry): (u32, u64, i64) = invocation.invoke_async(connection).await?;
        let retry_after = u64::try_from(retry).ok().map(Duration::from_micros);
        Ok(Verdict { remaining, reset_after: Duration::from_micros(reset), retry_after })
    }

    fn timed_out(&self) {
        if self.timeouts.fetch_add(1, Ordering::Relaxed).saturating_add(1) >= MAX_TIMEOUTS {
            self.disconnect();
        }
    }

    fn connection(&self) -> Option<MultiplexedConnection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, connection: Option<MultiplexedConnection>) -> bool {
        let mut current = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, connection).is_some()
    }

    pub(crate) fn connect(&self, connection: MultiplexedConnection) {
        self.timeouts.store(0, Ordering::Relaxed);
        self.replace(Some(connection));
    }

    /// Gives the connection up and wakes the connector.
    pub(crate) fn disconnect(&self) {
        if self.replace(None) {
            self.lost.notify_one();
        }
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter").field("time_limit", &self.0.time_limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(10);

    #[test]
    fn a_url_names_a_server_over_tcp_or_tls() {
        for url in ["redis://localhost", "redis://:p%40ss@10.0.0.1:6380/2", "rediss://user:pass@redis.test"] {
            assert!(RedisLimiter::new(url, LIMIT).is_ok(), "{url}");
        }
        for url in ["", "hunter2", "http://localhost", "unix:///tmp/redis.sock", "redis://", "redis://h:x"] {
            assert_eq!(RedisLimiter::new(url, LIMIT).err(), Some(InvalidUrl), "{url}");
        }
    }

    #[test]
    fn nothing_of_the_url_is_printed() {
        let limiter = RedisLimiter::new("redis://:hunter2@redis.test", LIMIT).unwrap();
        assert_eq!(format!("{limiter:?}"), "RedisLimiter { time_limit: 10ms, .. }");
    }

    #[tokio::test]
    async fn without_a_connection_a_request_fails_at_once() {
        let limiter = RedisLimiter::new("redis://192.0.2.1", LIMIT).unwrap();
        assert!(!limiter.is_available());
        let charged = limiter.charge("a", Quota::per_minute(1).unwrap()).await;
        assert_eq!(charged, Err(SharedFailure::Unavailable));
    }
}
