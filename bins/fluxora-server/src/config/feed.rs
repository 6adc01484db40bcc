use std::time::Duration;

use clap::Args;

use super::ConfigFaults;
use super::setting::{Setting, number, seconds};

/// The event feed.
#[derive(Args)]
#[command(next_help_heading = "Event feed")]
pub(crate) struct FeedSettings {
    /// How many clients may follow the event feed of this process, streams and waiting long polls together: 0 to 100000.
    #[arg(long, env = "FEED_MAX_CLIENTS", default_value = "10000", value_parser = number::<u32>(0..=100_000))]
    feed_max_clients: Setting<u32>,

    /// The longest silence of a stream before a heartbeat, in seconds: 1 to 55.
    #[arg(long, env = "FEED_HEARTBEAT_SECONDS", default_value = "15", value_parser = seconds(1..=55))]
    feed_heartbeat_seconds: Setting<Duration>,

    /// How long a stream lasts before its client has to connect again, within 10 percent, in seconds: 1 to 86400.
    #[arg(long, env = "FEED_LIFETIME_SECONDS", default_value = "1800", value_parser = seconds(1..=86_400))]
    feed_lifetime_seconds: Setting<Duration>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct FeedConfig {
    pub(crate) max_clients: usize,
    pub(crate) heartbeat: Duration,
    pub(crate) lifetime: Duration,
}

impl FeedSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<FeedConfig> {
        let max_clients = faults.take(&self.feed_max_clients);
        let heartbeat = faults.take(&self.feed_heartbeat_seconds);
        let lifetime = faults.take(&self.feed_lifetime_seconds);
        let max_clients = usize::try_from(max_clients?).unwrap_or(usize::MAX);
        Some(FeedConfig { max_clients, heartbeat: heartbeat?, lifetime: lifetime? })
    }
}
