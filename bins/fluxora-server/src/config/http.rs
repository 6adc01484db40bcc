use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use fluxora_api::{AllowedHosts, HealthDetails, Token, Writes};

use super::ConfigFaults;
use super::setting::{Parser, Setting, any, boolean, number, optional, seconds};

/// How the HTTP server listens and whom it lets write.
#[derive(Args)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct HttpSettings {
    /// IP address to listen on. Beyond loopback, writes need a credential unless OPEN_WRITES is true.
    #[arg(long, env = "HOST", default_value = "127.0.0.1", value_parser = host())]
    host: Setting<IpAddr>,

    /// Port to listen on: 0 to 65535. With 0 the system picks a free port, which the log names.
    #[arg(long, env = "PORT", default_value = "3000", value_parser = number::<u16>(0..=65_535))]
    port: Setting<u16>,

    /// Whether anyone who reaches the port may create and cancel streams and use webhooks: true or false. Not set: only where
    /// HOST is a loopback address, no JWT setting is given and no API key was ever created.
    #[arg(
        long,
        env = "OPEN_WRITES",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(boolean())
    )]
    open_writes: Setting<Option<bool>>,

    /// Names by which clients may address the server in the header Host, separated by commas, without ports; * allows
    /// every name. IP addresses and localhost are always allowed.
    #[arg(long, env = "ALLOWED_HOSTS", default_value = "", hide_default_value = true, value_parser = hosts())]
    allowed_hosts: Setting<AllowedHosts>,

    /// Who sees the place of the database, errors and reasons in /health: operator (with the OPERATOR_TOKEN) or public.
    #[arg(long, env = "HEALTH_DETAILS", default_value = "operator", value_parser = health_details())]
    health_details: Setting<HealthDetails>,

    /// The most connections at a time, without those that follow the event feed: 16 to 100000. Fewer if the limit of open
    /// files is lower.
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "1024", value_parser = number::<usize>(16..=100_000))]
    max_connections: Setting<usize>,

    /// Secret that an operator sends in the header x-operator-token: 32 to 256 visible ASCII characters. Without it,
    /// operator actions are off.
    #[arg(
        long,
        env = "OPERATOR_TOKEN",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    operator_token: Setting<Option<String>>,

    /// File that holds the OPERATOR_TOKEN.
    #[arg(
        long,
        env = "OPERATOR_TOKEN_FILE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    operator_token_file: Setting<Option<String>>,

    /// How long a stop waits for requests in flight, in seconds: 1 to 600.
    #[arg(long, env = "SHUTDOWN_TIMEOUT_SECONDS", default_value = "30", value_parser = seconds(1..=600))]
    shutdown_timeout_seconds: Setting<Duration>,
}

#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) address: SocketAddr,
    pub(crate) writes: Writes,
    pub(crate) allowed_hosts: AllowedHosts,
    pub(crate) health_details: HealthDetails,
    pub(crate) max_connections: usize,
    pub(crate) operator_token: Option<Token>,
    pub(crate) shutdown_timeout: Duration,
}

impl HttpSettings {
    /// Checks `HOST` and `PORT` alone: a health check needs no other setting.
    pub(super) fn address(&self, faults: &mut ConfigFaults) -> Option<SocketAddr> {
        let (host, port) = (faults.take(&self.host), faults.take(&self.port));
        host.zip(port).map(SocketAddr::from)
    }

    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<Http> {
        let address = self.address(faults);
        let open_writes = faults.take(&self.open_writes);
        let allowed_hosts = faults.take(&self.allowed_hosts);
        let health_details = faults.take(&self.health_details);
        let max_connections = faults.take(&self.max_connections);
        let operator_token = faults.token("OPERATOR_TOKEN", &self.operator_token, &self.operator_token_file);
        let shutdown_timeout = faults.take(&self.shutdown_timeout_seconds);
        let address = address?;
        let writes = match open_writes? {
            Some(true) => Writes::Open,
            None if address.ip().is_loopback() => Writes::OpenWithoutKeys,
            Some(false) | None => Writes::Refused,
        };
        Some(Http {
            address,
            writes,
            allowed_hosts: allowed_hosts?,
            health_details: health_details?,
            max_connections: max_connections?,
            operator_token: operator_token?,
            shutdown_timeout: shutdown_timeout?,
        })
    }
}

fn hosts() -> Parser<AllowedHosts> {
    Parser::new("host names separated by commas, without ports", AllowedHosts::parse)
}

fn health_details() -> Parser<HealthDetails> {
    Parser::new("operator or public", |text| match text {
        "operator" => Some(HealthDetails::Operator),
        "public" => Some(HealthDetails::Public),
        _ => None,
    })
}

fn host() -> Parser<IpAddr> {
    Parser::new("an IP address, or localhost", |text| match text {
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        address => address.parse().ok(),
    })
}
