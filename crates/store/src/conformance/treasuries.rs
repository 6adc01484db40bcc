//! What sums of treasuries cost, for the benches of the backends.

use std::time::{Duration, Instant};

use fluxora_stream::{AccountId, Stream, TermsDraft, UnixTime};
use fluxora_treasury::{Party, Role, summarize};
use futures_util::StreamExt;
use jiff::Timestamp;
use uuid::Uuid;

use crate::treasury::{PartyOutcome, PartyQuery};
use crate::{CreateStream, Store};

/// 2026-01-01T00:00:00Z: when the streams begin.
const START: i64 = 1_767_225_600;
/// Creates that are sent at once.
const AT_ONCE: usize = 256;
/// The treasury that pays every tenth stream; the others pay 1,000 streams in a million.
const LARGE: u64 = 0;
const READINGS: usize = 2_000;
/// Turns of creates with marks and without.
const TURNS: usize = 15;
const CREATES_IN_A_TURN: u64 = 2_000;

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Counting one stream, with those of its transaction.
    pub count: Duration,
    /// The median and the 99th percentile of a summary of the large treasury.
    pub large: [Duration; 2],
    /// The same of a treasury with a hundredth of its streams.
    pub small: [Duration; 2],
    /// The same of the large treasury while 1,000 of its streams wait to be counted.
    pub stale: [Duration; 2],
    /// A create with marks, in percent of one without.
    pub create_percent: u128,
}

/// Fills a store with `streams` streams and measures. `marks` switches the marks of new streams on and off; `settled` is
/// called once the store is filled.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub async fn measure(
    store: &impl Store,
    streams: u64,
    settled: impl AsyncFn(),
    marks: impl AsyncFn(bool),
) -> Costs {
    create_all(store, 0..streams).await;
    let begun = Instant::now();
    let mut counted = 0_u32;
    loop {
        let step = store.count_streams_again(at(0), 500).await.unwrap();
        counted += u32::try_from(step.streams).unwrap();
        if !step.more {
            break;
        }
    }
    let count = begun.elapsed() / counted.max(1);
    settled().await;
    let large = readings(store, LARGE).await;
    let small = readings(store, 1).await;
    let mut next = streams;
    let mut turns = [const { Vec::new() }; 2];
    for _ in 0..TURNS {
        for (is_marked, turns) in [true, false].into_iter().zip(&mut turns) {
            marks(is_marked).await;
            let begun = Instant::now();
            create_all(store, next..next + CREATES_IN_A_TURN).await;
            turns.push(begun.elapsed().as_nanos());
            next += CREATES_IN_A_TURN;
        }
        while store.count_streams_again(at(0), 500).await.unwrap().more {}
    }
    marks(true).await;
    let [with, without] = turns.map(|mut turns| {
        turns.sort_unstable();
        turns[turns.len() / 2]
    });
    next = next.next_multiple_of(10);
    create_all(store, (0..1_000).map(|n| next + 10 * n)).await;
    let stale = readings(store, LARGE).await;
    Costs { count, large, small, stale, create_percent: with * 100 / without }
}

async fn create_all(store: &impl Store, numbers: impl IntoIterator<Item = u64>) {
    let all = futures_util::stream::iter(numbers);
    all.for_each_concurrent(AT_ONCE, async |n| {
        store.create_stream(create(n)).await.unwrap();
    })
    .await;
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_second(START + i64::try_from(second).unwrap()).unwrap()
}

fn account(side: u8, n: u64) -> AccountId {
    let mut key = [side; 32];
    key[..8].copy_from_slice(&n.to_be_bytes());
    AccountId::from_public_key(key)
}

/// Every stream ends at another second, from a day on.
fn create(n: u64) -> CreateStream {
    let sender = if n.is_multiple_of(10) { LARGE } else { 1 + n % 997 };
    let draft = TermsDraft {
        sender: Some(account(1, sender)),
        recipient: Some(account(2, n % 20_011)),
        deposit: Some("1000000.0000000".parse().unwrap()),
        rate: Some("0.0050000".parse().unwrap()),
        end: Some(UnixTime::of(at(86_400 + n))),
        ..TermsDraft::default()
    };
    let id = Uuid::from_u128(u128::from(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64 | u128::from(n));
    let (stream, event) = Stream::create(id, &draft.settle(at(0)).unwrap(), at(0));
    CreateStream { stream, event, owner: None, keyed: None }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
async fn readings(store: &impl Store, sender: u64) -> [Duration; 2] {
    let party = Party { role: Role::Sender, address: account(1, sender).into() };
    let mut taken = Vec::with_capacity(READINGS);
    for n in 0..READINGS {
        let now = UnixTime::of(at(u64::try_from(n).unwrap()));
        let query = PartyQuery { party, assets: vec![], at: None, now, with_streams: 0 };
        let begun = Instant::now();
        let outcome = store.party(&query).await.unwrap();
        let PartyOutcome::Read(reading) = outcome else { panic!("{outcome:?}") };
        for facts in reading.assets.values() {
            assert!(summarize(facts, reading.as_of.at).unwrap().figures.accrued >= 0);
        }
        taken.push(begun.elapsed());
    }
    taken.sort_unstable();
    [taken[taken.len() / 2], taken[taken.len() * 99 / 100]]
}
