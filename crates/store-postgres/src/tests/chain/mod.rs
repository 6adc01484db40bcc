//! Chain storage as far as it is specific to this backend.

mod corrupt;
mod fault_injection;
mod lock_order;
mod plans;
mod round_trips;
mod stored_form;

use std::sync::Arc;

use fluxora_indexer::{Batch, ChainPosition, ContractEvent, Ledger, Opaque, Pushed, Rules};
use fluxora_store::ChainStore;
use fluxora_store::chain::Ingested;
use fluxora_stream::{ContractId, StreamId};

use super::*;

fn contract() -> ContractId {
    ContractId::from_hash([7; 32])
}

fn on_chain(number: u64) -> StreamId {
    StreamId::chain(contract(), number)
}

fn opaque(text: impl AsRef<str>) -> Opaque {
    Opaque::new(text.as_ref()).unwrap()
}

/// An event of a ledger; `n` makes it unique and is the transaction's index.
fn event(ledger: u32, n: u32, topic: &str, payload: &str) -> ContractEvent {
    ContractEvent {
        id: opaque(format!("{ledger}-{n}")),
        position: ChainPosition { ledger, transaction: n, operation: 0, event: 0 },
        contract: opaque(contract().to_string()),
        topic: opaque(topic),
        tx_hash: opaque(format!("tx-{ledger}-{n}")),
        happened_at: t(ledger.into()),
        payload: payload.into(),
        invocation: None,
    }
}

/// The first of transaction `n`: account 1 pays account 2 one stroop each second for 100 seconds.
pub(super) fn created(ledger: u32, n: u32, number: u64) -> ContractEvent {
    let start = t(ledger.into()).as_second();
    let (sender, recipient) = (AccountId::from_public_key([1; 32]), AccountId::from_public_key([2; 32]));
    let value = format!(
        r#"{{"cliff_time":"{start}","deposit_amount":"100","end_time":"{}","memo":null,"metadata":null,"rate_per_second":"1",
            "recipient":"{recipient}","sender":"{sender}","start_time":"{start}","stream_id":"{number}","withdraw_dust_threshold":"0"}}"#,
        start + 100
    );
    event(ledger, n, "created", &format!(r#"{{"topic":["created","{number}"],"value":{value}}}"#))
}

pub(super) fn withdrew(ledger: u32, n: u32, number: u64, amount: u32) -> ContractEvent {
    let recipient = AccountId::from_public_key([2; 32]);
    let value = format!(r#"{{"amount":"{amount}","recipient":"{recipient}","stream_id":"{number}"}}"#);
    event(ledger, n, "withdrew", &format!(r#"{{"topic":["withdrew","{number}"],"value":{value}}}"#))
}

/// A batch of the branch of this name, with the tip two ledgers past its last event.
fn batch(branch: &str, events: Vec<ContractEvent>) -> Arc<Batch> {
    let last = events.iter().map(|event| event.position.ledger).max().unwrap();
    let hash = |ledger: u32| opaque(format!("{branch}{ledger}"));
    let tip = Ledger { sequence: last + 2, hash: hash(last + 2), previous_hash: None, closed_at: None };
    let pushed = |event: ContractEvent| {
        let ledger_hash = hash(event.position.ledger);
        Pushed { event, ledger_hash, previous_hash: None }
    };
    Arc::new(Batch::new(events.into_iter().map(pushed).collect(), Some(tip), 100).unwrap())
}

pub(super) async fn push(store: &PostgresStore, branch: &str, events: Vec<ContractEvent>) -> Ingested {
    let rules = Rules { max_tip_jump: u32::MAX, ..Rules::default() };
    store.ingest(batch(branch, events), rules, t(1_000)).await.unwrap().unwrap()
}
