//! Contract version 9.
//!
//! A value that its events leave open is inferred and marked on the stream ([`Inferred`](fluxora_stream::Inferred)). A
//! later event, or a transfer of tokens, that proves the value corrects it.

mod births;
mod decode;
mod effect;
mod inference;
mod invariants;
mod payload;
mod transfers;
mod values;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use fluxora_stream::{ContractId, EventKind, Kind, StreamId, UnixTime, V9State, V9Stream};

use self::decode::{ContractAction, Decoded, Fault};
use self::effect::EventContext;
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
                    ContractAction::Cloned { source } => {
                        Subjects { stream: Some(id(number)), other: Some(id(source)) }
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
                engine.insert(births::created(contract, value, event.tx_hash.as_str(), now), event);
            }
        }
        ContractAction::ShareDelegated(value) => share(id, &value, now, event, engine),
        ContractAction::Cloned { source } => {
            let kind = kind(engine, &StreamId::chain(contract, source));
            change(engine, id, &[EventKind::Updated], event, |stream| {
                births::inherit(stream, source, kind);
                None
            });
        }
        ContractAction::Renewed { renewal } => {
            let StreamId::Chain { number: source, .. } = id else { return };
            let kind = kind(engine, &id);
            change(engine, id, &[EventKind::Updated], event, |old| {
                old.body.state.on_chain.auto_renew = Some(false);
                None
            });
            change(engine, StreamId::chain(contract, renewal), &[EventKind::Updated], event, |stream| {
                births::inherit(stream, source, kind);
                stream.body.state.on_chain.auto_renew = Some(true);
                None
            });
        }
        action => {
            change(engine, id, kinds_of(&action), event, |stream| effect::apply(stream, &action, now));
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
    change(engine, id, &[EventKind::Updated], event, |parent| {
        *parent = after;
        None
    });
    engine.insert(child, event);
}

fn kind<W: Fn(&StreamId) -> bool>(engine: &Engine<'_, W>, id: &StreamId) -> Option<(Kind, bool)> {
    engine.stream::<V9State>(id).as_ref().map(births::kind)
}

/// Changes a stream, and checks the invariants of the contract if it did change.
fn change<W: Fn(&StreamId) -> bool>(
    engine: &mut Engine<'_, W>,
    id: StreamId,
    kinds: &'static [EventKind],
    event: &ContractEvent,
    change: impl FnOnce(&mut V9Stream) -> Option<Anomaly>,
) {
    engine.change::<V9State>(id, event, |stream| {
        let before = stream.clone();
        let mut anomalies: Vec<_> = change(stream).into_iter().collect();
        if *stream != before {
            anomalies.extend(invariants::broken(&before, stream));
        }
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
