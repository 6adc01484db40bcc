use std::time::Duration;

use clap::Args;
use fluxora_limit::{Quota, TrustedProxies};
use fluxora_limit_redis::RedisLimiter;

use super::ConfigFaults;
use super::setting::{Parser, Setting, any, milliseconds, number, optional};

/// How many requests one client may make.
#[derive(Args)]
#[command(next_help_heading = "Request limits")]
pub(crate) struct LimitSettings {
    /// Reads that one client address may make in a minute: 0 to 10000000. With 0 reads are not limited. Clients on a loopback
    /// address are never limited.
    #[arg(long, env = "RATE_LIMIT_READS", default_value = "6000", value_parser = number::<u32>(0..=10_000_000))]
    rate_limit_reads: Setting<u32>,

    /// Requests that create or change something, of one client address in a minute: 0 to 10000000. With 0 they are not limited.
    #[arg(long, env = "RATE_LIMIT_WRITES", default_value = "600", value_parser = number::<u32>(0..=10_000_000))]
    rate_limit_writes: Setting<u32>,

    /// Proxies whose header X-Forwarded-For is believed: IP addresses or CIDR blocks, separated by commas. Without it a client
    /// is the address that connects.
    #[arg(
        long,
        env = "TRUSTED_PROXIES",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(proxies())
    )]
    trusted_proxies: Setting<Option<TrustedProxies>>,

    /// Redis server that counts the requests of a client for all servers: redis://user:password@host:port/database, or rediss://
    /// for TLS. Without it, and while it does not answer, each server counts by itself.
    #[arg(
        long,
        env = "REDIS_URL",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    redis_url: Setting<Option<String>>,

    /// File that holds the REDIS_URL, so that its password is not in the environment.
    #[arg(
        long,
        env = "REDIS_URL_FILE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    redis_url_file: Setting<Option<String>>,

    /// How long a request waits for Redis before this server counts it by itself, in milliseconds: 1 to 1000.
    #[arg(long, env = "REDIS_TIMEOUT_MS", default_value = "10", value_parser = milliseconds(1..=1_000))]
    redis_timeout_ms: Setting<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) struct RequestLimits {
    pub(crate) reads: Option<Quota>,
    pub(crate) writes: Option<Quota>,
    pub(crate) proxies: TrustedProxies,
    /// What counts requests for all servers; `None` if each counts by itself.
    pub(crate) redis: Option<RedisLimiter>,
}

impl LimitSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<RequestLimits> {
        let reads = faults.take(&self.rate_limit_reads);
        let writes = faults.take(&self.rate_limit_writes);
        let proxies = faults.take(&self.trusted_proxies);
        let redis = self.redis(faults);
        Some(RequestLimits {
            reads: Quota::per_minute(reads?),
            writes: Quota::per_minute(writes?),
            proxies: proxies?.unwrap_or_default(),
            redis: redis?,
        })
    }

    fn redis(&self, faults: &mut ConfigFaults) -> Option<Option<RedisLimiter>> {
        let url = faults.secret("REDIS_URL", &self.redis_url, &self.redis_url_file);
        let time_limit = faults.take(&self.redis_timeout_ms);
        let Some(url) = url? else { return time_limit.map(|_| None) };
        let limiter = RedisLimiter::new(&url, time_limit.unwrap_or_default());
        let limiter = limiter.map_err(|fault| faults.add(format!("REDIS_URL {fault}"))).ok();
        time_limit.and(limiter).map(Some)
    }
}

fn proxies() -> Parser<TrustedProxies> {
    Parser::new("IP addresses or CIDR blocks, separated by commas", |text| text.parse().ok())
}
