use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args;

use super::ConfigFaults;
use super::setting::{Parser, Setting, optional};

/// Where metrics are served.
#[derive(Args)]
#[command(next_help_heading = "Metrics")]
pub(crate) struct MetricsSettings {
    /// A second address that has GET /metrics alone and asks for no token: a port, or IP address and port. A port alone listens
    /// on the loopback address. Without it metrics are at HOST and PORT, for operators.
    #[arg(
        long,
        env = "METRICS_ADDR",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(address())
    )]
    metrics_addr: Setting<Option<SocketAddr>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct MetricsConfig {
    pub(crate) address: Option<SocketAddr>,
}

impl MetricsSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<MetricsConfig> {
        faults.take(&self.metrics_addr).map(|address| MetricsConfig { address })
    }
}

fn address() -> Parser<SocketAddr> {
    Parser::new("a port, or an IP address and a port such as 127.0.0.1:9464", |text| {
        let on_loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        text.parse().map(on_loopback).or_else(|_| text.parse()).ok()
    })
}
