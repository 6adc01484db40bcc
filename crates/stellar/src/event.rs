use std::sync::Arc;

use fluxora_indexer::{ChainPosition, ContractEvent, NotOpaque, Opaque};
use stellar_xdr::{ContractEventBody, ScVal};

use crate::{EventProof, Hash, Ledger, payload};

/// A contract event that the ledger's header commits to.
#[derive(Clone, Debug)]
pub struct VerifiedEvent {
    /// The event, as the push endpoint knows it.
    pub event: ContractEvent,
    /// What proves it without the ledger.
    pub proof: EventProof,
}

/// A successful invocation whose events were rewritten after the ledger closed.
///
/// A node can be configured to give the Stellar Asset Contract's events of protocols 20 to 22 the form of protocol 23. The hash in the result
/// covers the form that was emitted, so nothing in the transaction can be proven.
#[derive(Clone, Debug)]
pub struct UnverifiableTransaction {
    /// 1-based position in the ledger.
    pub transaction: u32,
    /// The transaction's hash.
    pub hash: Hash,
    /// The events of watched contracts that the source gives for it. They are not proven.
    pub events: Vec<ContractEvent>,
}

/// The transaction that an event lies in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Emitter<'a> {
    pub(crate) ledger: &'a Ledger,
    /// 1-based position in the ledger.
    pub(crate) transaction: u32,
    pub(crate) hash: Hash,
}

impl Emitter<'_> {
    /// The event with this index in the transaction's only operation.
    pub(crate) fn event(
        self,
        index: u32,
        event: &stellar_xdr::ContractEvent,
    ) -> Result<ContractEvent, NotOpaque> {
        let ContractEventBody::V0(body) = &event.body;
        let position = ChainPosition {
            ledger: self.ledger.sequence,
            transaction: self.transaction,
            operation: 0,
            event: index,
        };
        // An event of the network itself has no contract. It is never on a watch list.
        let contract = event.contract_id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        Ok(ContractEvent {
            id: Opaque::new(&event_id(position))?,
            position,
            contract: Opaque::new(&contract)?,
            topic: topic(&body.topics)?,
            tx_hash: Opaque::new(&self.hash.to_string())?,
            happened_at: self.ledger.close_time,
            payload: Arc::from(payload(&body.topics, &body.data)),
            invocation: None,
        })
    }
}

/// The id that Stellar RPC gives to an event: the position in 19 digits (32 bits of ledger, 20 of transaction, 12 of
/// operation), and the event's index in 10.
pub(crate) fn event_id(position: ChainPosition) -> String {
    let ChainPosition { ledger, transaction, operation, event } = position;
    let place = (u64::from(ledger) << 32) | (u64::from(transaction) << 12) | u64::from(operation);
    format!("{place:019}-{event:010}")
}

/// The first topic if it is a text that can name events, or in parentheses what stands there instead.
pub(crate) fn topic(topics: &[ScVal]) -> Result<Opaque, NotOpaque> {
    let text = match topics.first() {
        Some(ScVal::Symbol(text)) => std::str::from_utf8(text.as_slice()).ok(),
        Some(ScVal::String(text)) => std::str::from_utf8(text.as_slice()).ok(),
        _ => None,
    };
    let name = || topics.first().map_or_else(|| "(none)".to_owned(), |topic| format!("({})", topic.name()));
    text.and_then(|text| Opaque::new(text).ok()).map_or_else(|| Opaque::new(&name()), Ok)
}

#[cfg(test)]
mod tests {
    use stellar_xdr::{ScString, ScSymbol};

    use super::*;

    #[test]
    fn an_id_is_the_one_that_stellar_rpc_gives() {
        let position = ChainPosition { ledger: 1_000_000, transaction: 1, operation: 0, event: 3 };
        assert_eq!(event_id(position), "0004294967296004096-0000000003");
        let last =
            ChainPosition { ledger: u32::MAX >> 1, transaction: 1_048_575, operation: 4095, event: u32::MAX };
        assert_eq!(event_id(last), "9223372036854775807-4294967295");
    }

    #[test]
    fn a_first_topic_that_cannot_name_events_is_named_by_its_type() {
        let symbol = |text: &str| ScVal::Symbol(ScSymbol(text.try_into().unwrap()));
        let string = |text: &str| ScVal::String(ScString(text.try_into().unwrap()));
        for (topics, expect) in [
            (vec![symbol("created"), ScVal::Void], "created"),
            (vec![string("paid out")], "paid out"),
            (vec![string("two\nlines")], "(String)"),
            (vec![symbol("")], "(Symbol)"),
            (vec![ScVal::U64(1)], "(U64)"),
            (vec![], "(none)"),
        ] {
            assert_eq!(topic(&topics).unwrap().as_str(), expect);
        }
    }
}
