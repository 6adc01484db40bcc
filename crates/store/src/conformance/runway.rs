//! What every backend must make of runways that become low.

use std::collections::{BTreeMap, BTreeSet};

use fluxora_stream::{
    Address, EventKind, LoggedEvent, RunwayLow, Stream, StreamId, TermsDraft, TopUp, UnixTime,
};
use fluxora_treasury::{Asset, Checked, Runway, Thresholds, Watch};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::chain::{MAIN, vesting_steps as vesting};
use super::fixtures::*;
use crate::{EventFilter, Store, StreamStore};

const HOUR: i64 = 3_600;

fn thresholds() -> Thresholds {
    Thresholds::new([100, 50, 20].map(|hours| hours * 3_600))
}

/// Counts the sums, then takes steps until nothing is due. How many events were emitted.
async fn check(store: &impl Store, now: Timestamp) -> usize {
    while store.count_streams_again(now, 100).await.unwrap().more {}
    let mut events = 0;
    loop {
        let step = store.emit_low_runways(&thresholds(), now).await.unwrap();
        events += step.events;
        if !step.more {
            return events;
        }
    }
}

/// The runways of chain streams over histories, measured from all streams at every step.
#[derive(Default)]
pub(super) struct RunwayModel {
    watches: BTreeMap<(Address, Asset), Watch>,
    /// Number of thresholds that were crossed.
    pub(super) crossings: usize,
}

impl RunwayModel {
    /// One step of a store whose chain streams are these: it emits what this model says.
    pub(super) async fn check(
        &mut self,
        store: &impl Store,
        streams: &[Stream],
        now: Timestamp,
        context: &str,
    ) {
        // A ledger closes every five seconds.
        let thresholds = Thresholds::new([300, 60, 20]);
        while store.count_streams_again(now, 100).await.unwrap().more {}
        let before = store.head().await.unwrap();
        while store.emit_low_runways(&thresholds, now).await.unwrap().more {}
        let log = store.events_after(before, &EventFilter::default(), 1_000).await.unwrap().events;
        let low =
            |logged: &LoggedEvent| Some((logged.event.stream, logged.event.data.runway.as_deref()?.clone()));
        let emitted: Vec<_> = log.iter().filter_map(low).collect();
        let state = store.chain_state().await.unwrap();
        let ledgers = store.ledgers(0..=state.frontier.last_safe.unwrap_or(0)).await.unwrap();
        let Some(close) = ledgers.iter().rev().find_map(|ledger| ledger.closed_at) else {
            assert!(emitted.is_empty(), "{context}: no close is known");
            return;
        };
        let mut of_party = BTreeMap::<_, Vec<_>>::new();
        for stream in streams {
            of_party.entry((stream.sender, Asset::of(stream))).or_default().push(stream.clone());
        }
        let parties: BTreeSet<_> = self.watches.keys().chain(of_party.keys()).copied().collect();
        let mut expect = Vec::new();
        for party in parties {
            let streams = of_party.get(&party).map_or(&[][..], Vec::as_slice);
            let runway = Runway::of(streams, UnixTime::of(close), None);
            let watch = self.watches.entry(party).or_default();
            let checked = thresholds.check(*watch, runway.as_ref().map(Runway::seconds));
            *watch = checked.watch;
            if let (Some(runway), Checked { crossed: Some(_), .. }) = (runway, checked) {
                let (end, stream) = runway.end();
                expect.push((stream, party.0, runway.at, runway.seconds(), end));
            }
        }
        let of = |(stream, low): &(StreamId, RunwayLow)| {
            (*stream, low.treasury, low.measured_at, low.runway_seconds, low.exhausted_at)
        };
        let mut emitted: Vec<_> = emitted.iter().map(of).collect();
        self.crossings += expect.len();
        expect.sort_unstable();
        emitted.sort_unstable();
        assert_eq!(emitted, expect, "{context}");
    }
}

/// A stream of one unit an hour that lasts for so many hours.
fn hours(hours: i64) -> TermsDraft {
    let amount = |stroops: i64| fluxora_decimal::Amount::from_stroops(i128::from(stroops));
    TermsDraft { deposit: Some(amount(hours * HOUR)), rate: Some(amount(1)), ..draft() }
}

async fn low(store: &impl StreamStore, id: &StreamId) -> Vec<(i64, RunwayLow)> {
    let page = store.stream_events(id, 0, 1_000).await.unwrap().unwrap();
    let of = |logged: &LoggedEvent| {
        let runway = logged.event.data.runway.as_deref()?.clone();
        assert_eq!(logged.event.kind, EventKind::RunwayLow);
        assert!(logged.event.recorded_at >= logged.event.occurred_at);
        Some((logged.event.occurred_at.as_second() - t0().as_second(), runway))
    };
    page.events.iter().filter_map(of).collect()
}

/// The instants and thresholds, in hours.
async fn crossings(store: &impl StreamStore, id: &StreamId) -> Vec<(i64, u64)> {
    low(store, id).await.into_iter().map(|(at, runway)| (at / HOUR, runway.threshold_hours)).collect()
}

/// Each threshold at its instant, once.
pub async fn a_runway_that_falls_crosses_each_threshold_once_at_its_instant(store: &impl Store) {
    put(store, 1, &hours(200), t0()).await;
    assert_eq!(check(store, t0()).await, 0);
    for hour in [99, 100, 101, 149, 150, 151, 179, 181, 199] {
        check(store, t(hour * HOUR)).await;
        check(store, t(hour * HOUR)).await;
    }
    assert_eq!(crossings(store, &stream_id(1)).await, [(100, 100), (150, 50), (180, 20)]);
    let stream = read(store, 1).await;
    let events = history(store, &stream_id(1)).await;
    assert_eq!(Stream::replay(&events).unwrap().unwrap(), stream);
}

/// The lowest of several thresholds that were crossed while no step was taken.
pub async fn crossings_that_were_missed_make_one_event(store: &impl Store) {
    put(store, 1, &hours(200), t0()).await;
    check(store, t0()).await;
    assert_eq!(check(store, t(185 * HOUR)).await, 1);
    let low = low(store, &stream_id(1)).await;
    let [(at, runway)] = &low[..] else { panic!("{low:?}") };
    assert_eq!((*at, runway.threshold_hours, runway.runway_seconds), (180 * HOUR, 20, 54_000));
    assert_eq!((runway.measured_at, runway.exhausted_at), (second(185 * HOUR), second(200 * HOUR)));
    assert_eq!((runway.asset.kind.as_str(), runway.asset.contract), ("api", None));
    assert_eq!((runway.treasury, runway.streams), (account(1).into(), 1));
    // The stream lasts for 15 more hours: what is missing of each horizon at one stroop a second.
    let missing = |days: u64| {
        let stroops = i128::from(days * 86_400 - 54_000);
        TopUp {
            days,
            amount: Some(fluxora_decimal::Amount::from_stroops(stroops).to_string()),
            complete: true,
        }
    };
    assert_eq!(runway.top_ups, [7, 30, 90].map(missing));
}

/// What is low when it begins has crossed nothing; a shorter stream beside a longer one has.
pub async fn a_runway_that_begins_low_is_not_emitted_until_it_crosses_the_next_threshold(store: &impl Store) {
    put(store, 1, &hours(60), t0()).await;
    assert_eq!(check(store, t0()).await, 0);
    assert_eq!(check(store, t(10 * HOUR)).await, 1);
    assert_eq!(crossings(store, &stream_id(1)).await, [(10, 50)]);
    put(store, 2, &TermsDraft { sender: Some(account(9)), ..hours(500) }, t(10 * HOUR)).await;
    check(store, t(10 * HOUR)).await;
    put(store, 3, &TermsDraft { sender: Some(account(9)), ..hours(30) }, t(11 * HOUR)).await;
    assert_eq!(check(store, t(12 * HOUR)).await, 1);
    assert_eq!(crossings(store, &stream_id(3)).await, [(11, 50)]);
    assert_eq!(crossings(store, &stream_id(2)).await, []);
}

/// A cancellation of the stream that ends first lets the runway rise.
pub async fn a_runway_that_rises_can_cross_a_threshold_again(store: &impl Store) {
    put(store, 1, &hours(1_000), t0()).await;
    check(store, t0()).await;
    for (n, hour) in [(2, 10), (3, 20)] {
        put(store, n, &hours(40), t(hour * HOUR)).await;
        assert_eq!(check(store, t(hour * HOUR)).await, 1, "stream {n}");
        assert_eq!(crossings(store, &stream_id(n)).await, [(hour, 50)]);
        store.cancel_stream(&stream_id(n), still(t((hour + 1) * HOUR))).await.unwrap();
        assert_eq!(check(store, t((hour + 1) * HOUR)).await, 0);
    }
}

/// Replicas that take steps at the same time.
pub async fn concurrent_steps_emit_each_crossing_once(store: &impl Store) {
    for n in 1..=20_u8 {
        put(store, n.into(), &TermsDraft { sender: Some(account(100 + n)), ..hours(200) }, t0()).await;
    }
    check(store, t0()).await;
    let limits = thresholds();
    let steps = join_all((0..6).map(|_| store.emit_low_runways(&limits, t(160 * HOUR)))).await;
    let events: usize = steps.into_iter().map(|step| step.unwrap().events).sum();
    assert_eq!(events, 20);
    for n in 1..=20 {
        assert_eq!(crossings(store, &stream_id(n)).await, [(150, 50)]);
    }
}

/// Ledger 10 closes at second 50: the stream of vesting ends at second 150, with a top-up at second 300.
pub async fn the_runway_of_a_chain_asset_goes_by_the_close_of_safe_ledgers_and_a_top_up_arms_it_again(
    store: &impl Store,
) {
    let limits = Thresholds::new([60]);
    let step = async |now| {
        while store.count_streams_again(now, 100).await.unwrap().more {}
        store.emit_low_runways(&limits, now).await.unwrap().events
    };
    MAIN.push(store, &[vesting::created(10)], Some(12)).await;
    assert_eq!(step(t(100_000)).await, 0);
    MAIN.push(store, &[], Some(17)).await;
    MAIN.push(store, &[], Some(18)).await;
    assert_eq!(step(t(100_000)).await, 0, "ledger 17 closes at second 85");
    MAIN.push(store, &[], Some(19)).await;
    assert_eq!(step(t(100_000)).await, 1, "ledger 18 closes at second 90");
    assert_eq!(step(t(100_000)).await, 0);
    MAIN.push(store, &[vesting::topped_up(20)], Some(30)).await;
    MAIN.push(store, &[], Some(31)).await;
    assert_eq!(step(t(100_000)).await, 0);
    MAIN.push(store, &[], Some(50)).await;
    MAIN.push(store, &[], Some(51)).await;
    assert_eq!(step(t(100_000)).await, 1);
    let low = low(store, &vesting::id()).await;
    let seconds: Vec<_> = low.iter().map(|(at, runway)| (*at, runway.exhausted_at)).collect();
    assert_eq!(seconds, [(90, second(150)), (240, second(300))]);
    assert_eq!(low[0].1.asset.kind, "token");
}
