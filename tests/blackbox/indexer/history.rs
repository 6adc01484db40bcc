//! Random histories of a made-up chain: it grows, forks, goes back, and hears of some events late.

use serde_json::{Value, json};

use super::batch;
use super::chain::{Chain, ChainPosition, FIRST, close_time, created, named, paused, withdrawn_to};
use crate::random::Random;
use crate::sample;

/// How many streams there are at most.
const STREAMS: u64 = 6;
/// How far below the tip a fork begins at most. All of it must be within the default depth of a reorg.
const DEEPEST: u64 = 60;

/// What a batch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Grows,
    IsLate,
    Forks,
}

pub(super) struct History {
    random: Random,
    chain: Chain,
    /// Transactions of late events come after all others of their ledger.
    late: u32,
}

impl History {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::seeded(seed), chain: Chain::of(1), late: 1_000 }
    }

    /// The next batch, as it is pushed.
    pub(super) fn next(&mut self) -> (Kind, Value) {
        let deep = u64::from(self.chain.tip() - FIRST).min(DEEPEST);
        match self.random.below(6) {
            0 | 1 if deep > 3 => (Kind::Forks, self.fork(deep)),
            2 | 3 if deep > 3 => (Kind::IsLate, self.late(deep)),
            _ => (Kind::Grows, self.grow()),
        }
    }

    fn grow(&mut self) -> Value {
        let ledgers = 1 + self.random.below(4);
        let from = self.chain.tip() + 1;
        (0..ledgers).for_each(|_| _ = self.chain.grow());
        self.filled(from)
    }

    fn fork(&mut self, deep: u64) -> Value {
        let fork = self.chain.tip() - u32::try_from(self.random.below(deep)).unwrap();
        self.chain.fork(fork);
        let ledgers = self.random.below(8);
        (0..ledgers).for_each(|_| _ = self.chain.grow());
        self.filled(fork)
    }

    fn late(&mut self, deep: u64) -> Value {
        let events: Vec<_> = (0..=self.random.below(4))
            .map(|_| {
                let ledger = self.chain.tip() - u32::try_from(self.random.below(deep)).unwrap();
                self.late += 1;
                let payload = self.payload(ledger);
                self.chain.event(ledger, ChainPosition { transaction: self.late, event: 0 }, &payload)
            })
            .collect();
        batch(&events, None)
    }

    /// Events in each ledger from this one to the tip: with links, a ledger that is left out is a hole.
    fn filled(&mut self, from: u32) -> Value {
        let mut events = Vec::new();
        for ledger in from..=self.chain.tip() {
            for event in 0..=u32::try_from(self.random.below(5)).unwrap() {
                let payload = self.payload(ledger);
                events.push(self.chain.event(ledger, ChainPosition { transaction: 1, event }, &payload));
            }
        }
        batch(&events, Some(&self.chain.newest()))
    }

    fn payload(&mut self, ledger: u32) -> Value {
        let number = self.random.below(STREAMS);
        let other = (number + 1 + self.random.below(STREAMS - 1)) % STREAMS;
        match self.random.below(11) {
            0..=2 => with_cliff(created(number, ledger), ledger),
            3 => paused(number),
            4 => named("resumed", "Resumed", number),
            5 => named("cancelled", "StreamCancelled", number),
            6 => json!({ "topic": ["noise"], "value": number }),
            7 => cloned(number, other),
            8 => share(number, other),
            9 => rate(number, 10_000_000 + self.random.below(1_000), ledger),
            _ => withdrawn_to(number, self.random.below(1_000_000)),
        }
    }
}

/// A cliff soon after the start: no event names the kind of such a stream.
fn with_cliff(mut created: Value, ledger: u32) -> Value {
    created["value"]["cliff_time"] = json!((close_time(ledger) + 5).to_string());
    created
}

/// A stream is a clone of another: it takes over what is known of that one's kind.
fn cloned(number: u64, source: u64) -> Value {
    let [number, source] = [number, source].map(|number| number.to_string());
    json!({ "topic": ["cloned", number], "value": { "new_stream_id": number, "source_stream_id": source } })
}

/// A stream gives a quarter of its flow to another, which begins with that.
fn share(number: u64, child: u64) -> Value {
    let [number, child] = [number, child].map(|number| number.to_string());
    json!({
        "topic": ["del_share", number],
        "value": {
            "parent_stream_id": number,
            "child_stream_id": child,
            "delegatee": sample::account(4),
            "new_parent_rate": "7500000",
            "child_rate": "2500000",
        },
    })
}

/// The rate rises, which keeps what has accrued or does not.
fn rate(number: u64, rate: u64, ledger: u32) -> Value {
    let number = number.to_string();
    let effective = close_time(ledger).to_string();
    let value =
        json!({ "stream_id": number, "new_rate_per_second": rate.to_string(), "effective_time": effective });
    json!({ "topic": ["rate_upd", number], "value": value })
}
