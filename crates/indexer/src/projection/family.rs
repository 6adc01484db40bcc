use fluxora_stream::{ContractId, StreamId};

use super::engine::Engine;
use super::{Class, Classified};
use crate::ContractEvent;

/// A family of contracts: its topics, its state, its arithmetic and its invariants.
///
/// A family decides by the shape of an event whether the event is one of its own, never by the contract's address and
/// never by a version number. Adding a version of a contract adds one implementation, in [`Families`].
pub(super) trait Family<'a>: Default {
    /// Class, streams and version of an event; `None` if it is not one of this family.
    fn classify(contract: ContractId, event: &ContractEvent) -> Option<Classified>;

    /// Forgets what belongs to one transaction.
    fn begin_transaction(&mut self) {}

    /// Applies an event to its streams. Returns whether it is one of this family.
    fn project<W: Fn(&StreamId) -> bool>(
        &mut self,
        contract: ContractId,
        event: &'a ContractEvent,
        engine: &mut Engine<'_, W>,
    ) -> bool;
}

/// Every family, in the order in which an event is offered to them.
#[derive(Default)]
pub(super) struct Families<'a> {
    vesting: super::vesting::Vesting,
    v9: super::v9::V9<'a>,
}

impl<'a> Families<'a> {
    pub(super) fn classify(contract: ContractId, event: &ContractEvent) -> Classified {
        super::vesting::Vesting::classify(contract, event)
            .or_else(|| super::v9::V9::classify(contract, event))
            .unwrap_or(Classified::of(Class::Unknown))
    }

    pub(super) fn begin_transaction(&mut self) {
        self.vesting.begin_transaction();
        self.v9.begin_transaction();
    }

    pub(super) fn project<W: Fn(&StreamId) -> bool>(
        &mut self,
        contract: ContractId,
        event: &'a ContractEvent,
        engine: &mut Engine<'_, W>,
    ) {
        let _ = self.vesting.project(contract, event, engine) || self.v9.project(contract, event, engine);
    }
}
