use std::sync::{Arc, Mutex};

use anyhow::{Context, bail};
use clap::Args;
use fluxora_follower::{Backfill, BackfillProgress, BackfillReport};
use fluxora_ingest::Ingest;
use fluxora_store::Clock;
use fluxora_supervise::ShutdownToken;

use super::{Throttle, block_on, complain, print};
use crate::config::{Config, LedgerSources};
use crate::system::SystemClock;
use crate::{exit, follower};

/// Reads a range of ledgers once. The settings name the contracts and the sources.
#[derive(Args)]
pub(crate) struct Range {
    /// First ledger.
    #[arg(long, value_name = "LEDGER", value_parser = clap::value_parser!(u32).range(1..))]
    from: u32,
    /// Last ledger.
    #[arg(long, value_name = "LEDGER", value_parser = clap::value_parser!(u32).range(1..))]
    to: u32,
    /// Source of the ledgers: the URL of a Stellar RPC server, or lake: and the URL or folder of a data lake. Without it: those of
    /// STELLAR_RPC_URL and FOLLOW_LAKE.
    #[arg(long)]
    source: Option<String>,
}

pub(crate) fn run(range: &Range, config: &Config) -> u8 {
    match block_on(work(range, config)) {
        Ok(()) => exit::OK,
        Err(error) => {
            complain(format_args!("fluxora-server backfill: {error:#}"));
            exit::FAILURE
        }
    }
}

async fn work(range: &Range, config: &Config) -> anyhow::Result<()> {
    let Range { from, to, ref source } = *range;
    let Some(follow) = &config.follow else { bail!("FOLLOW_CONTRACTS must name the contracts") };
    if from > to {
        bail!("--from must not be above --to");
    }
    let given = source.as_deref().map(one_source);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = config.database.open().await?;
    let passphrase = &config.chain.network_passphrase;
    let sources = given.as_ref().unwrap_or(&follow.sources);
    let sources = follower::sources(sources, passphrase, &follow.watched, &store, &clock)?;
    let ingest = Ingest::new(store.clone(), clock, config.chain.indexer.rules);
    let backfill = Backfill::new(sources, store.clone(), store.clone(), ingest);
    let (stop, mut shutdown) = ShutdownToken::pair();
    let throttle = Mutex::new(Throttle::default());
    let progress = |progress: BackfillProgress| {
        if throttle.lock().is_ok_and(|mut throttle| throttle.is_due()) {
            show(&progress);
        }
    };
    let running = backfill.run(from, to, &mut shutdown, progress);
    let mut running = std::pin::pin!(running);
    let ended = tokio::select! {
        ended = &mut running => ended,
        _ = tokio::signal::ctrl_c() => {
            stop.request();
            running.await
        }
    };
    store.close().await;
    match ended.context("what was stored before stays: the same command continues")? {
        BackfillReport::Complete(BackfillProgress { ledgers, events, .. }) => {
            print(format_args!("{ledgers} ledgers verified and stored, {events} contract events were new"));
            Ok(())
        }
        BackfillReport::Stopped { next } => bail!("stopped: continue with --from {next}"),
    }
}

fn one_source(text: &str) -> LedgerSources {
    text.strip_prefix("lake:").map_or_else(
        || LedgerSources { rpc: vec![text.to_owned()], lakes: Vec::new() },
        |lake| LedgerSources { rpc: Vec::new(), lakes: vec![lake.to_owned()] },
    )
}

fn show(progress: &BackfillProgress) {
    let BackfillProgress { ledger, to, events, .. } = progress;
    let rate = progress.rate();
    let left = progress.remaining().map_or_else(String::new, |left| format!(", {} s left", left.as_secs()));
    complain(format_args!("ledger {ledger} of {to}: {rate} ledgers/s, {events} new events{left}"));
}
