use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use fluxora_delivery::{Policy as Retries, SCHEDULE};
use fluxora_egress::{AllowList, Limits, Policy};
use fluxora_seal::Keyring;
use fluxora_webhook::Secret;
use jiff::SignedDuration;

use super::ConfigFaults;
use super::setting::{Parser, Setting, any, boolean, number, optional, seconds};

/// Longest time between two attempts, in seconds.
const MAX_DELAY: i64 = 86_400;
/// Most attempts of a delivery but the first.
const MAX_DELAYS: usize = 20;

/// Webhooks: what is sent, where to, and how secrets are stored.
#[derive(Args)]
#[command(next_help_heading = "Webhooks")]
pub(crate) struct WebhookSettings {
    /// Key that secrets of endpoints are sealed under in the database: 32 random bytes in hexadecimal or base64, for example
    /// from `openssl rand -hex 32`; or several keys separated by commas, of which the first seals and each opens. Without it
    /// secrets are stored unsealed, and webhooks are off unless the server listens on a loopback address.
    #[arg(
        long,
        env = "FLUXORA_MASTER_KEY",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    fluxora_master_key: Setting<Option<String>>,

    /// File that holds the FLUXORA_MASTER_KEY.
    #[arg(
        long,
        env = "FLUXORA_MASTER_KEY_FILE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    fluxora_master_key_file: Setting<Option<String>>,

    /// URL of one endpoint that every event is sent to, registered at the start. Needs FLUXORA_WEBHOOK_SECRET.
    #[arg(
        long,
        env = "FLUXORA_WEBHOOK_URL",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    fluxora_webhook_url: Setting<Option<String>>,

    /// Secret that deliveries to FLUXORA_WEBHOOK_URL are signed with; the commands `webhook sign`, `verify` and `listen` use it
    /// too.
    #[arg(
        long,
        env = "FLUXORA_WEBHOOK_SECRET",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    fluxora_webhook_secret: Setting<Option<String>>,

    /// File that holds the FLUXORA_WEBHOOK_SECRET.
    #[arg(
        long,
        env = "FLUXORA_WEBHOOK_SECRET_FILE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    fluxora_webhook_secret_file: Setting<Option<String>>,

    /// Whether this server sends deliveries: true or false. Without it others can send what this one records.
    #[arg(long, env = "WEBHOOK_SENDING", default_value = "true", value_parser = boolean())]
    webhook_sending: Setting<bool>,

    /// Networks that deliveries may be sent to although they are not public: CIDR blocks with a port, such as
    /// 10.1.0.0/16:443 or [fd00::/8]:*, separated by commas.
    #[arg(
        long,
        env = "WEBHOOK_ALLOWED_NETWORKS",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(networks())
    )]
    webhook_allowed_networks: Setting<Option<AllowList>>,

    /// Whether endpoints may have http:// URLs, without TLS: true or false.
    #[arg(long, env = "WEBHOOK_ALLOW_HTTP", default_value = "false", value_parser = boolean())]
    webhook_allow_http: Setting<bool>,

    /// File of certificates in PEM: authorities that are trusted beside those of the system.
    #[arg(
        long,
        env = "WEBHOOK_CA_FILE",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    webhook_ca_file: Setting<Option<String>>,

    /// How long one attempt may take, in seconds: 1 to 30.
    #[arg(long, env = "WEBHOOK_TIMEOUT_SECONDS", default_value = "10", value_parser = seconds(1..=30))]
    webhook_timeout_seconds: Setting<Duration>,

    /// Attempts of this server at the same time: 1 to 4096.
    #[arg(long, env = "WEBHOOK_MAX_IN_FLIGHT", default_value = "512", value_parser = number::<usize>(1..=4_096))]
    webhook_max_in_flight: Setting<usize>,

    /// Attempts to one endpoint at the same time, over all servers: 1 to 512.
    #[arg(
        long,
        env = "WEBHOOK_MAX_IN_FLIGHT_PER_ENDPOINT",
        default_value = "16",
        value_parser = number::<u16>(1..=512)
    )]
    webhook_max_in_flight_per_endpoint: Setting<u16>,

    /// Attempts to all endpoints of one partner at the same time, over all servers: 1 to 4096. The endpoints of the operator have no such
    /// limit.
    #[arg(
        long,
        env = "WEBHOOK_MAX_IN_FLIGHT_PER_OWNER",
        default_value = "128",
        value_parser = number::<u16>(1..=4_096)
    )]
    webhook_max_in_flight_per_owner: Setting<u16>,

    /// Seconds from a failed attempt to the next one, separated by commas: 1 to 20 numbers from 1 to 86400. One attempt more
    /// than numbers is made. Without it: 12 attempts in about three days.
    #[arg(
        long,
        env = "WEBHOOK_RETRY_SECONDS",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(schedule())
    )]
    webhook_retry_seconds: Setting<Option<Vec<SignedDuration>>>,

    /// After how many days of failures without a success an endpoint is held: 0 to 30. With 0 it is never held for that.
    #[arg(long, env = "WEBHOOK_HOLD_AFTER_DAYS", default_value = "5", value_parser = number::<u32>(0..=30))]
    webhook_hold_after_days: Setting<u32>,
}

/// The settings of webhooks, checked.
#[derive(Debug)]
pub(crate) struct Webhooks {
    pub(crate) keyring: Keyring,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) max_in_flight: usize,
    pub(crate) retries: Retries,
    pub(crate) state: WebhookState,
    /// The endpoint of the environment.
    pub(crate) endpoint: Option<OwnEndpoint>,
}

/// Whether webhooks are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebhookState {
    /// Endpoints can be registered and deliveries are sent.
    On,
    /// Endpoints can be registered; other servers send.
    NotSending,
    /// Secrets would be stored unsealed on a server that other machines reach.
    WithoutKey,
}

/// The endpoint that the environment names.
#[derive(Clone)]
pub(crate) struct OwnEndpoint {
    pub(crate) url: String,
    pub(crate) secret: Secret,
}

impl WebhookSettings {
    /// Checks the settings for a server that listens on this address.
    pub(super) fn check(&self, address: Option<SocketAddr>, faults: &mut ConfigFaults) -> Option<Webhooks> {
        let keyring = self.keyring(faults);
        let policy = self.policy(faults);
        let endpoint = self.endpoint(policy.as_ref(), faults);
        let sending = faults.take(&self.webhook_sending);
        let authorities = self.authorities(faults);
        let total = faults.take(&self.webhook_timeout_seconds);
        let max_in_flight = faults.take(&self.webhook_max_in_flight);
        let retries = self.retries(total, faults);
        let (keyring, endpoint) = (keyring?, endpoint?);
        let state = match (keyring.seals() || address?.ip().is_loopback(), sending?) {
            (false, _) => WebhookState::WithoutKey,
            (true, false) => WebhookState::NotSending,
            (true, true) => WebhookState::On,
        };
        if state == WebhookState::WithoutKey && endpoint.is_some() {
            faults.add(
                "FLUXORA_MASTER_KEY must be given because FLUXORA_WEBHOOK_URL is and HOST is not a loopback address",
            );
        }
        Some(Webhooks {
            keyring,
            policy: policy?,
            limits: Limits { total: total?, ..Limits::default() },
            authorities: authorities?,
            max_in_flight: max_in_flight?,
            retries: retries?,
            state,
            endpoint,
        })
    }

    /// The master keys, without the other settings.
    pub(super) fn keyring(&self, faults: &mut ConfigFaults) -> Option<Keyring> {
        let (key, file) = (&self.fluxora_master_key, &self.fluxora_master_key_file);
        let Some(text) = faults.secret("FLUXORA_MASTER_KEY", key, file)? else {
            return Some(Keyring::default());
        };
        text.parse().map_err(|fault| faults.add(format!("FLUXORA_MASTER_KEY must be {fault}"))).ok()
    }

    fn policy(&self, faults: &mut ConfigFaults) -> Option<Policy> {
        let allowed = faults.take(&self.webhook_allowed_networks);
        let plain_http = faults.take(&self.webhook_allow_http);
        Some(Policy { allowed: allowed?.unwrap_or_default(), plain_http: plain_http? })
    }

    fn authorities(&self, faults: &mut ConfigFaults) -> Option<Option<PathBuf>> {
        let file = faults.take(&self.webhook_ca_file)?.map(PathBuf::from);
        if file.as_ref().is_some_and(|file| !file.is_file()) {
            faults.add("WEBHOOK_CA_FILE must be the path of a file");
            return None;
        }
        Some(file)
    }

    fn endpoint(&self, policy: Option<&Policy>, faults: &mut ConfigFaults) -> Option<Option<OwnEndpoint>> {
        let url = faults.take(&self.fluxora_webhook_url).map(|url| checked_url(url, policy, faults));
        let secret = self.secret(faults);
        match (url??, secret?) {
            (Some(url), Some(secret)) => Some(Some(OwnEndpoint { url, secret })),
            // Without a URL the secret is for the commands.
            (None, _) => Some(None),
            (Some(_), None) => {
                faults.add("FLUXORA_WEBHOOK_SECRET must be given because FLUXORA_WEBHOOK_URL is");
                None
            }
        }
    }

    fn secret(&self, faults: &mut ConfigFaults) -> Option<Option<Secret>> {
        let (value, file) = (&self.fluxora_webhook_secret, &self.fluxora_webhook_secret_file);
        let secret = faults.secret("FLUXORA_WEBHOOK_SECRET", value, file)?.map(Secret::new).transpose();
        secret.map_err(|fault| faults.add(format!("FLUXORA_WEBHOOK_SECRET cannot be used: {fault}"))).ok()
    }

    fn retries(&self, attempt_timeout: Option<Duration>, faults: &mut ConfigFaults) -> Option<Retries> {
        let schedule = faults.take(&self.webhook_retry_seconds);
        let max_in_flight = faults.take(&self.webhook_max_in_flight_per_endpoint);
        let per_owner = faults.take(&self.webhook_max_in_flight_per_owner);
        let days = faults.take(&self.webhook_hold_after_days);
        Some(Retries {
            attempt_timeout: SignedDuration::try_from(attempt_timeout?).unwrap_or(SignedDuration::MAX),
            schedule: schedule?.unwrap_or_else(|| SCHEDULE.map(SignedDuration::from_secs).to_vec()),
            max_in_flight: max_in_flight?,
            max_in_flight_per_owner: per_owner?,
            hold_after: Some(days?)
                .filter(|days| *days > 0)
                .map(|days| SignedDuration::from_hours(i64::from(days).saturating_mul(24))),
            ..Retries::default()
        })
    }
}

impl WebhookState {
    /// What is off, by the setting that switches it on.
    pub(super) const fn switched_off(self) -> Option<&'static str> {
        match self {
            Self::On => None,
            Self::NotSending => Some("sending webhooks (WEBHOOK_SENDING)"),
            Self::WithoutKey => Some("webhooks (FLUXORA_MASTER_KEY)"),
        }
    }
}

/// The URL of the endpoint, if it may be sent to. Without a valid policy its form alone is checked.
fn checked_url(
    url: Option<String>,
    policy: Option<&Policy>,
    faults: &mut ConfigFaults,
) -> Option<Option<String>> {
    let Some(url) = url else { return Some(None) };
    let checked = match policy {
        Some(policy) => policy.target(&url),
        None => Policy { plain_http: true, allowed: AllowList::default() }.target(&url),
    };
    let used = checked.map(|_| Some(url));
    used.map_err(|fault| faults.add(format!("FLUXORA_WEBHOOK_URL cannot be used: {fault}"))).ok()
}

impl fmt::Debug for OwnEndpoint {
    /// Without the URL, which may hold a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnEndpoint").finish_non_exhaustive()
    }
}

fn networks() -> Parser<AllowList> {
    Parser::new(
        "CIDR blocks with a port, such as 10.1.0.0/16:443 or [fd00::/8]:*, separated by commas",
        |text| text.parse().ok(),
    )
}

fn schedule() -> Parser<Vec<SignedDuration>> {
    Parser::new("1 to 20 numbers from 1 to 86400, separated by commas", |text| {
        let delay = |text: &str| text.trim().parse().ok().filter(|seconds| (1..=MAX_DELAY).contains(seconds));
        let delays: Vec<_> =
            text.split(',').map(|text| delay(text).map(SignedDuration::from_secs)).collect::<Option<_>>()?;
        (1..=MAX_DELAYS).contains(&delays.len()).then_some(delays)
    })
}
