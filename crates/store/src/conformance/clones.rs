//! Chains for benches: many clones of few streams, and few streams with long histories. What a fork at the tip and an event
//! that comes late cost, and how long other requests take meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fluxora_indexer::{Batch, ChainPosition, ContractEvent, Ledger, Opaque, Pushed, Rules};
use fluxora_stream::{AccountId, ContractId, StreamId};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::{ChainStore, StreamStore};

/// Streams that others are cloned from.
const TEMPLATES: u64 = 3;
/// Clones per ledger.
const CLONES: u64 = 20;
/// Withdrawals from each clone, one per ledger after its own.
const WITHDRAWALS: u64 = 8;

/// The times of one run.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Contract events stored.
    pub events: u64,
    /// A fork of depth 2.
    pub fork: Duration,
    /// An event of a template, ten ledgers late.
    pub late: Duration,
    /// Reads of one stream, one after the other, before the fork.
    pub quiet: Reads,
    /// The same during the fork.
    pub during: Reads,
}

/// How long reads took.
#[derive(Clone, Copy, Debug)]
pub struct Reads {
    /// How many there were.
    pub count: usize,
    /// Half of them took less.
    pub median: Duration,
    /// 1 of 100 took longer.
    pub slow: Duration,
    /// The longest.
    pub longest: Duration,
}

/// Runs work on another task.
pub type Spawn = fn(BoxFuture<'static, Duration>) -> BoxFuture<'static, Duration>;

/// Fills a store with `streams` streams of `events` events each, all of which have events above the fork, and measures. No event
/// comes late.
pub async fn measure_histories<S: ChainStore + StreamStore + 'static>(
    store: Arc<S>,
    streams: u64,
    events: u64,
    analyze: impl AsyncFnOnce(),
    spawn: Spawn,
) -> Costs {
    let most = 900_u64.checked_div(streams).unwrap_or(1).max(1);
    let withdrawals = events.saturating_sub(1);
    let created = (0..streams).map(|number| created(1, number, number)).collect();
    ingest(store.as_ref(), batch("a", 1, created, 1)).await;
    let ledgers = withdrawals.div_ceil(most);
    for n in 0..ledgers {
        let of_each = most.min(withdrawals - n * most);
        let events = (0..of_each * streams).map(|place| withdrew(ledger(n), place, place % streams));
        ingest(store.as_ref(), batch("a", ledger(n), events.collect(), ledger(n))).await;
    }
    analyze().await;
    let events = store.chain_state().await.unwrap().events;
    let fork = ledger(ledgers) - 3;
    let other = batch("b", fork, [rate_updated(fork, 901)].into(), fork + 3);
    let (fork, quiet, during) = beside(&store, other, spawn).await;
    Costs { events, fork, late: Duration::ZERO, quiet, during }
}

/// The time of a batch, and of reads before it and during it.
async fn beside<S: ChainStore + StreamStore + 'static>(
    store: &Arc<S>,
    batch: Arc<Batch>,
    spawn: Spawn,
) -> (Duration, Reads, Reads) {
    let id = StreamId::chain(contract(), 0);
    let read = async || time(async { assert!(store.stream(&id).await.unwrap().is_some()) }).await;
    let mut quiet = Vec::new();
    while quiet.iter().sum::<Duration>() < Duration::from_secs(1) {
        quiet.push(read().await);
    }
    let store = Arc::clone(store);
    let mut work = spawn(async move { time(ingest(store.as_ref(), batch)).await }.boxed());
    let mut during = Vec::new();
    loop {
        during.push(read().await);
        if let Some(took) = (&mut work).now_or_never() {
            return (took, reads(quiet), reads(during));
        }
    }
}

fn reads(mut took: Vec<Duration>) -> Reads {
    took.sort_unstable();
    let at = |part: usize| took[(took.len() - 1) * part / 100];
    Reads { count: took.len(), median: at(50), slow: at(99), longest: at(100) }
}

/// Fills a store with `clones` clones, calls `analyze`, and measures.
pub async fn measure<S: ChainStore + StreamStore + 'static>(
    shared: Arc<S>,
    clones: u64,
    analyze: impl AsyncFnOnce(),
    spawn: Spawn,
) -> Costs {
    let store = shared.as_ref();
    let ledgers = clones.div_ceil(CLONES) + WITHDRAWALS;
    ingest(store, batch("a", 1, templates(), 1)).await;
    for n in 0..ledgers {
        ingest(store, batch("a", ledger(n), events(n, clones), ledger(n))).await;
    }
    analyze().await;
    let events = store.chain_state().await.unwrap().events;
    let tip = ledger(ledgers) - 1;
    let late = [rate_updated(tip - 10, 900)].into();
    let late = time(ingest(store, batch("a", tip - 10, late, tip))).await;
    let fork = tip - 2;
    let other = batch("b", fork, [rate_updated(fork, 901)].into(), tip + 1);
    let (fork, quiet, during) = beside(&shared, other, spawn).await;
    Costs { events, fork, late, quiet, during }
}

#[expect(clippy::disallowed_methods, reason = "measures time")]
async fn time(work: impl Future) -> Duration {
    let begun = Instant::now();
    work.await;
    begun.elapsed()
}

async fn ingest(store: &impl ChainStore, batch: Arc<Batch>) {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    store.ingest(batch, Rules::default(), now).await.unwrap().unwrap();
}

fn ledger(n: u64) -> u32 {
    u32::try_from(n + 2).unwrap()
}

fn batch(branch: &str, at: u32, events: Vec<ContractEvent>, tip: u32) -> Arc<Batch> {
    let hash = |ledger: u32| opaque(&format!("{branch}{ledger}"));
    let pushed = |event: ContractEvent| Pushed { event, ledger_hash: hash(at), previous_hash: None };
    let tip = Ledger { sequence: tip, hash: hash(tip), previous_hash: None, closed_at: None };
    Arc::new(Batch::new(events.into_iter().map(pushed).collect(), Some(tip), 1_000).unwrap())
}

fn templates() -> Vec<ContractEvent> {
    (0..TEMPLATES).map(|number| created(1, number, number)).collect()
}

/// What happens in the ledger at this place: clones begin, and those of earlier ledgers are withdrawn from.
fn events(n: u64, clones: u64) -> Vec<ContractEvent> {
    let made = |n: u64| (n * CLONES..(n + 1) * CLONES).filter(move |clone| *clone < clones);
    let mut events = Vec::new();
    let mut transaction = 0;
    for clone in made(n) {
        let (number, source) = (TEMPLATES + clone, clone % TEMPLATES);
        events.push(created(ledger(n), transaction, number));
        let value = format!(r#"{{"new_stream_id":"{number}","source_stream_id":"{source}"}}"#);
        let mut cloned = event(ledger(n), transaction, "cloned", number, &value);
        cloned.position.event = 1;
        cloned.id = opaque(&format!("{}-1", cloned.id));
        events.push(cloned);
        transaction += 1;
    }
    for clone in (1..=WITHDRAWALS).filter_map(|back| n.checked_sub(back)).flat_map(made) {
        events.push(withdrew(ledger(n), transaction, TEMPLATES + clone));
        transaction += 1;
    }
    events
}

fn withdrew(ledger: u32, transaction: u64, number: u64) -> ContractEvent {
    let recipient = AccountId::from_public_key([2; 32]);
    let value = format!(r#"{{"amount":"1","recipient":"{recipient}","stream_id":"{number}"}}"#);
    event(ledger, transaction, "withdrew", number, &value)
}

fn contract() -> ContractId {
    ContractId::from_hash([9; 32])
}

fn created(ledger: u32, transaction: u64, number: u64) -> ContractEvent {
    let [sender, recipient] = [1, 2].map(|key| AccountId::from_public_key([key; 32]));
    let start = closed_at(ledger);
    let value = format!(
        r#"{{"cliff_time":"{start}","deposit_amount":"1000000","end_time":"{}","memo":null,"metadata":null,"rate_per_second":"1","recipient":"{recipient}","sender":"{sender}","start_time":"{start}","stream_id":"{number}","withdraw_dust_threshold":"0"}}"#,
        start + 1_000_000
    );
    event(ledger, transaction, "created", number, &value)
}

fn rate_updated(ledger: u32, transaction: u64) -> ContractEvent {
    let time = closed_at(ledger);
    let value = format!(
        r#"{{"effective_time":"{time}","new_rate_per_second":"2","old_rate_per_second":"1","stream_id":"0"}}"#
    );
    event(ledger, transaction, "rate_upd", 0, &value)
}

fn closed_at(ledger: u32) -> i64 {
    1_767_225_600 + i64::from(ledger) * 5
}

fn event(ledger: u32, transaction: u64, topic: &str, number: u64, value: &str) -> ContractEvent {
    let transaction = u32::try_from(transaction).unwrap();
    ContractEvent {
        id: opaque(&format!("{ledger:010}-{transaction:05}")),
        position: ChainPosition { ledger, transaction, operation: 0, event: 0 },
        contract: opaque(&contract().to_string()),
        topic: opaque(topic),
        tx_hash: opaque(&format!("tx-{ledger}-{transaction}")),
        happened_at: Timestamp::from_second(closed_at(ledger)).unwrap(),
        payload: format!(r#"{{"topic":["{topic}","{number}"],"value":{value}}}"#).into(),
        invocation: None,
    }
}

fn opaque(text: &str) -> Opaque {
    Opaque::new(text).unwrap()
}
