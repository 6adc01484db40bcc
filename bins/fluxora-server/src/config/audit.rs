use std::time::Duration;

use clap::Args;

use super::ConfigFaults;
use super::setting::{Setting, boolean, number};

/// The audit log.
#[derive(Args)]
#[command(next_help_heading = "Audit log")]
pub(crate) struct AuditSettings {
    /// How long rows of the audit log are kept, in days: 0 to 36500. 0 keeps them for ever.
    #[arg(long, env = "AUDIT_RETENTION_DAYS", default_value = "400", value_parser = number::<u32>(0..=36_500))]
    audit_retention_days: Setting<u32>,

    /// Whether rows of the audit log have the addresses of clients.
    #[arg(
        long,
        env = "AUDIT_CLIENT_ADDRESSES",
        value_name = "BOOL",
        default_value = "false",
        value_parser = boolean()
    )]
    audit_client_addresses: Setting<bool>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AuditConfig {
    /// `None` keeps rows for ever.
    pub(crate) retention: Option<Duration>,
    pub(crate) client_addresses: bool,
}

impl AuditSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<AuditConfig> {
        let days = faults.take(&self.audit_retention_days);
        let client_addresses = faults.take(&self.audit_client_addresses);
        let days = days.map(u64::from)?;
        let retention = (days > 0).then(|| Duration::from_hours(days.saturating_mul(24)));
        Some(AuditConfig { retention, client_addresses: client_addresses? })
    }
}
