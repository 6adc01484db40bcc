use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use fluxora_stellar::WatchList;

use super::ConfigFaults;
use super::setting::{Setting, any, milliseconds, number, optional};

/// The contracts that are followed, and where ledgers come from.
#[derive(Args)]
#[command(next_help_heading = "Chain follower")]
pub(crate) struct FollowSettings {
    /// Contracts whose events are read from the network: ids (C...), separated by commas.
    #[arg(
        long,
        visible_alias = "follow",
        env = "FOLLOW_CONTRACTS",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    follow_contracts: Setting<Option<String>>,

    /// Servers of Stellar RPC, separated by commas: the preferred one first.
    #[arg(
        long,
        env = "STELLAR_RPC_URL",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    stellar_rpc_url: Setting<Option<String>>,

    /// Data lakes (SEP-54), separated by commas: URLs or folders. They are asked for ledgers that no RPC server keeps.
    #[arg(
        long,
        env = "FOLLOW_LAKE",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    follow_lake: Setting<Option<String>>,

    /// First ledger that is read where the database has none: 1 to 4294967295. Without it: the newest one.
    #[arg(
        long,
        env = "FOLLOW_START_LEDGER",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(number::<u32>(1..=4_294_967_295))
    )]
    follow_start_ledger: Setting<Option<u32>>,

    /// Wait before the sources are asked again for the next ledger, in milliseconds: 10 to 60000.
    #[arg(long, env = "FOLLOW_POLL_INTERVAL_MS", default_value = "500", value_parser = milliseconds(10..=60_000))]
    follow_poll_interval_ms: Setting<Duration>,
}

/// The contracts that are followed.
#[derive(Clone, Debug)]
pub(crate) struct Follow {
    pub(crate) watched: Arc<WatchList>,
    pub(crate) sources: LedgerSources,
    pub(crate) start: Option<u32>,
    pub(crate) poll: Duration,
}

/// Where ledgers come from. The URLs can hold keys.
#[derive(Clone)]
pub(crate) struct LedgerSources {
    pub(crate) rpc: Vec<String>,
    pub(crate) lakes: Vec<String>,
}

impl std::fmt::Debug for LedgerSources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rpc, lakes } = self;
        f.debug_struct("LedgerSources").field("rpc", &rpc.len()).field("lakes", &lakes.len()).finish()
    }
}

impl FollowSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<Option<Follow>> {
        let [contracts, rpc, lakes] = [&self.follow_contracts, &self.stellar_rpc_url, &self.follow_lake]
            .map(|setting| faults.take(setting));
        let (start, poll) =
            (faults.take(&self.follow_start_ledger), faults.take(&self.follow_poll_interval_ms));
        let (contracts, rpc, lakes) = (list(contracts?), list(rpc?), list(lakes?));
        let is_url = |text: &String| text.starts_with("http://") || text.starts_with("https://");
        if !rpc.iter().all(is_url) {
            faults.add("STELLAR_RPC_URL must be URLs of http or https, separated by commas");
        }
        if !lakes.iter().all(|lake| lake.contains('/') && (is_url(lake) || !lake.contains("://"))) {
            faults.add("FOLLOW_LAKE must be URLs of http or https, or paths with a /, separated by commas");
        }
        let watched = WatchList::new(contracts.iter().map(String::as_str));
        let watched = watched
            .map_err(|_| faults.add("FOLLOW_CONTRACTS must be contract ids (C...), separated by commas"))
            .ok()?;
        if contracts.is_empty() {
            return Some(None);
        }
        if rpc.is_empty() && lakes.is_empty() {
            faults.add("STELLAR_RPC_URL or FOLLOW_LAKE must be given because FOLLOW_CONTRACTS is");
            return None;
        }
        let (start, poll) = (start?, poll?);
        let sources = LedgerSources { rpc, lakes };
        Some(Some(Follow { watched: Arc::new(watched), sources, start, poll }))
    }
}

fn list(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
