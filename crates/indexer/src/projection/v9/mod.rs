//! Contract version 9.
//!
//! A value that its events leave open is inferred and marked on the stream ([`Inferred`](fluxora_stream::Inferred)). A
//! later event, or a transfer of tokens, that proves the value corrects it.

mod births;
mod broken;
mod decode;
mod effect;
mod inference;
mod invariants;
mod invocation;
mod payload;
mod rules;
mod transfers;
mod values;

#[cfg(test)]
mod arguments;
#[cfg(test)]
mod called;
#[cfg(test)]
mod impossible;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use fluxora_stream::{ContractId, EventKind, StreamId, UnixTime, V9State, V9Stream};

pub use self::broken::{V9Field, V9Rule};
use self::decode::{ContractAction, Decoded, Fault};
use self::effect::EventContext;
use self::invocation::Settled;
pub(in crate::projection) use self::invocation::of_event as invocation_of;
use self::transfers::Transfers;
use self::values::ShareDelegated;
use super::engine::{self, Effect, Engine};
use super::family::Family;
use super::{Anomaly, Class, Classified, ContractVersion, Subjects};
use crate::ContractEvent;

/// The projection of this family, within one transaction.
#[derive(Debug, Default)]
pub(super) struct V9<'a> {
    transfers: Transfers<'a>,
    /// The stream of the transaction's last event, if that event was a `withdrew`.
    withdrew: Option<StreamId>,
}

impl<'a> Family<'a> for V9<'a> {
    fn classify(contract: ContractId, event: &ContractEvent) -> Option<Classified> {
        let id = |number| StreamId::chain(contract, number);
        let of = |number: Option<u64>| Subjects { stream: number.map(id), other: None };
        let version = Some(ContractVersion::V9);
        Some(match Decoded::read(event.topic.as_str(), &event.payload) {
            Ok(Decoded::Stream(number, action)) => {
                let subjects = match action {
                    ContractAction::ShareDelegated(share) => {
                        Subjects { stream: Some(id(share.child_stream_id.0)), other: Some(id(number)) }
                    }
                    ContractAction::Cloned(clone) => {
                        Subjects { stream: Some(id(number)), other: Some(id(clone.source_stream_id.0)) }
                    }
                    ContractAction::Renewed { renewal } => {
                        Subjects { stream: Some(id(renewal)), other: Some(id(number)) }
                    }
                    _ => of(Some(number)),
                };
                Classified { class: Class::Stream, subjects, version }
            }
            Ok(Decoded::Protocol) => Classified { version, ..Classified::of(Class::Protocol) },
            Ok(Decoded::Transfer(_)) => Classified::of(Class::Transfer),
            Err(Fault::Unknown) => return None,
            Err(Fault::Unreadable { stream, .. }) => {
                Classified { subjects: of(stream), ..Classified::of(Class::Unreadable) }
            }
        })
    }

    fn begin_transaction(&mut self) {
        self.transfers.clear();
        self.withdrew = None;
    }

    fn project<W: Fn(&StreamId) -> bool>(
        &mut self,
        contract: ContractId,
        event: &'a ContractEvent,
        engine: &mut Engine<'_, W>,
    ) -> bool {
        let decoded = Decoded::read(event.topic.as_str(), &event.payload);
        if let Ok(Decoded::Transfer(transfer)) = &decoded {
            self.transfers.record(event.contract.as_str(), transfer);
            return true;
        }
        let now = EventContext {
            at: UnixTime::of(event.happened_at),
            recorded: engine::recorded(event),
            ledger: event.position.ledger,
            paid: self.transfers.take(event.contract.as_str()),
            withdrew: false,
            call: event.invocation.as_deref().filter(|call| *call.contract() == event.contract),
        };
        let withdrew = self.withdrew.take();
        match decoded {
            Ok(Decoded::Stream(number, action)) => {
                let id = StreamId::chain(contract, number);
                self.withdrew = matches!(action, ContractAction::Withdrew(_)).then_some(id);
                let now = EventContext { withdrew: withdrew == Some(id), ..now };
                apply(contract, id, action, &now, event, engine);
            }
            Err(Fault::Unreadable { stream, reason }) => {
                let id = stream.map(|number| StreamId::chain(contract, number));
                engine.unreadable(id, reason, event);
            }
            Ok(Decoded::Protocol | Decoded::Transfer(_)) => {}
            Err(Fault::Unknown) => return false,
        }
        true
    }
}

fn apply<W: Fn(&StreamId) -> bool>(
    contract: ContractId,
    id: StreamId,
    action: ContractAction<'_>,
    now: &EventContext<'_>,
    event: &ContractEvent,
    engine: &mut Engine<'_, W>,
) {
    match action {
        ContractAction::Created(value) => {
            if engine.accepts(&id) {
                let mut anomalies = rules::creation(&value, now.at);
                anomalies.extend(id_in_use(engine, &id));
                let kind = invocation::kind(now.call, &value, now.at);
                anomalies.extend((kind == Settled::Contradicted).then_some(Anomaly::AnotherInvocation));
                let stream = births::created(contract, value, event.tx_hash.as_str(), now, kind);
                engine.insert(stream, anomalies, event);
            }
        }
        ContractAction::ShareDelegated(value) => share(id, &value, now, event, engine),
        ContractAction::Cloned(value) => {
            let number = value.source_stream_id.0;
            let source = engine.stream::<V9State>(&StreamId::chain(contract, number));
            change(engine, id, &[EventKind::Updated], event, |stream| {
                let anomalies = rules::clone(stream, source.as_ref(), &value);
                births::inherit(stream, number, source.as_ref().map(births::kind));
                anomalies
            });
        }
        ContractAction::Renewed { renewal } => {
            let StreamId::Chain { number: source, .. } = id else { return };
            let old = engine.stream::<V9State>(&id);
            change(engine, id, &[EventKind::Updated], event, |old| {
                let anomalies = rules::renewed(old);
                old.body.state.on_chain.auto_renew = Some(false);
                anomalies
            });
            change(engine, StreamId::chain(contract, renewal), &[EventKind::Updated], event, |stream| {
                let anomalies = old.as_ref().map(|old| rules::renewal(stream, old, now.at));
                births::inherit(stream, source, old.as_ref().map(births::kind));
                stream.body.state.on_chain.auto_renew = Some(true);
                anomalies.unwrap_or_default()
            });
        }
        action => {
            change(engine, id, kinds_of(&action), event, |stream| {
                let before = stream.clone();
                let mut anomalies = effect::apply(stream, &action, now);
                if matches!(action, ContractAction::Withdrew(_) | ContractAction::WithdrawnTo(_)) {
                    anomalies.extend(rules::payment(&before, stream, &action, now.at));
                }
                anomalies.extend(rules::refusals(&before, &action, now));
                anomalies
            });
        }
    }
}

fn share<W: Fn(&StreamId) -> bool>(
    id: StreamId,
    value: &ShareDelegated,
    now: &EventContext<'_>,
    event: &ContractEvent,
    engine: &mut Engine<'_, W>,
) {
    let Some(before) = engine.stream::<V9State>(&id) else { return };
    let mut after = before.clone();
    births::give_share(&mut after, value, now);
    let child = births::share(&before, &after, value, event.tx_hash.as_str(), now);
    let anomalies = rules::share(&before, value, now.at);
    let reused = id_in_use(engine, &StreamId::chain(before.body.contract, value.child_stream_id.0));
    // Both streams depend on the division.
    let of_child = anomalies.iter().copied().chain(reused).collect();
    change(engine, id, &[EventKind::Updated], event, |parent| {
        *parent = after;
        anomalies
    });
    engine.insert(child, of_child, event);
}

/// The contract gives an id to a second stream only after it has removed the first.
fn id_in_use<W: Fn(&StreamId) -> bool>(engine: &Engine<'_, W>, id: &StreamId) -> Option<Anomaly> {
    let in_use = match engine.stream::<V9State>(id) {
        Some(stream) => stream.body.state.on_chain.closed_ledger.is_none(),
        None => engine.holds(id),
    };
    in_use.then_some(Anomaly::Refused { rule: V9Rule::IdInUse })
}

/// Changes a stream, and checks the invariants of the contract if it did change.
fn change<W: Fn(&StreamId) -> bool>(
    engine: &mut Engine<'_, W>,
    id: StreamId,
    kinds: &'static [EventKind],
    event: &ContractEvent,
    change: impl FnOnce(&mut V9Stream) -> Vec<Anomaly>,
) {
    engine.change::<V9State>(id, event, |stream| {
        let before = stream.clone();
        let found = change(stream);
        let mut anomalies = if *stream == before { Vec::new() } else { invariants::broken(&before, stream) };
        anomalies.extend(found);
        Effect { kinds, anomalies }
    });
}

/// The type of the stream event that an action of one stream emits.
const fn kinds_of(action: &ContractAction<'_>) -> &'static [EventKind] {
    match action {
        ContractAction::Withdrew(_) | ContractAction::WithdrawnTo(_) => &[EventKind::Withdrawn],
        ContractAction::Completed => &[EventKind::Completed],
        ContractAction::Cancelled | ContractAction::KeeperCancelled(_) => &[EventKind::Cancelled],
        ContractAction::Paused => &[EventKind::Paused],
        ContractAction::Resumed => &[EventKind::Resumed],
        ContractAction::Closed => &[EventKind::Closed],
        _ => &[EventKind::Updated],
    }
}
