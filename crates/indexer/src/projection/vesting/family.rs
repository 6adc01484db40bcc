use fluxora_stream::vesting::{Abi, VestingState};
use fluxora_stream::{ContractId, StreamId};

use super::{ContractAction, Decoded, EventContext, NotDecoded, apply, create, creation_anomalies, decode};
use crate::ContractEvent;
use crate::projection::engine::{Effect, Engine};
use crate::projection::family::Family;
use crate::projection::{Class, Classified, ContractVersion, Subjects};

/// The projection of this family. Its events say everything themselves: nothing is remembered between them.
#[derive(Debug, Default)]
pub(in crate::projection) struct Vesting;

impl<'a> Family<'a> for Vesting {
    fn classify(contract: ContractId, event: &ContractEvent) -> Option<Classified> {
        let of = |number: Option<u64>| Subjects {
            stream: number.map(|number| StreamId::chain(contract, number)),
            other: None,
        };
        Some(match decode(event.topic.as_str(), &event.payload) {
            Ok(Decoded::Stream(action)) => Classified {
                class: Class::Stream,
                subjects: of(Some(action.stream)),
                version: Some(ContractVersion::Vesting(action.abi)),
            },
            Ok(Decoded::Contract(_)) => {
                let version = Some(ContractVersion::Vesting(Abi::V2));
                Classified { version, ..Classified::of(Class::Protocol) }
            }
            Err(NotDecoded::Unreadable(unreadable)) => {
                Classified { subjects: of(unreadable.stream), ..Classified::of(Class::Unreadable) }
            }
            Err(NotDecoded::OtherFamily) => return None,
        })
    }

    fn project<W: Fn(&StreamId) -> bool>(
        &mut self,
        contract: ContractId,
        event: &'a ContractEvent,
        engine: &mut Engine<'_, W>,
    ) -> bool {
        let context = EventContext::of(event);
        match decode(event.topic.as_str(), &event.payload) {
            Ok(Decoded::Stream(action)) => {
                let id = StreamId::chain(contract, action.stream);
                match &action.action {
                    ContractAction::Created(created) if !engine.holds(&id) => {
                        let key = (contract, action.stream);
                        let tx_hash = event.tx_hash.as_str();
                        let stream = create(key, created, action.abi, tx_hash, context);
                        let anomalies = creation_anomalies(created).into_iter().map(Into::into).collect();
                        engine.insert(stream, anomalies, event);
                    }
                    _ => engine.change::<VestingState>(id, event, |stream| {
                        let applied = apply(stream, &action, context);
                        let anomalies = applied.anomalies.into_iter().map(Into::into).collect();
                        Effect { kinds: applied.events, anomalies }
                    }),
                }
            }
            // The state of a contract is read from its events where it is shown.
            Ok(Decoded::Contract(_)) => {}
            Err(NotDecoded::Unreadable(unreadable)) => {
                let id = unreadable.stream.map(|number| StreamId::chain(contract, number));
                engine.unreadable(id, unreadable.to_string(), event);
            }
            Err(NotDecoded::OtherFamily) => return false,
        }
        true
    }
}
