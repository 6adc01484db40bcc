//! Events, by their first topic.

use fluxora_stream::vesting::{Abi, CliffMode, Curve, VestingStatus};
use fluxora_stream::{Address, UnixTime};

use super::action::{
    ContractAction, Decoded, StreamAction, StreamCancelled, StreamCreated, StreamPaused, StreamResumed,
    StreamToppedUp, StreamWithdrawn,
};
use super::fault::{NotDecoded, PayloadFault, Unreadable};
use super::fields::{EventValue, Field, Payload};
use super::halt::HaltAction;

/// Decodes an event with this first topic.
///
/// # Errors [`NotDecoded::OtherFamily`] if its name or its shape is not one of a vesting contract;
/// [`NotDecoded::Unreadable`] if it is, but a required part is missing or wrong.
pub fn decode(topic: &str, payload: &str) -> Result<Decoded, NotDecoded> {
    let name = EventName::parse(topic).ok_or(NotDecoded::OtherFamily)?;
    let payload = Payload::read(topic, payload).ok_or(NotDecoded::OtherFamily)?;
    if !name.has_shape_of(&payload) {
        return Err(NotDecoded::OtherFamily);
    }
    let reader = Reader { payload: &payload, abi: Abi::V1 };
    let stream = payload.topics.get(1).and_then(Field::number);
    let unreadable = |fault| NotDecoded::Unreadable(Unreadable { stream, fault });
    if let Some(part) = payload.repeated {
        return Err(unreadable(PayloadFault::Repeated { part }));
    }
    if matches!(payload.value, EventValue::Other) {
        return Err(unreadable(PayloadFault::NotAMap));
    }
    match name {
        EventName::Contract(name) => reader.halt(name).map(Decoded::Contract),
        EventName::Stream(name) => reader.stream_action(name).map(Decoded::Stream),
    }
    .map_err(unreadable)
}

/// First topics of the contract.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EventName {
    Stream(StreamEventName),
    Contract(HaltEventName),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StreamEventName {
    Created,
    Withdrawn,
    Cancelled,
    Paused,
    Resumed,
    ToppedUp,
    RecipientTransferred,
    TtlExtended,
    DelegateGranted,
    DelegateRevoked,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HaltEventName {
    OperatorSet,
    Halted,
    Resumed,
}

impl EventName {
    fn parse(topic: &str) -> Option<Self> {
        Some(match topic {
            "stream_created" => Self::Stream(StreamEventName::Created),
            "withdrawn" => Self::Stream(StreamEventName::Withdrawn),
            "cancelled" => Self::Stream(StreamEventName::Cancelled),
            "paused" => Self::Stream(StreamEventName::Paused),
            "resumed" => Self::Stream(StreamEventName::Resumed),
            "topped_up" => Self::Stream(StreamEventName::ToppedUp),
            "recipient_transferred" => Self::Stream(StreamEventName::RecipientTransferred),
            "ttl_extended" => Self::Stream(StreamEventName::TtlExtended),
            "delegate_granted" => Self::Stream(StreamEventName::DelegateGranted),
            "delegate_revoked" => Self::Stream(StreamEventName::DelegateRevoked),
            "halt_operator_set" => Self::Contract(HaltEventName::OperatorSet),
            "contract_halted" => Self::Contract(HaltEventName::Halted),
            "contract_resumed" => Self::Contract(HaltEventName::Resumed),
            _ => return None,
        })
    }

    /// Whether an event with this name is one of this family. Contract v9 repeats the id of the stream in a map, as
    /// `stream_id`, or has a list; three of its names are the same, and its governance emits `cancelled` with 2
    /// topics.
    fn has_shape_of(self, payload: &Payload<'_>) -> bool {
        let least = match self {
            Self::Stream(StreamEventName::Paused | StreamEventName::Resumed) => 3,
            Self::Stream(StreamEventName::Cancelled) => 4,
            _ => return payload.value.field("stream_id").is_none(),
        };
        payload.topics.count >= least
            && payload.topics.get(1).and_then(Field::number).is_some()
            && matches!(payload.value, EventValue::Map(_))
            && payload.value.field("stream_id").is_none()
    }
}

/// Reads the parts of a payload, and notes whether one of them exists in ABI 2 only.
struct Reader<'p, 'a> {
    payload: &'p Payload<'a>,
    abi: Abi,
}

const AMOUNT: &str = "an amount of 0 or more";
const SECONDS: &str = "a number of seconds";
const CODE: &str = "a number of 32 bits";
const FLAG: &str = "a boolean";
const TEXT: &str = "a text";
const ADDRESS: &str = "the address of an account or a contract";

impl<'a> Reader<'_, 'a> {
    fn stream_action(mut self, name: StreamEventName) -> Result<StreamAction, PayloadFault> {
        let stream = self.topic(1, "id", "a stream number", Field::number)?;
        let action = self.action(name)?;
        Ok(StreamAction { stream, abi: self.abi, action })
    }

    fn action(&mut self, name: StreamEventName) -> Result<ContractAction, PayloadFault> {
        Ok(match name {
            StreamEventName::Created => ContractAction::Created(Box::new(self.created()?)),
            StreamEventName::Withdrawn => ContractAction::Withdrawn(self.withdrawn()?),
            StreamEventName::Cancelled => ContractAction::Cancelled(self.cancelled()?),
            StreamEventName::Paused => ContractAction::Paused(self.paused()?),
            StreamEventName::Resumed => ContractAction::Resumed(self.resumed()?),
            StreamEventName::ToppedUp => ContractAction::ToppedUp(self.topped_up()?),
            StreamEventName::RecipientTransferred => {
                self.note_abi_2("sender");
                ContractAction::RecipientTransferred {
                    from: self.party(2, "old recipient")?,
                    to: self.party(3, "new recipient")?,
                }
            }
            StreamEventName::DelegateGranted => {
                self.abi = Abi::V2;
                ContractAction::DelegateGranted {
                    grantor: self.party(2, "grantor")?,
                    delegate: self.party(3, "delegate")?,
                    operations: self.required("ops", CODE, Field::small_number)?,
                    expires_at: self.required("expires_at", SECONDS, or_void(Field::second))?,
                }
            }
            StreamEventName::DelegateRevoked => {
                self.abi = Abi::V2;
                ContractAction::DelegateRevoked {
                    grantor: self.party(2, "grantor")?,
                    delegate: self.party(3, "delegate")?,
                }
            }
            StreamEventName::TtlExtended => ContractAction::TtlExtended {
                ledgers: self.required("extended_to_ledgers", CODE, Field::small_number)?,
            },
        })
    }

    fn created(&mut self) -> Result<StreamCreated, PayloadFault> {
        Ok(StreamCreated {
            sender: self.party(2, "sender")?,
            recipient: self.party(3, "recipient")?,
            token: self.required("token", ADDRESS, Field::address)?,
            deposited: self.amount("deposited")?,
            start: self.second("start_time")?,
            end: self.second("end_time")?,
            cliff: self.second("cliff_time")?,
            cancellable: self.required("cancellable", FLAG, Field::flag)?,
            pausable: self.required("pausable", FLAG, Field::flag)?,
            transferable: self.required("transferable", FLAG, Field::flag)?,
            curve: self.abi_2_code("curve", Curve::from_code)?.unwrap_or_default(),
            cliff_mode: self.abi_2_code("cliff_mode", CliffMode::from_code)?.unwrap_or_default(),
            reference: self.abi_2("reference", TEXT, or_void(owned))?.flatten(),
        })
    }

    fn withdrawn(&mut self) -> Result<StreamWithdrawn, PayloadFault> {
        self.note_abi_2("sender");
        let status = self.required("status", CODE, Field::small_number)?;
        Ok(StreamWithdrawn {
            recipient: self.party(2, "recipient")?,
            amount: self.amount("amount")?,
            withdrawn: self.amount("withdrawn")?,
            deposited: self.amount("deposited")?,
            status: defined("status", status, VestingStatus::from_code)?,
            paused_at: self.abi_2("paused_at", SECONDS, or_void(Field::second))?,
            paused_total: self.abi_2("paused_total", SECONDS, Field::number)?,
        })
    }

    fn cancelled(&mut self) -> Result<StreamCancelled, PayloadFault> {
        self.note_abi_2("paused_at");
        Ok(StreamCancelled {
            sender: self.party(2, "sender")?,
            recipient: self.party(3, "recipient")?,
            refunded: self.amount("refunded")?,
            vested: self.amount("vested")?,
            withdrawn: self.amount("withdrawn")?,
            end: self.second("end_time")?,
            paused_total: self.abi_2("paused_total", SECONDS, Field::number)?,
        })
    }

    fn paused(&mut self) -> Result<StreamPaused, PayloadFault> {
        self.note_abi_2("recipient");
        Ok(StreamPaused {
            sender: self.party(2, "sender")?,
            paused_at: self.second("paused_at")?,
            paused_total: self.required("paused_total", SECONDS, Field::number)?,
        })
    }

    fn resumed(&mut self) -> Result<StreamResumed, PayloadFault> {
        self.note_abi_2("recipient");
        Ok(StreamResumed {
            sender: self.party(2, "sender")?,
            paused_duration: self.required("paused_duration", SECONDS, Field::number)?,
            paused_total: self.required("paused_total", SECONDS, Field::number)?,
        })
    }

    fn topped_up(&mut self) -> Result<StreamToppedUp, PayloadFault> {
        self.note_abi_2("recipient");
        Ok(StreamToppedUp {
            sender: self.party(2, "sender")?,
            amount: self.amount("amount")?,
            deposited: self.amount("deposited")?,
            end: self.second("end_time")?,
        })
    }

    fn halt(&self, name: HaltEventName) -> Result<HaltAction, PayloadFault> {
        let operator = self.party(1, "operator")?;
        Ok(match name {
            HaltEventName::OperatorSet => HaltAction::OperatorSet { operator },
            HaltEventName::Halted => HaltAction::Halted { operator, halted_at: self.second("halted_at")? },
            HaltEventName::Resumed => HaltAction::Resumed {
                operator,
                resumed_at: self.second("resumed_at")?,
                halted_for: self.required("halted_for", SECONDS, Field::number)?,
            },
        })
    }

    fn amount(&self, field: &'static str) -> Result<i128, PayloadFault> {
        self.required(field, AMOUNT, Field::amount)
    }

    fn second(&self, field: &'static str) -> Result<UnixTime, PayloadFault> {
        self.required(field, SECONDS, Field::second)
    }

    fn party(&self, index: usize, name: &'static str) -> Result<Address, PayloadFault> {
        self.topic(index, name, ADDRESS, Field::address)
    }

    fn topic<T>(
        &self,
        index: usize,
        name: &'static str,
        expected: &'static str,
        read: impl FnOnce(&Field<'a>) -> Option<T>,
    ) -> Result<T, PayloadFault> {
        let topic = self.payload.topics.get(index).ok_or(PayloadFault::MissingTopic { index, name })?;
        read(topic).ok_or(PayloadFault::WrongTopic { index, name, expected })
    }

    fn required<T>(
        &self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&Field<'a>) -> Option<T>,
    ) -> Result<T, PayloadFault> {
        self.optional(field, expected, read)?.ok_or(PayloadFault::MissingField { field })
    }

    fn optional<T>(
        &self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&Field<'a>) -> Option<T>,
    ) -> Result<Option<T>, PayloadFault> {
        let Some(value) = self.payload.value.field(field) else { return Ok(None) };
        read(value).ok_or(PayloadFault::WrongType { field, expected }).map(Some)
    }

    /// A field that only ABI 2 has: `None` where it is absent.
    fn abi_2<T>(
        &mut self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&Field<'a>) -> Option<T>,
    ) -> Result<Option<T>, PayloadFault> {
        self.note_abi_2(field);
        self.optional(field, expected, read)
    }

    fn abi_2_code<T>(
        &mut self,
        field: &'static str,
        from_code: impl FnOnce(u32) -> Option<T>,
    ) -> Result<Option<T>, PayloadFault> {
        let code = self.abi_2(field, CODE, Field::small_number)?;
        code.map(|code| defined(field, code, from_code)).transpose()
    }

    /// A field that only ABI 2 has, and whose value is not needed.
    fn note_abi_2(&mut self, field: &str) {
        if self.payload.value.field(field).is_some() {
            self.abi = Abi::V2;
        }
    }
}

fn defined<T>(
    field: &'static str,
    code: u32,
    from_code: impl FnOnce(u32) -> Option<T>,
) -> Result<T, PayloadFault> {
    from_code(code).ok_or(PayloadFault::UndefinedCode { field, code })
}

/// Reads an option of the contract: void or a value.
fn or_void<'a, T>(
    read: impl FnOnce(&Field<'a>) -> Option<T>,
) -> impl FnOnce(&Field<'a>) -> Option<Option<T>> {
    |field| match field {
        Field::Void => Some(None),
        _ => read(field).map(Some),
    }
}

fn owned(field: &Field<'_>) -> Option<String> {
    field.text().map(str::to_owned)
}
