use clap::Args;
use fluxora_limit::{Quota, TrustedProxies};

use super::ConfigFaults;
use super::setting::{Parser, Setting, number, optional};

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
}

#[derive(Clone, Debug)]
pub(crate) struct RequestLimits {
    pub(crate) reads: Option<Quota>,
    pub(crate) writes: Option<Quota>,
    pub(crate) proxies: TrustedProxies,
}

impl LimitSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<RequestLimits> {
        let reads = faults.take(&self.rate_limit_reads);
        let writes = faults.take(&self.rate_limit_writes);
        let proxies = faults.take(&self.trusted_proxies);
        Some(RequestLimits {
            reads: Quota::per_minute(reads?),
            writes: Quota::per_minute(writes?),
            proxies: proxies?.unwrap_or_default(),
        })
    }
}

fn proxies() -> Parser<TrustedProxies> {
    Parser::new("IP addresses or CIDR blocks, separated by commas", |text| text.parse().ok())
}
