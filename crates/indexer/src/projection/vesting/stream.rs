use std::collections::BTreeMap;

use fluxora_stream::vesting::{Abi, PauseClock, VestingSchedule, VestingState, VestingStream};
use fluxora_stream::{Address, ChainBody, ContractId, Status, UnixTime};

use super::StreamCreated;
use crate::{ChainPosition, ContractEvent};

/// Where and when an event was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventContext {
    /// Position on chain.
    pub position: ChainPosition,
    /// Close time of the ledger.
    pub close_time: UnixTime,
}

impl EventContext {
    /// The context of a stored event.
    pub fn of(event: &ContractEvent) -> Self {
        Self { position: event.position, close_time: UnixTime::of(event.happened_at) }
    }
}

/// A stream as it is created. Its key is (contract, number): every contract counts from 0.
pub fn create(
    (contract, number): (ContractId, u64),
    created: &StreamCreated,
    abi: Abi,
    tx_hash: &str,
    context: EventContext,
) -> VestingStream {
    let state = VestingState {
        token: created.token,
        schedule: VestingSchedule {
            deposited: created.deposited,
            start: created.start,
            end: created.end,
            cliff: created.cliff,
            curve: created.curve,
            cliff_mode: created.cliff_mode,
            pauses: PauseClock::default(),
        },
        cancellable: created.cancellable,
        pausable: created.pausable,
        transferable: created.transferable,
        withdrawn: 0,
        refunded: 0,
        cancellation: None,
        delegates: BTreeMap::new(),
        reference: created.reference.clone(),
        abi,
        created_ledger: context.position.ledger,
        last_ledger: context.position.ledger,
        tx_hash: tx_hash.to_owned(),
        unprojected_events: 0,
        anomalies: 0,
    };
    let at = context.close_time.instant();
    VestingStream {
        body: ChainBody { contract, number, state },
        sender: created.sender,
        recipient: created.recipient,
        status: Status::Active,
        created_at: at,
        updated_at: at,
        event_count: 0,
    }
}

/// What streams of one contract owe together, by token. The contract's balance of the token is the same, apart from
/// donations.
pub fn liabilities<'a>(streams: impl IntoIterator<Item = &'a VestingStream>) -> BTreeMap<Address, i128> {
    let mut totals = BTreeMap::<Address, i128>::new();
    for stream in streams {
        let total = totals.entry(stream.body.state.token).or_default();
        *total = total.saturating_add(stream.body.state.liability());
    }
    totals
}
