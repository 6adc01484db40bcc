//! Applies contract events to streams, one after the other.

use fluxora_stream::{ContractId, StreamId};

use super::engine::Engine;
use super::family::Families;
use super::{Projected, Streams};
use crate::ContractEvent;

pub(super) struct Fold<'s, 'a, W> {
    engine: Engine<'s, W>,
    families: Families<'a>,
    transaction: Option<(u32, u32)>,
    /// The last two parsed contracts: most events are of a stream contract or of its token.
    contracts: [Option<(&'a str, ContractId)>; 2],
}

impl<'s, 'a, W: Fn(&StreamId) -> bool> Fold<'s, 'a, W> {
    pub(super) fn new(streams: &'s mut Streams, within: W) -> Self {
        Self {
            engine: Engine::new(streams, within),
            families: Families::default(),
            transaction: None,
            contracts: [None; 2],
        }
    }

    pub(super) fn finish(self) -> Projected {
        self.engine.finish()
    }

    pub(super) fn event(&mut self, event: &'a ContractEvent) {
        if self.transaction.replace(event.position.transaction()) != Some(event.position.transaction()) {
            self.families.begin_transaction();
        }
        if let Some(contract) = self.contract(event) {
            self.families.project(contract, event, &mut self.engine);
        }
    }

    /// The contract of an event, from the cache if it is one of the last two.
    fn contract(&mut self, event: &'a ContractEvent) -> Option<ContractId> {
        let text = event.contract.as_str();
        if let Some((_, contract)) = self.contracts.iter().flatten().find(|(known, _)| *known == text) {
            return Some(*contract);
        }
        let contract = ContractId::parse(text).ok()?;
        let [last, _] = self.contracts;
        self.contracts = [Some((text, contract)), last];
        Some(contract)
    }
}
