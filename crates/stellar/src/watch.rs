use std::collections::BTreeSet;

use stellar_xdr::{ContractEvent, ContractEventBody, ContractEventType, ScAddress, ScVal};
use thiserror::Error;

use crate::Hash;

/// The contracts whose events are taken.
///
/// Of a transaction with an event of such a contract, a token's `transfer` to or from such a contract is taken as well: it
/// settles amounts that the contract's own events leave open. Any contract can emit a `transfer`: the projection looks at the
/// contract that emitted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchList {
    contracts: BTreeSet<[u8; 32]>,
    network: Option<[u8; 32]>,
}

/// A text that is not the strkey of a contract.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a contract id: expected C and 55 more characters")]
pub struct NotAContract {
    /// The text.
    pub text: String,
}

impl WatchList {
    /// Reads contract ids (`C…`). The order and repetitions do not matter.
    ///
    /// # Errors
    /// [`NotAContract`] with the first text that is not one.
    pub fn new<'a>(contracts: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAContract> {
        let read = |text: &str| {
            let contract = text.parse::<stellar_strkey::Contract>();
            contract.map(|contract| contract.0).map_err(|_| NotAContract { text: text.to_owned() })
        };
        contracts
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(|contracts| Self { contracts, network: None })
    }

    /// The same contracts on the network with this passphrase, whose id is part of the hash of a transaction. Without it the
    /// calls that emitted the events are not read.
    #[must_use]
    pub fn on_network(self, passphrase: &str) -> Self {
        Self { network: Some(*Hash::of(passphrase.as_bytes()).as_bytes()), ..self }
    }

    /// The id of the network.
    pub(crate) const fn network(&self) -> Option<[u8; 32]> {
        self.network
    }

    /// The contract ids, as strkeys.
    pub fn contracts(&self) -> impl Iterator<Item = String> {
        self.contracts.iter().map(|id| stellar_strkey::Contract(*id).to_string().as_str().to_owned())
    }

    /// Whether the list holds the contract with this strkey.
    pub(crate) fn names(&self, contract: &str) -> bool {
        contract
            .parse::<stellar_strkey::Contract>()
            .is_ok_and(|contract| self.contracts.contains(&contract.0))
    }

    /// The events of one invocation that are taken, with their index.
    pub(crate) fn select<'a>(&self, events: &'a [ContractEvent]) -> Vec<(usize, &'a ContractEvent)> {
        let emitted = |event: &ContractEvent| {
            event.type_ == ContractEventType::Contract
                && event.contract_id.as_ref().is_some_and(|id| self.contains(&id.0.0))
        };
        if !events.iter().any(emitted) {
            return Vec::new();
        }
        let taken = |event: &ContractEvent| emitted(event) || self.moves_tokens(event);
        events.iter().enumerate().filter(|(_, event)| taken(event)).collect()
    }

    pub(crate) fn contains(&self, id: &[u8; 32]) -> bool {
        self.contracts.contains(id)
    }

    /// Whether the event is a `transfer` (SEP-41) to or from a contract of the list.
    fn moves_tokens(&self, event: &ContractEvent) -> bool {
        let ContractEventBody::V0(body) = &event.body;
        let party = |topic: &ScVal| matches!(topic, ScVal::Address(ScAddress::Contract(id)) if self.contains(&id.0.0));
        match body.topics.as_slice() {
            [ScVal::Symbol(name), from, to, ..] => {
                event.type_ == ContractEventType::Contract
                    && event.contract_id.is_some()
                    && name.as_slice() == b"transfer"
                    && (party(from) || party(to))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";

    #[test]
    fn a_list_holds_each_contract_once() {
        let list = WatchList::new([CONTRACT, CONTRACT]).unwrap();
        assert_eq!(list.contracts().collect::<Vec<_>>(), [CONTRACT]);
    }

    #[test]
    fn an_account_a_wrong_checksum_and_other_texts_are_refused_by_name() {
        let account = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
        for text in [
            "",
            account,
            &CONTRACT.to_lowercase(),
            &CONTRACT.replace("AXE", "AXF"),
            &CONTRACT.replace("CA3", "A3"),
        ] {
            assert_eq!(WatchList::new([CONTRACT, text]), Err(NotAContract { text: text.to_owned() }));
        }
    }
}
