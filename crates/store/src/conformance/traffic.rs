//! The chain on a busy day, for benches: each ledger a batch of 100 events in 50 transactions of two, a transfer and what the contract
//! says of it.

use std::sync::Arc;

use fluxora_indexer::{Batch, ChainPosition, ContractEvent, Opaque, Pushed};
use fluxora_stream::{AccountId, ContractId};
use jiff::Timestamp;

/// How many events a ledger has.
pub const EVENTS: u64 = 100;
/// How many transactions.
const TRANSACTIONS: u64 = EVENTS / 2;
/// How many of these make a stream; the others withdraw from one.
const CREATES: u64 = TRANSACTIONS / 10;

/// Ledger number `n`, from 0 on, as one batch. Three of four withdrawals are from one of the 5,000 newest streams, the fourth from
/// any.
pub fn ledger(n: u64) -> Arc<Batch> {
    let contract = ContractId::from_hash([7; 32]).to_string();
    let token = ContractId::from_hash([8; 32]).to_string();
    let sender = AccountId::from_public_key([1; 32]).to_string();
    let recipient = AccountId::from_public_key([2; 32]).to_string();
    let start = 1_767_225_600 + n * 5;
    let event = |index: u64| {
        let transaction = index / 2;
        let (emitter, topic, payload) = if index.is_multiple_of(2) {
            let topics = format!(r#"["transfer","{contract}","{recipient}","native"]"#);
            (&token, "transfer", format!(r#"{{"topic":{topics},"value":"5"}}"#))
        } else if transaction < CREATES {
            let number = n * CREATES + transaction;
            let value = format!(
                r#"{{"cliff_time":"{start}","deposit_amount":"100000000","end_time":"{}","memo":null,"metadata":null,"rate_per_second":"100","recipient":"{recipient}","sender":"{sender}","start_time":"{start}","stream_id":"{number}","withdraw_dust_threshold":"0"}}"#,
                start + 1_000_000
            );
            (&contract, "created", format!(r#"{{"topic":["created","{number}"],"value":{value}}}"#))
        } else {
            let number = subject(n, transaction);
            let value = format!(r#"{{"amount":"5","recipient":"{recipient}","stream_id":"{number}"}}"#);
            (&contract, "withdrew", format!(r#"{{"topic":["withdrew","{number}"],"value":{value}}}"#))
        };
        let position = ChainPosition {
            ledger: u32::try_from(n + 1).unwrap(),
            transaction: u32::try_from(transaction + 1).unwrap(),
            operation: 0,
            event: u32::try_from(index % 2).unwrap(),
        };
        let event = ContractEvent {
            id: opaque(&format!("{:019}-{index:010}", ((n + 1) << 32) | ((transaction + 1) << 12))),
            position,
            contract: opaque(emitter),
            topic: opaque(topic),
            tx_hash: opaque(&format!("{:064x}", n * 1_000 + transaction)),
            happened_at: Timestamp::from_second(i64::try_from(start).unwrap()).unwrap(),
            payload: payload.into(),
            invocation: None,
        };
        Pushed { event, ledger_hash: hash(n + 1), previous_hash: Some(hash(n)) }
    };
    Arc::new(Batch::new((0..EVENTS).map(event).collect(), None, 100).unwrap())
}

/// The stream that a withdrawal is from: one that this ledger or one before it has made.
fn subject(n: u64, transaction: u64) -> u64 {
    let made = (n + 1) * CREATES;
    let among = if transaction.is_multiple_of(4) { made } else { made.min(5_000) };
    made - 1 - (n * 7_919 + transaction * 104_729) % among
}

/// The hash of the ledger with this sequence.
pub fn hash(sequence: u64) -> Opaque {
    opaque(&format!("{sequence:064x}"))
}

fn opaque(text: &str) -> Opaque {
    Opaque::new(text).unwrap()
}
