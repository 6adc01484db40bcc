use std::sync::Arc;
use std::time::Duration;

use fluxora_limit::Quota;
use fluxora_supervise::{ShutdownToken, Worker, WorkerError};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError};
use tokio::time::{sleep, timeout};

use crate::limiter::Shared;

/// Time limit of a connection with its handshake, and of a check.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// Time between checks of a connection, and between attempts to connect.
const INTERVAL: Duration = Duration::from_secs(1);
/// Checks that a connection passes before its recovery is logged: one that fails again is the same outage.
const STABLE: u64 = 2;
const CHECKS_A_MINUTE: u32 = 1_000_000;

/// The worker that opens the connection to Redis, checks it and replaces it when it is lost.
#[derive(Clone)]
pub struct Connector {
    shared: Arc<Shared>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error("Redis did not answer in time")]
    Timeout,
    #[error("requests were not counted in time, or the connection failed")]
    Requests,
}

impl Connector {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Holds connections for ever. Logs the first failure and the recovery.
    async fn hold(&self) {
        let mut is_away = false;
        loop {
            let error = match self.connect().await {
                Ok(connection) => {
                    self.shared.connect(connection.clone());
                    let error = self.lost(connection, &mut is_away).await;
                    self.shared.disconnect();
                    error
                }
                Err(error) => error,
            };
            if !std::mem::replace(&mut is_away, true) {
                let error = error.to_string();
                tracing::warn!(error, "Redis does not count requests: each server counts them by itself");
            }
            sleep(INTERVAL).await;
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Lost> {
        // The limits of the library are off: one limit holds for the connection, its handshake and the check.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connecting = async {
            let mut connection =
                self.shared.client.get_multiplexed_async_connection_with_config(&config).await?;
            self.check(&mut connection).await?;
            Ok(connection)
        };
        timeout(TIME_LIMIT, connecting).await.unwrap_or(Err(Lost::Timeout))
    }

    /// Checks a connection until it is lost.
    async fn lost(&self, mut connection: MultiplexedConnection, is_away: &mut bool) -> Lost {
        for checks in 0_u64.. {
            if checks == STABLE && std::mem::take(is_away) {
                tracing::info!("Redis counts requests again");
            }
            tokio::select! {
                () = self.shared.lost.notified() => break,
                () = sleep(INTERVAL) => {}
            }
            match timeout(TIME_LIMIT, self.check(&mut connection)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.into(),
                Err(_) => return Lost::Timeout,
            }
        }
        Lost::Requests
    }

    /// Counts a request of a client that does not exist: it also fails where Redis answers but cannot write.
    async fn check(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let Some(quota) = Quota::per_minute(CHECKS_A_MINUTE) else { return Ok(()) };
        self.shared.count(connection, "check", quota).await.map(drop)
    }
}

impl Worker for Connector {
    fn name(&self) -> &'static str {
        "rate_limit_redis"
    }

    async fn run(self, mut shutdown: ShutdownToken) -> Result<(), WorkerError> {
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.hold() => {}
        }
        self.shared.disconnect();
        Ok(())
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}
