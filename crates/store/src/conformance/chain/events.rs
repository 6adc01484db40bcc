//! Events as a contract emits them.

use fluxora_indexer::{ChainPosition, ContractEvent, Opaque};
use fluxora_stream::{ContractId, StreamId};
use jiff::Timestamp;

use crate::conformance::fixtures::{account, t};

/// Where an event is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At(pub(super) u32, pub(super) u32, pub(super) u32);

/// Ledgers close every five seconds.
pub(in crate::conformance) fn closed_at(ledger: u32) -> Timestamp {
    Timestamp::from_second(t(0).as_second() + 5 * i64::from(ledger)).unwrap()
}

pub(in crate::conformance) fn contract() -> ContractId {
    ContractId::from_hash([200; 32])
}

pub(super) fn token() -> ContractId {
    ContractId::from_hash([201; 32])
}

pub(super) fn id(number: u64) -> StreamId {
    StreamId::chain(contract(), number)
}

pub(super) fn event(at: At, contract: ContractId, topic: &str, topics: &str, value: &str) -> ContractEvent {
    let At(ledger, transaction, index) = at;
    ContractEvent {
        id: Opaque::new(&format!("{ledger}-{transaction}-{index}")).unwrap(),
        position: ChainPosition { ledger, transaction, operation: 0, event: index },
        contract: Opaque::new(&contract.to_string()).unwrap(),
        topic: Opaque::new(topic).unwrap(),
        tx_hash: Opaque::new(&format!("tx-{ledger}-{transaction}")).unwrap(),
        happened_at: closed_at(ledger),
        payload: format!(r#"{{"topic":["{topic}"{topics}],"value":{value}}}"#).into(),
        invocation: None,
    }
}

fn of_stream(at: At, topic: &str, number: u64, value: &str) -> ContractEvent {
    event(at, contract(), topic, &format!(r#","{number}""#), value)
}

/// A linear stream from account 1 to account 2 that begins when its ledger closes and lasts as long as its deposit.
pub(super) fn created(at: At, number: u64, deposit: i128, rate: i128) -> ContractEvent {
    let start = closed_at(at.0).as_second();
    let end = start + i64::try_from(deposit / rate).unwrap();
    let (sender, recipient) = (account(1), account(2));
    let value = format!(
        r#"{{"cliff_time":"{start}","deposit_amount":"{deposit}","end_time":"{end}","memo":null,"metadata":null,
            "rate_per_second":"{rate}","recipient":"{recipient}","sender":"{sender}","start_time":"{start}",
            "stream_id":"{number}","withdraw_dust_threshold":"0"}}"#
    );
    of_stream(at, "created", number, &value)
}

pub(super) fn withdrew(at: At, number: u64, amount: i128) -> ContractEvent {
    let recipient = account(2);
    let value = format!(r#"{{"amount":"{amount}","recipient":"{recipient}","stream_id":"{number}"}}"#);
    of_stream(at, "withdrew", number, &value)
}

/// The token leaves the contract.
pub(super) fn transfer(at: At, amount: i128) -> ContractEvent {
    let topics = format!(r#","{}","{}","native""#, contract(), account(2));
    event(at, token(), "transfer", &topics, &format!(r#""{amount}""#))
}

pub(super) fn cancelled(at: At, number: u64) -> ContractEvent {
    of_stream(at, "cancelled", number, &format!(r#"["StreamCancelled","{number}"]"#))
}

pub(super) fn paused(at: At, number: u64) -> ContractEvent {
    of_stream(at, "paused", number, &format!(r#"{{"reason":"Operational","stream_id":"{number}"}}"#))
}

pub(super) fn resumed(at: At, number: u64) -> ContractEvent {
    of_stream(at, "resumed", number, &format!(r#"["Resumed","{number}"]"#))
}

pub(super) fn completed(at: At, number: u64) -> ContractEvent {
    of_stream(at, "completed", number, &format!(r#"["StreamCompleted","{number}"]"#))
}

/// Half of a stream's rate becomes a separate stream.
pub(super) fn shared(at: At, parent: u64, child: u64, parent_rate: i128, child_rate: i128) -> ContractEvent {
    let (delegatee, delegator) = (account(3), account(2));
    let value = format!(
        r#"{{"child_rate":"{child_rate}","child_stream_id":"{child}","delegatee":"{delegatee}","delegator":"{delegator}",
            "new_parent_rate":"{parent_rate}","parent_stream_id":"{parent}","share_bps":5000}}"#
    );
    of_stream(at, "del_share", parent, &value)
}

pub(super) fn cloned(at: At, number: u64, source: u64) -> ContractEvent {
    let value = format!(r#"{{"new_stream_id":"{number}","source_stream_id":"{source}"}}"#);
    of_stream(at, "cloned", number, &value)
}

/// A stream of 100 stroops whose cliff lies after its start: its kind is inferred.
pub(super) fn with_cliff(at: At, number: u64) -> ContractEvent {
    let start = closed_at(at.0).as_second();
    let event = created(at, number, 100, 1);
    let cliff = |time| format!(r#""cliff_time":"{time}""#);
    ContractEvent { payload: event.payload.replace(&cliff(start), &cliff(start + 10)).into(), ..event }
}

pub(super) fn rate_updated(at: At, number: u64, old: i128, new: i128) -> ContractEvent {
    let time = closed_at(at.0).as_second();
    let value = format!(
        r#"{{"effective_time":"{time}","new_rate_per_second":"{new}","old_rate_per_second":"{old}","stream_id":"{number}"}}"#
    );
    of_stream(at, "rate_upd", number, &value)
}

/// One of the contract's topics, without the fields that belong to it.
pub(super) fn unreadable(at: At, number: u64) -> ContractEvent {
    of_stream(at, "top_up", number, r#"{"surprise":true}"#)
}

pub(super) fn unknown(at: At) -> ContractEvent {
    event(at, contract(), "moon", "", r#"{"phase":"full"}"#)
}
