//! `demo`: a server on a database in memory, fed by a simulated chain.

mod closer;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use fluxora_api::Tokens;
use fluxora_simulation::{Chain, ROUND};
use fluxora_store::Clock as _;
use fluxora_stream::{StreamId, UnixTime};
use fluxora_supervise::{Periodic, TickError};

use super::{complain, print, serve};
use crate::config::{Config, ConfigFaults, Settings, UnknownName};
use crate::system::{self, SystemClock};
use crate::{exit, workers};
use closer::LedgerCloser;

#[derive(Args)]
pub(crate) struct Demo {
    /// Seed of the simulation. Equal seeds give the same contract, streams and amounts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Serves a simulated chain until a signal, and returns the exit code. The first round of ledgers has passed before the
/// first request is answered, so that there is something to see.
///
/// # Errors
/// The faults of the settings. A database that is set is one.
pub(crate) fn run(demo: &Demo, settings: &Settings, unknown: &[UnknownName<'_>]) -> Result<u8, ConfigFaults> {
    let (chain, tokens) = match simulation(demo.seed) {
        Ok(simulation) => simulation,
        Err(error) => {
            complain(format_args!("fluxora-server cannot start: {error:#}"));
            return Ok(exit::FAILURE);
        }
    };
    let config = Config::check_demo(settings, tokens, system::secret)?;
    let code = serve::run(&config, unknown, async |supervisor, deps| {
        workers::start(supervisor, deps);
        let ingest = deps.ingest.clone().context("the demo accepts contract events")?;
        let guide = guide(deps.address, &chain);
        let closer = LedgerCloser::new(ingest, Arc::clone(&deps.clock), chain);
        let passed = closer.close_due(|| false).await;
        passed.map_err(|(TickError::Defect(error) | TickError::Outage(error))| anyhow!(error))?;
        print(guide);
        supervisor.start(Periodic(closer));
        Ok(())
    });
    Ok(code)
}

/// The chain, and the code and decimals of its token. It began one round ago.
fn simulation(seed: u64) -> anyhow::Result<(Chain, Tokens)> {
    let now = UnixTime::of(SystemClock.now()).seconds();
    let chain = Chain::new(seed, UnixTime::from_seconds(now.saturating_sub(ROUND.into())))?;
    let tokens = Tokens::parse(&format!("{}=DEMO:7", chain.token()))?;
    Ok((chain, tokens))
}

/// What to look at.
fn guide(address: SocketAddr, chain: &Chain) -> String {
    let stream = StreamId::chain(chain.address(), 0);
    format!(
        "Fluxora demo: a simulated chain closes a ledger every second. Nothing is kept. Ctrl-C stops it.
  all streams   http://{address}/api/streams
  one stream    http://{address}/api/streams/{stream}
  its history   http://{address}/api/streams/{stream}/events
  the chain     http://{address}/health"
    )
}
