use std::time::Duration;

use clap::Args;
use fluxora_supervise::MAX_RESTARTS;
use fluxora_treasury::Thresholds;

use super::ConfigFaults;
use super::setting::{Parser, Setting, milliseconds, number};

/// The background workers.
#[derive(Args)]
#[command(next_help_heading = "Background workers")]
pub(crate) struct WorkerSettings {
    /// How often what has fallen due in the schedules of streams is recorded, in milliseconds: 10 to 3600000.
    #[arg(long, env = "STREAM_CLOCK_INTERVAL_MS", default_value = "5000", value_parser = milliseconds(10..=3_600_000))]
    stream_clock_interval_ms: Setting<Duration>,

    /// Whether time events of streams are emitted: true, false, or auto: on a database whose event log was empty when a server with
    /// them first started, and after that for good. Servers of an earlier version cannot read the event log with them: on an older
    /// database set true once none of those runs.
    #[arg(long, env = "TIME_EVENTS", default_value = "auto", value_parser = time_events())]
    time_events: Setting<TimeEvents>,

    /// The runways, in hours, at which `treasury.runway_low` is emitted for a treasury and asset: 1 to 10 numbers from 1 to 8760,
    /// separated by commas, or `off`. Needs TIME_EVENTS.
    #[arg(long, env = "RUNWAY_LOW_HOURS", default_value = "168,48,24", value_parser = thresholds())]
    runway_low_hours: Setting<Thresholds>,

    /// How often a failed worker is restarted within ten minutes before the server stops: 0 to 20.
    #[arg(
        long,
        env = "WORKER_MAX_RESTARTS",
        default_value = "8",
        value_parser = number::<u32>(0..=MAX_RESTARTS.into())
    )]
    worker_max_restarts: Setting<u32>,

    /// How long settled webhook deliveries and their attempts are kept, in days: 5 to 3650.
    #[arg(long, env = "WEBHOOK_RETENTION_DAYS", default_value = "30", value_parser = number::<u32>(5..=3_650))]
    webhook_retention_days: Setting<u32>,
}

/// Whether time events are emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeEvents {
    On,
    Off,
    /// Where they are begun, and on a database whose event log is empty.
    Auto,
}

#[derive(Clone, Debug)]
pub(crate) struct WorkerConfig {
    pub(crate) stream_clock_interval: Duration,
    pub(crate) time_events: TimeEvents,
    /// The runways at which an event is emitted, where time events are.
    pub(crate) runway_thresholds: Thresholds,
    pub(crate) max_restarts: u32,
    pub(crate) delivery_retention: Duration,
}

impl WorkerSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<WorkerConfig> {
        let interval = faults.take(&self.stream_clock_interval_ms);
        let time_events = faults.take(&self.time_events);
        let thresholds = faults.take(&self.runway_low_hours);
        let max_restarts = faults.take(&self.worker_max_restarts);
        let retention = faults.take(&self.webhook_retention_days);
        Some(WorkerConfig {
            stream_clock_interval: interval?,
            time_events: time_events?,
            runway_thresholds: thresholds?,
            max_restarts: max_restarts?,
            delivery_retention: Duration::from_hours(u64::from(retention?).saturating_mul(24)),
        })
    }
}

fn time_events() -> Parser<TimeEvents> {
    Parser::new("true, false or auto", |text| match text {
        "true" => Some(TimeEvents::On),
        "false" => Some(TimeEvents::Off),
        "auto" => Some(TimeEvents::Auto),
        _ => None,
    })
}

fn thresholds() -> Parser<Thresholds> {
    Parser::new("1 to 10 numbers from 1 to 8760, separated by commas, or off", |text| {
        if text == "off" {
            return Some(Thresholds::default());
        }
        let hours = |text: &str| text.trim().parse().ok().filter(|hours: &u64| (1..=8_760).contains(hours));
        let hours: Vec<_> = text.split(',').map(hours).collect::<Option<_>>()?;
        let seconds = hours.iter().map(|hours| hours.saturating_mul(3_600));
        (hours.len() <= 10).then(|| Thresholds::new(seconds))
    })
}
