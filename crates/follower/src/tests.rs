//! The worker with sources on real sockets and the model as its store.

use std::sync::Arc;
use std::time::Duration;

use fluxora_indexer::{Rules, Verification};
use fluxora_ingest::Ingest;
use fluxora_stellar::testing::{Chain, FakeRpc, NETWORK_PASSPHRASE, Scenario, Shape, header_of, scenarios};
use fluxora_stellar::{HttpClient, HttpLimits, LedgerCloseMeta, LedgerSource, RpcSource, WatchList};
use fluxora_store::chain::{ComparedEntry, ContractEventQuery, Drifts};
use fluxora_store::conformance::Model;
use fluxora_store::{ChainStore, Clock};
use fluxora_supervise::{ShutdownToken, Worker};
use jiff::Timestamp;

use super::*;

/// The clock of the machine, faster: what takes ten seconds takes half a second.
struct FastClock(std::time::Instant);

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.0.elapsed();
        Timestamp::from_second(1_700_000_000).unwrap() + elapsed * 20
    }
}

/// A contract without events.
const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";

struct Bench {
    store: Arc<Model>,
    sources: Arc<Sources>,
    ingest: Ingest,
    clock: Arc<dyn Clock>,
    status: Arc<FollowerStatus>,
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "the clock of a test")]
    fn new(servers: &[&FakeRpc]) -> Self {
        let clock = Arc::new(FastClock(std::time::Instant::now()));
        Self::of(servers, Arc::default(), clock, &[CONTRACT])
    }

    /// Another process on the same store, for these contracts.
    fn beside(&self, servers: &[&FakeRpc], contracts: &[&str]) -> Self {
        Self::of(servers, Arc::clone(&self.store), Arc::clone(&self.clock), contracts)
    }

    fn of(servers: &[&FakeRpc], store: Arc<Model>, clock: Arc<dyn Clock>, contracts: &[&str]) -> Self {
        let client = HttpClient::new(HttpLimits::default()).unwrap();
        let rpc = |server: &&FakeRpc| -> Arc<dyn LedgerSource> {
            Arc::new(RpcSource::new(&server.url(), client.clone()).unwrap())
        };
        let sources = Sources::new(
            servers.iter().map(rpc).collect(),
            NETWORK_PASSPHRASE.to_owned(),
            &WatchList::new(contracts.iter().copied()).unwrap(),
            store.clone(),
            Arc::clone(&clock),
        );
        let ingest =
            Ingest::new(store.clone(), Arc::clone(&clock), Rules { safety_margin: 0, ..Rules::default() });
        Self { store, sources: Arc::new(sources), ingest, clock, status: Arc::default() }
    }

    fn backfill(&self) -> Backfill {
        let (store, streams) = (self.store.clone(), self.store.clone());
        Backfill::new(Arc::clone(&self.sources), store, streams, self.ingest.clone())
    }

    fn leadership(&self, holder: &str) -> Leadership {
        Leadership::new(self.store.clone(), holder.to_owned(), Arc::clone(&self.clock))
    }

    fn follower(&self, start: u32) -> Follower {
        self.follower_of(start, "the only server")
    }

    fn follower_of(&self, start: u32, holder: &str) -> Follower {
        let settings = FollowSettings { start: Some(start), poll: Duration::from_secs(1) };
        Follower::new(
            settings,
            Arc::clone(&self.sources),
            self.store.clone(),
            self.ingest.clone(),
            Arc::clone(&self.status),
            self.leadership(holder),
            self.store.clone(),
        )
    }

    /// Follows until the condition holds, at most for 30 seconds.
    async fn follow_until(&self, start: u32, reached: impl AsyncFn(&Self) -> bool) {
        let (stop, shutdown) = ShutdownToken::pair();
        let running = tokio::spawn(self.follower(start).run(shutdown));
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            while !reached(self).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("not reached: {:?}", self.status.snapshot()));
        stop.request();
        running.await.unwrap().unwrap();
    }

    /// The ledgers that were read for a contract.
    async fn coverage(&self, contract: &str) -> String {
        let coverage = self.store.coverage().await.unwrap();
        let of = coverage.iter().find(|coverage| coverage.contract.as_str() == contract);
        of.map_or_else(String::new, |coverage| coverage.ledgers.to_string())
    }

    async fn tip(&self) -> Option<(u32, String)> {
        let tip = self.store.chain_state().await.unwrap().frontier.tip?;
        Some((tip.ledger, tip.hash.to_string()))
    }

    async fn hash(&self, ledger: u32) -> Option<String> {
        self.store.ledgers(ledger..=ledger).await.unwrap().pop().map(|ledger| ledger.hash.to_string())
    }
}

/// Ledgers from 100 on. Those from `fork` on are of the branch.
fn ledgers(count: u32, branch: Option<(u32, &str)>) -> Vec<LedgerCloseMeta> {
    let mut chain = Chain::new(Shape::V2, "network");
    let time = |sequence: u32| {
        1_600_000_000 + u64::from(sequence) * 5 + u64::from(branch.is_some_and(|(fork, _)| sequence >= fork))
    };
    (100..100 + count).map(|sequence| chain.close(sequence, time(sequence), &[])).collect()
}

fn hash_of(meta: &LedgerCloseMeta) -> String {
    fluxora_stellar::Hash::from_bytes(header_of(meta).hash.0).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ledger_is_stored_with_its_link_also_without_events() {
    let chain = ledgers(1500, None);
    let server = FakeRpc::start(chain.clone()).await;
    let bench = Bench::new(&[&server]);
    bench.follow_until(100, async |bench| bench.tip().await.is_some_and(|(tip, _)| tip == 1599)).await;
    let stored = bench.store.ledgers(0..=u32::MAX).await.unwrap();
    assert!(stored.iter().map(|ledger| ledger.hash.to_string()).eq(chain.iter().map(hash_of)));
    assert!(stored.iter().all(|ledger| ledger.previous_hash.is_some()));
    assert_eq!(bench.store.chain_state().await.unwrap().frontier.hole, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_is_started_again_continues_after_the_newest_ledger() {
    let chain = ledgers(60, None);
    let server = FakeRpc::start(chain[..30].to_vec()).await;
    let bench = Bench::new(&[&server]);
    bench.follow_until(100, async |bench| bench.status.snapshot().phase == FollowerPhase::AtTip).await;
    chain[30..].iter().for_each(|meta| server.put(meta.clone()));
    let asked = server.requests().len();
    bench.follow_until(100, async |bench| bench.tip().await.is_some_and(|(tip, _)| tip == 159)).await;
    let first = server.requests().into_iter().skip(asked).find(|(method, _)| method == "getLedgers");
    assert_eq!(first.unwrap().1["startLedger"], 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_followed_once_the_source_repeats_it() {
    let (one, other) = (ledgers(30, None), ledgers(31, Some((120, "b"))));
    let server = FakeRpc::start(one.clone()).await;
    let bench = Bench::new(&[&server]);
    bench.follow_until(100, async |bench| bench.tip().await.is_some_and(|(tip, _)| tip == 129)).await;
    other.iter().for_each(|meta| server.put(meta.clone()));
    bench.follow_until(100, async |bench| bench.tip().await.is_some_and(|(tip, _)| tip == 130)).await;
    assert_eq!(bench.hash(119).await.unwrap(), hash_of(&one[19]));
    for (sequence, meta) in (120..).zip(&other[20..]) {
        assert_eq!(bench.hash(sequence).await.unwrap(), hash_of(meta));
    }
    let reorgs = bench.store.reorgs(10).await.unwrap();
    assert_eq!(reorgs.iter().map(|reorg| reorg.fork_ledger).collect::<Vec<_>>(), [120]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_that_another_source_denies_is_a_conflict_and_replaces_nothing() {
    let (one, other) = (ledgers(30, None), ledgers(31, Some((120, "b"))));
    let (first, second) = (FakeRpc::start(one.clone()).await, FakeRpc::start(one.clone()).await);
    let bench = Bench::new(&[&first, &second]);
    bench.follow_until(100, async |bench| bench.tip().await.is_some_and(|(tip, _)| tip == 129)).await;
    other.iter().for_each(|meta| first.put(meta.clone()));
    bench.follow_until(100, async |bench| bench.status.snapshot().phase == FollowerPhase::Halted).await;
    assert_eq!(bench.tip().await.unwrap().1, hash_of(&one[29]));
    assert!(bench.store.reorgs(10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_behind_what_is_stored_is_waited_for_and_rolls_nothing_back() {
    let chain = ledgers(40, None);
    let server = FakeRpc::start(chain.clone()).await;
    let bench = Bench::new(&[&server]);
    bench.follow_until(100, async |bench| bench.tip().await.is_some_and(|(tip, _)| tip == 139)).await;
    server.lag_at(Some(110));
    let asked = server.requests().len();
    bench.follow_until(100, async |_| server.requests().len() > asked + 8).await;
    assert_eq!(bench.tip().await.unwrap(), (139, hash_of(&chain[39])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_another_network_is_demoted_and_another_one_is_asked() {
    let (wrong, right) =
        (FakeRpc::start(ledgers(30, Some((100, "w")))).await, FakeRpc::start(ledgers(30, None)).await);
    wrong.set_network("Another Network");
    let bench = Bench::new(&[&wrong, &right]);
    bench.follow_until(100, async |bench| bench.tip().await.is_some_and(|(tip, _)| tip == 129)).await;
    assert_eq!(bench.tip().await.unwrap().1, hash_of(&ledgers(30, None)[29]));
    let state = bench.status.snapshot().sources[0].state;
    assert_eq!(state, fluxora_stellar::EndpointState::Demoted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_stores_its_range_and_refuses_another_chain() {
    let chain = ledgers(60, None);
    let server = FakeRpc::start(chain).await;
    let bench = Bench::new(&[&server]);
    let backfill = bench.backfill();
    let (_stop, mut shutdown) = ShutdownToken::pair();
    let report = backfill.run(110, 150, &mut shutdown, |_| {}).await.unwrap();
    assert!(
        matches!(report, BackfillReport::Complete(progress) if progress.ledgers == 41 && progress.ledger == 150)
    );
    assert_eq!(bench.tip().await.unwrap().0, 150);
    let report = backfill.run(100, 120, &mut shutdown, |_| {}).await.unwrap();
    assert!(matches!(report, BackfillReport::Complete(_)));
    assert_eq!(bench.store.ledgers(0..=u32::MAX).await.unwrap().len(), 51);
    ledgers(60, Some((115, "b"))).into_iter().for_each(|meta| server.put(meta));
    let refused = backfill.run(100, 120, &mut shutdown, |_| {}).await.unwrap_err();
    assert!(matches!(refused, FollowError::OtherLedger { ledger: 115 }), "{refused}");
    assert_eq!(bench.tip().await.unwrap().0, 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_is_added_later_is_read_from_the_start_on_and_the_others_are_left_alone() {
    let scenario = scenarios().into_iter().find(|scenario| scenario.name == "same_ledger").unwrap();
    let chain: Vec<_> = scenario.ledgers(Shape::V2).collect();
    let sequence = |meta: &LedgerCloseMeta| header_of(meta).header.ledger_seq;
    let (first, last) = (sequence(&chain[0]), sequence(chain.last().unwrap()));
    let server = FakeRpc::start(chain).await;
    let bench = Bench::new(&[&server]);
    let is_at_tip = async |bench: &Bench| bench.tip().await.is_some_and(|(tip, _)| tip == last);
    bench.follow_until(first, is_at_tip).await;
    assert_eq!(bench.store.chain_state().await.unwrap().events, 0, "its contract has no events");
    let whole = format!("{first}-{last}");
    assert_eq!(
        (bench.coverage(CONTRACT).await, bench.coverage(&scenario.contract).await),
        (whole.clone(), String::new())
    );
    let asked = server.requests().len();
    let later = bench.beside(&[&server], &[CONTRACT, &scenario.contract]);
    later.follow_until(first, async |bench| bench.coverage(&scenario.contract).await == whole).await;
    assert_eq!(later.coverage(CONTRACT).await, whole);
    let events: usize = scenario.steps.iter().map(|step| step.events.len()).sum();
    let stored = later.store.chain_state().await.unwrap();
    assert!(stored.events > 0 && stored.events <= u64::try_from(events).unwrap(), "{stored:?}");
    assert_eq!(stored.orphans, 0);
    let query = ContractEventQuery { limit: 1000, ..ContractEventQuery::default() };
    let listed = later.store.contract_events(&query).await.unwrap().events;
    assert!(listed.iter().all(|listed| listed.verification == Verification::L3), "{listed:?}");
    assert!(server.requests().len() > asked);
    later.follow_until(first, async |bench| bench.status.snapshot().gap.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_one_follows_and_the_other_takes_over_when_it_stops_or_is_gone() {
    let chain = ledgers(90, None);
    let server = FakeRpc::start(chain.clone()).await;
    server.lag_at(Some(129));
    let one = Bench::new(&[&server]);
    let other = one.beside(&[&server], &[CONTRACT]);
    let phase = |bench: &Bench| bench.status.snapshot().phase;
    let reached = async |what: &str, is_so: &dyn Fn() -> bool| {
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{what}: {:?} {:?}", phase(&one), phase(&other)));
    };
    let stored = |bench: &Bench| bench.status.snapshot().ledger.map(|ledger| ledger.sequence);

    let (_stop_one, shutdown) = ShutdownToken::pair();
    let first = tokio::spawn(one.follower_of(100, "one").run(shutdown));
    reached("the first follows", &|| stored(&one) == Some(129)).await;
    let (stop_other, shutdown) = ShutdownToken::pair();
    let second = tokio::spawn(other.follower_of(100, "other").run(shutdown));
    reached("the second waits", &|| phase(&other) == FollowerPhase::Standby).await;

    // It is gone without a word: its lease ends.
    first.abort();
    server.lag_at(Some(159));
    reached("the second follows", &|| stored(&other) == Some(159)).await;

    let (stop_again, shutdown) = ShutdownToken::pair();
    let again = tokio::spawn(one.follower_of(100, "one").run(shutdown));
    reached("the first waits", &|| phase(&one) == FollowerPhase::Standby).await;
    stop_other.request();
    second.await.unwrap().unwrap();
    server.lag_at(None);
    reached("the first follows again", &|| stored(&one) == Some(189)).await;
    assert_eq!(one.store.ledgers(0..=u32::MAX).await.unwrap().len(), 90);
    stop_again.request();
    again.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_that_no_source_has_is_an_error_and_the_tip_goes_on() {
    let scenario = scenarios().into_iter().find(|scenario| scenario.name == "same_ledger").unwrap();
    let chain = ledgers(60, None);
    let server = FakeRpc::start(chain[..30].to_vec()).await;
    let bench = Bench::new(&[&server]);
    bench.follow_until(100, async |bench| bench.tip().await.is_some_and(|(tip, _)| tip == 129)).await;
    server.prune(125);
    chain[30..].iter().for_each(|meta| server.put(meta.clone()));
    let later = bench.beside(&[&server], &[CONTRACT, &scenario.contract]);
    let is_shown = async |bench: &Bench| {
        let gap = bench.status.snapshot().gap;
        let error = gap.is_some_and(|gap| (gap.from, gap.to) == (100, 129) && gap.last_error.is_some());
        error && bench.tip().await.is_some_and(|(tip, _)| tip == 159)
    };
    later.follow_until(100, is_shown).await;
    assert_eq!(later.coverage(&scenario.contract).await, "130-159");
}

fn scenario(name: &str) -> Scenario {
    scenarios().into_iter().find(|scenario| scenario.name == name).unwrap()
}

fn span(chain: &[LedgerCloseMeta]) -> (u32, u32) {
    let sequence = |meta: &LedgerCloseMeta| header_of(meta).header.ledger_seq;
    (sequence(&chain[0]), sequence(chain.last().unwrap()))
}

/// A server that has followed a scenario.
async fn followed(scenario: &Scenario) -> Bench {
    let chain: Vec<_> = scenario.ledgers(Shape::V2).collect();
    let (first, last) = span(&chain);
    let server = FakeRpc::start(chain).await;
    let bench = Bench::new(&[&server]).beside(&[&server], &[&scenario.contract]);
    let at_tip = async |bench: &Bench| {
        bench.status.snapshot().phase == FollowerPhase::AtTip
            && bench.tip().await.is_some_and(|(tip, _)| tip == last)
    };
    bench.follow_until(first, at_tip).await;
    bench
}

fn names(drift: &ComparedEntry) -> Vec<&str> {
    drift.fields.iter().map(|field| field.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_differs_from_the_projection_is_shown_after_a_restart_too_and_changes_nothing() {
    let flags = &["cancellable", "pausable", "transferable"][..];
    for (name, fields) in
        [("abi1_cancel", flags), ("abi2_flags", flags), ("signed_paths", &["stream_id"][..])]
    {
        let scenario = scenario(name);
        assert_eq!(followed(&scenario).await.status.snapshot().drifts, Drifts::default(), "{name}");
        let bench = followed(&scenario.with_false_entry()).await;
        let drifts = bench.status.snapshot().drifts;
        let [drift] = &drifts.listed[..] else { panic!("{name}: {drifts:?}") };
        assert_eq!((drifts.count, names(drift)), (1, fields.to_vec()), "{name}");
        assert!(drift.fields.iter().all(|field| field.ours != field.theirs), "{drift:?}");
        let server = FakeRpc::start(Vec::new()).await;
        let again = bench.beside(&[&server], &[CONTRACT]);
        again.follow_until(1, async |bench| bench.status.snapshot().drifts == drifts).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_compares_entries_with_the_streams_of_their_ledgers() {
    let (_stop, mut shutdown) = ShutdownToken::pair();
    for name in ["abi1_cancel", "signed_paths"] {
        let truth = scenario(name);
        let (falsified, ledger) = truth.clone().with_false_past_entry();
        let [truth, falsified] =
            [truth, falsified].map(|scenario| scenario.ledgers(Shape::V2).collect::<Vec<_>>());
        let contract = &scenario(name).contract;
        let (first, last) = span(&truth);
        let (truth, falsified) = (FakeRpc::start(truth).await, FakeRpc::start(falsified).await);
        let bench = Bench::new(&[&truth]).beside(&[&truth], &[contract]);
        bench.backfill().run(first, last, &mut shutdown, |_| {}).await.unwrap();
        assert_eq!(bench.store.drifts(None, 10).await.unwrap(), Drifts::default(), "{name}");
        // No hash covers an entry: the ledgers are the same, and the streams have changed since.
        let other = bench.beside(&[&falsified], &[contract]);
        other.backfill().run(first, ledger, &mut shutdown, |_| {}).await.unwrap();
        let drifts = bench.store.drifts(None, 10).await.unwrap();
        let [drift] = &drifts.listed[..] else { panic!("{name}: {drifts:?}") };
        assert_eq!(drift.ledger, ledger, "{name}");
        // A later entry agrees.
        bench.backfill().run(first, last, &mut shutdown, |_| {}).await.unwrap();
        assert_eq!(bench.store.drifts(None, 10).await.unwrap(), Drifts::default(), "{name}");
    }
}
