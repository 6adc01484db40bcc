use fluxora_stream::{Address, UnixTime};
use serde_json::{Value, json};

use crate::contract::Stream;

/// An event of the contract, with the payload that the push endpoint takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The first topic.
    pub(crate) topic: &'static str,
    pub(crate) payload: String,
}

impl Event {
    pub(crate) fn created(number: u64, stream: &Stream, token: Address) -> Self {
        let schedule = &stream.schedule;
        let value = json!({
            "token": token,
            "deposited": text(schedule.deposited),
            "start_time": second(schedule.start),
            "end_time": second(schedule.end),
            "cliff_time": second(schedule.cliff),
            "cancellable": true,
            "pausable": true,
            "transferable": true,
        });
        Self::new("stream_created", number, &[stream.sender, stream.recipient], &value)
    }

    pub(crate) fn withdrawn(number: u64, stream: &Stream, amount: i128) -> Self {
        let value = json!({
            "amount": text(amount),
            "withdrawn": text(stream.withdrawn),
            "deposited": text(stream.schedule.deposited),
            "status": stream.status.code(),
        });
        Self::new("withdrawn", number, &[stream.recipient], &value)
    }

    pub(crate) fn cancelled(number: u64, stream: &Stream, refunded: i128) -> Self {
        let value = json!({
            "refunded": text(refunded),
            "vested": text(stream.schedule.deposited),
            "withdrawn": text(stream.withdrawn),
            "end_time": second(stream.schedule.end),
        });
        Self::new("cancelled", number, &[stream.sender, stream.recipient], &value)
    }

    pub(crate) fn paused(number: u64, stream: &Stream, at: UnixTime) -> Self {
        let value = json!({
            "paused_at": second(at),
            "paused_total": stream.schedule.pauses.paused_total.to_string(),
        });
        Self::new("paused", number, &[stream.sender], &value)
    }

    pub(crate) fn resumed(number: u64, stream: &Stream, lasted: u64) -> Self {
        let value = json!({
            "paused_duration": lasted.to_string(),
            "paused_total": stream.schedule.pauses.paused_total.to_string(),
        });
        Self::new("resumed", number, &[stream.sender], &value)
    }

    pub(crate) fn topped_up(number: u64, stream: &Stream, amount: i128) -> Self {
        let value = json!({
            "amount": text(amount),
            "deposited": text(stream.schedule.deposited),
            "end_time": second(stream.schedule.end),
        });
        Self::new("topped_up", number, &[stream.sender], &value)
    }

    fn new(topic: &'static str, number: u64, parties: &[Address], value: &Value) -> Self {
        let topics = [topic.to_owned(), number.to_string()].into_iter();
        let topics: Vec<_> = topics.chain(parties.iter().map(Address::to_string)).collect();
        Self { topic, payload: json!({ "topic": topics, "value": value }).to_string() }
    }
}

fn text(amount: i128) -> String {
    amount.to_string()
}

fn second(at: UnixTime) -> String {
    at.seconds().to_string()
}
