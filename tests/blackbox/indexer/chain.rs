use std::fmt::Display;

use serde_json::{Value, json};

use crate::sample;

/// The first ledger of every made-up chain.
pub(crate) const FIRST: u32 = 1_000;
/// When that closed; the next one closes a second later.
const EPOCH: u64 = 1_767_225_600;
/// How long every stream lasts, in seconds. At one unit a second that is its deposit in units, too.
const LASTS: u64 = 1_000_000;

/// An invented chain of linked ledgers that can fork.
#[derive(Clone)]
pub(crate) struct Chain {
    hashes: Vec<String>,
    /// Which way the chain takes: part of each hash.
    way: u32,
}

/// Where an event of a made-up contract lies.
#[derive(Clone, Copy)]
pub(crate) struct ChainPosition {
    pub(crate) transaction: u32,
    pub(crate) event: u32,
}

impl Chain {
    /// A chain of so many ledgers.
    pub(crate) fn of(ledgers: u32) -> Self {
        let mut chain = Self { hashes: Vec::new(), way: 0 };
        (0..ledgers).for_each(|_| _ = chain.grow());
        chain
    }

    /// Adds a ledger; its sequence.
    pub(crate) fn grow(&mut self) -> u32 {
        let sequence = self.tip() + 1;
        self.hashes.push(format!("way-{}-ledger-{sequence}", self.way));
        sequence
    }

    /// Forks at this ledger and grows the new branch.
    pub(crate) fn fork(&mut self, sequence: u32) {
        self.hashes.truncate(usize::try_from(sequence - FIRST).unwrap());
        self.way += 1;
        self.grow();
    }

    /// The newest ledger.
    pub(crate) fn tip(&self) -> u32 {
        FIRST - 1 + u32::try_from(self.hashes.len()).unwrap()
    }

    /// What is pushed of a ledger without events.
    pub(super) fn ledger(&self, sequence: u32) -> Value {
        let hash = |sequence: u32| {
            let place = sequence.checked_sub(FIRST).map(|place| usize::try_from(place).unwrap());
            place.map_or("before".to_owned(), |place| self.hashes[place].clone())
        };
        json!({ "ledger": sequence, "ledgerHash": hash(sequence), "previousLedgerHash": hash(sequence - 1) })
    }

    pub(crate) fn newest(&self) -> Value {
        self.ledger(self.tip())
    }

    /// An event. Its id is derived from its position, as on chain: another branch has other events under the same ids.
    pub(crate) fn event(&self, sequence: u32, place: ChainPosition, payload: &Value) -> Value {
        let ChainPosition { transaction, event } = place;
        let mut pushed = self.ledger(sequence);
        let more = json!({
            "eventId": format!("{sequence}-{transaction}-{event}"),
            "contractId": contract(),
            "topic": payload["topic"][0],
            "txHash": format!("way-{}-tx-{sequence}-{transaction}", self.way),
            "txIndex": transaction,
            "operationIndex": 0,
            "eventIndex": event,
            "payload": payload,
            "happenedAt": closed_at(sequence),
        });
        pushed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        pushed
    }
}

/// An event or a tip without the link of its ledger, as a source that skips ledgers pushes it.
pub(super) fn unlinked(pushed: Value) -> Value {
    sample::with(pushed, &json!({ "previousLedgerHash": null }))
}

/// The contract of every made-up event.
pub(crate) fn contract() -> String {
    sample::contract(1)
}

pub(super) fn stream_id(number: u64) -> String {
    format!("{}-{number}", contract())
}

/// When a ledger closed, in seconds.
pub(super) fn close_time(sequence: u32) -> u64 {
    EPOCH + u64::from(sequence - FIRST)
}

pub(super) fn closed_at(sequence: u32) -> String {
    format!("{:.3}", fluxora_stream::UnixTime::from_seconds(close_time(sequence)).instant())
}

/// A stream is made that flows at one unit a second from this ledger on.
pub(crate) fn created(number: u64, sequence: u32) -> Value {
    let start = close_time(sequence);
    json!({
        "topic": ["created", number.to_string()],
        "value": {
            "stream_id": number.to_string(),
            "sender": sample::account(1),
            "recipient": sample::account(2),
            "deposit_amount": (LASTS * 10_000_000).to_string(),
            "rate_per_second": "10000000",
            "start_time": start.to_string(),
            "cliff_time": start.to_string(),
            "end_time": (start + LASTS).to_string(),
            "withdraw_dust_threshold": "0",
            "memo": null,
            "metadata": null,
        },
    })
}

/// This many stroops are taken out to somebody.
pub(crate) fn withdrawn_to(number: u64, stroops: impl Display) -> Value {
    json!({
        "topic": ["wdraw_to", number.to_string()],
        "value": {
            "stream_id": number.to_string(),
            "recipient": sample::account(2),
            "destination": sample::account(3),
            "amount": stroops.to_string(),
        },
    })
}

/// Something that only says its name: `resumed` as `Resumed`, `cancelled` as `StreamCancelled`.
pub(super) fn named(topic: &str, name: &str, number: u64) -> Value {
    json!({ "topic": [topic, number.to_string()], "value": [name, number.to_string()] })
}

pub(super) fn paused(number: u64) -> Value {
    let number = number.to_string();
    json!({ "topic": ["paused", number], "value": { "stream_id": number, "reason": "Operational" } })
}
