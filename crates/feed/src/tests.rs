//! What subscribers get, by the state machine alone and through the whole feed over the model store.

mod following;
mod properties;
mod steps;

use std::sync::Arc;

use fluxora_store::EventFilter;
use fluxora_stream::{AccountId, Address, ContractId, EventKind, Sequence, StreamId};

use crate::event::{FeedEvent, Parties};
use crate::tail::Tail;

fn address(n: u8) -> Address {
    AccountId::from_public_key([n; 32]).into()
}

/// The event at a position, of one of three streams; odd positions have the kind `stream.updated`.
fn event(n: u64, parties: Option<Parties>) -> Arc<FeedEvent> {
    let kind = if n.is_multiple_of(2) { EventKind::Created } else { EventKind::Updated };
    let json = serde_json::value::to_raw_value(&n).unwrap();
    Arc::new(FeedEvent { sequence: Sequence(n), json, stream: stream(n), kind, parties })
}

fn stream(n: u64) -> StreamId {
    StreamId::chain(ContractId::from_hash([u8::try_from(n % 3).unwrap(); 32]), 0)
}

fn parties(n: u64) -> Parties {
    Parties { sender: address(u8::try_from(n % 4).unwrap()), recipient: address(9) }
}

/// A tail that holds these positions.
fn tail(start: u64, upto: u64) -> Tail {
    let mut tail = Tail::bounded(1_000, 1 << 20);
    tail.restart(Sequence(start));
    tail.append((start + 1..=upto).map(|n| event(n, None)), Sequence(upto));
    tail
}

fn updates() -> EventFilter {
    EventFilter { kinds: vec![EventKind::Updated], ..EventFilter::default() }
}
