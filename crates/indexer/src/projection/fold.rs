//! Applies contract events to streams, one after the other.

use fluxora_stream::{Cause, ChainStream, Changes, ContractId, EventData, EventKind, StreamId, UnixTime};
use jiff::Timestamp;

use super::decode::{ContractAction, Decoded, Fault};
use super::effect::{self, EventContext};
use super::transfers::Transfers;
use super::values::ShareDelegated;
use super::{EmittedEvent, Projected, ReportedAnomaly, Streams, Unprojected, births};
use crate::ContractEvent;

pub(super) struct Fold<'s, 'a, W> {
    streams: &'s mut Streams,
    within: W,
    projected: Projected,
    transaction: Option<(u32, u32)>,
    transfers: Transfers<'a>,
    /// The stream of the transaction's last event, if that event was a `withdrew`.
    withdrew: Option<StreamId>,
    /// The last two parsed contracts: most events are of a stream contract or of its token.
    contracts: [Option<(&'a str, ContractId)>; 2],
}

impl<'s, 'a, W: Fn(&StreamId) -> bool> Fold<'s, 'a, W> {
    pub(super) fn new(streams: &'s mut Streams, within: W) -> Self {
        Self {
            streams,
            within,
            projected: Projected::default(),
            transaction: None,
            transfers: Transfers::default(),
            withdrew: None,
            contracts: [None; 2],
        }
    }

    pub(super) fn finish(self) -> Projected {
        self.projected
    }

    pub(super) fn event(&mut self, event: &'a ContractEvent) {
        if self.transaction.replace(event.position.transaction()) != Some(event.position.transaction()) {
            self.transfers.clear();
            self.withdrew = None;
        }
        let Some(contract) = self.contract(event) else { return };
        let decoded = Decoded::read(event.topic.as_str(), &event.payload);
        if let Ok(Decoded::Transfer(transfer)) = &decoded {
            self.transfers.record(event.contract.as_str(), transfer);
            return;
        }
        let now = EventContext {
            at: UnixTime::of(event.happened_at),
            recorded: in_milliseconds(event.happened_at),
            ledger: event.position.ledger,
            paid: self.transfers.take(event.contract.as_str()),
            withdrew: false,
        };
        let withdrew = self.withdrew.take();
        match decoded {
            Ok(Decoded::Stream(number, action)) => {
                let id = StreamId::chain(contract, number);
                self.withdrew = matches!(action, ContractAction::Withdrew(_)).then_some(id);
                self.apply(id, action, &EventContext { withdrew: withdrew == Some(id), ..now }, event);
            }
            Err(Fault::Unreadable { stream, reason }) => {
                let id = stream.map(|number| StreamId::chain(contract, number));
                self.unreadable(id, reason, &now, event);
            }
            Ok(Decoded::Protocol | Decoded::Transfer(_)) | Err(Fault::Unknown) => {}
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

    fn apply(
        &mut self,
        id: StreamId,
        action: ContractAction<'_>,
        now: &EventContext<'_>,
        event: &ContractEvent,
    ) {
        match action {
            ContractAction::Created(value) => {
                let Some(contract) = id.contract() else { return };
                if (self.within)(&id) {
                    self.insert(births::created(contract, value, event.tx_hash.as_str(), now), now, event);
                }
            }
            ContractAction::ShareDelegated(value) => self.share(id, &value, now, event),
            ContractAction::Cloned { source } => {
                let kind = self.sibling(id, source).map(births::kind);
                self.change(id, EventKind::Updated, now, event, |stream| {
                    births::inherit(stream, source, kind);
                });
            }
            ContractAction::Renewed { renewal } => {
                let StreamId::Chain { contract, number: source } = id else { return };
                let kind = self.streams.get(&id).map(births::kind);
                self.change(id, EventKind::Updated, now, event, |old| old.v9_mut().auto_renew = Some(false));
                self.change(StreamId::chain(contract, renewal), EventKind::Updated, now, event, |stream| {
                    births::inherit(stream, source, kind);
                    stream.v9_mut().auto_renew = Some(true);
                });
            }
            action => {
                let mut anomaly = None;
                self.change(id, kind_of(&action), now, event, |stream| {
                    anomaly = effect::apply(stream, &action, now);
                });
                let reported =
                    anomaly.map(|what| ReportedAnomaly { event: event.id.clone(), stream: id, what });
                self.projected.anomalies.extend(reported);
            }
        }
    }

    /// The stream with this number in the same contract.
    fn sibling(&self, id: StreamId, number: u64) -> Option<&ChainStream> {
        self.streams.get(&StreamId::chain(id.contract()?, number))
    }

    fn share(&mut self, id: StreamId, value: &ShareDelegated, now: &EventContext<'_>, event: &ContractEvent) {
        let Some(before) = self.streams.get(&id) else { return };
        let before = before.clone();
        let mut after = before.clone();
        births::give_share(&mut after, value, now);
        let child = births::share(&before, &after, value, event.tx_hash.as_str(), now);
        self.change(id, EventKind::Updated, now, event, |parent| *parent = after);
        if (self.within)(&child.id()) {
            self.insert(child, now, event);
        }
    }

    /// Adds a stream. It replaces a stream with the same id: the contract reuses the ids of removed streams.
    fn insert(&mut self, mut stream: ChainStream, now: &EventContext<'_>, event: &ContractEvent) {
        let id = stream.id();
        stream.event_count = self.streams.get(&id).map_or(0, |replaced| replaced.event_count);
        self.emit(id, EventKind::Created, Changes::between(None, &stream), now, event);
        self.streams.insert(id, stream);
    }

    /// Changes a stream and emits the change. An event that changes no field of [`Changes`] leaves the stream
    /// untouched.
    fn change(
        &mut self,
        id: StreamId,
        kind: EventKind,
        now: &EventContext<'_>,
        event: &ContractEvent,
        change: impl FnOnce(&mut ChainStream),
    ) {
        if !(self.within)(&id) {
            return;
        }
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let mut after = stream.clone();
        change(&mut after);
        let mut changes = Changes::between(Some(stream), &after);
        if changes.is_empty() {
            return;
        }
        let before = std::mem::replace(&mut after.v9_mut().last_ledger, now.ledger);
        changes.last_ledger = Some(now.ledger).filter(|ledger| *ledger != before);
        after.updated_at = now.recorded;
        *stream = after;
        self.emit(id, kind, changes, now, event);
    }

    fn unreadable(
        &mut self,
        id: Option<StreamId>,
        reason: String,
        now: &EventContext<'_>,
        event: &ContractEvent,
    ) {
        if let Some(id) = id {
            if !(self.within)(&id) {
                return;
            }
            self.change(id, EventKind::Updated, now, event, |stream| {
                let chain = stream.v9_mut();
                chain.unprojected_events = chain.unprojected_events.saturating_add(1);
            });
        }
        self.projected.unprojected.push(Unprojected { event: event.id.clone(), stream: id, reason });
    }

    fn emit(
        &mut self,
        stream: StreamId,
        kind: EventKind,
        changes: Changes,
        now: &EventContext<'_>,
        event: &ContractEvent,
    ) {
        let cause = Cause::ContractEvent {
            ledger: event.position.ledger,
            tx_hash: event.tx_hash.as_str().to_owned(),
            event_id: event.id.as_str().to_owned(),
            topic: event.topic.as_str().to_owned(),
        };
        let data = EventData { cause, changes: Box::new(changes), settlement: None };
        self.projected.emitted.push(EmittedEvent { stream, at: now.recorded, kind, data });
    }
}

/// The type of the stream event that an action of one stream emits.
fn kind_of(action: &ContractAction<'_>) -> EventKind {
    match action {
        ContractAction::Withdrew(_) | ContractAction::WithdrawnTo(_) => EventKind::Withdrawn,
        ContractAction::Completed => EventKind::Completed,
        ContractAction::Cancelled | ContractAction::KeeperCancelled(_) => EventKind::Cancelled,
        ContractAction::Paused => EventKind::Paused,
        ContractAction::Resumed => EventKind::Resumed,
        ContractAction::Closed => EventKind::Closed,
        _ => EventKind::Updated,
    }
}

/// The instant at millisecond precision, as it is recorded.
fn in_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
