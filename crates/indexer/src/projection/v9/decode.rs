//! Decoding of contract events by topic.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::payload::{Payload, Topics};
use super::values::{
    AutoClaimSet, Bare, ClaimOwnerChanged, Cloned, Created, Decommissioned, EndExtended, EndShortened,
    HealthChanged, KeeperCancelled, Moved, Named, OfStream, RateDecreased, RateUpdated, RecipientUpdated,
    Renewed, SenderTransferred, ShareDelegated, ToppedUp, Transfer, WithdrawnTo, Withdrew,
};
use crate::projection::envelope::Envelope;

/// A decoded contract event.
#[derive(Debug)]
pub(super) enum Decoded<'a> {
    /// An action of the stream with this number.
    Stream(u64, ContractAction<'a>),
    /// An event of the contract about no stream.
    Protocol,
    /// A transfer of a token.
    Transfer(Transfer<'a>),
}

/// Why an event cannot be decoded.
#[derive(Debug)]
pub(super) enum Fault {
    /// The topic or the shape is not the contract's.
    Unknown,
    /// The topic is the contract's, but a field is missing or wrong.
    Unreadable {
        /// The stream that the topics name, if it is readable.
        stream: Option<u64>,
        /// The reason, for an operator.
        reason: String,
    },
}

/// An action that a contract event reports of a stream.
#[derive(Debug)]
pub(super) enum ContractAction<'a> {
    Created(Created),
    Withdrew(Withdrew<'a>),
    WithdrawnTo(WithdrawnTo),
    AutoClaimTriggered,
    Completed,
    Cancelled,
    KeeperCancelled(KeeperCancelled),
    Closed,
    Paused,
    Resumed,
    RateUpdated(RateUpdated),
    RateDecreased(RateDecreased),
    EndShortened(EndShortened),
    EndExtended(EndExtended),
    ToppedUp(ToppedUp),
    RecipientUpdated(RecipientUpdated),
    ClaimOwnerChanged(ClaimOwnerChanged),
    SenderTransferred(SenderTransferred),
    /// Reported of the parent.
    ShareDelegated(ShareDelegated),
    /// Reported of the clone.
    Cloned(Cloned),
    /// Reported of the stream that was renewed.
    Renewed {
        renewal: u64,
    },
    Decommissioned(Decommissioned),
    AutoClaimSet(AutoClaimSet),
    AutoClaimRevoked,
    HealthChanged(HealthChanged),
}

impl<'a> Decoded<'a> {
    /// Decodes the payload of an event with this first topic.
    pub(super) fn read(topic: &str, payload: &'a str) -> Result<Self, Fault> {
        let event = Event { topic, payload };
        match topic {
            "created" => event.of_stream(ContractAction::Created),
            "withdrew" => event.of_stream(ContractAction::Withdrew),
            "wdraw_to" => event.of_stream(ContractAction::WithdrawnTo),
            "ac_trig" => event.of_stream(|Bare { .. }| ContractAction::AutoClaimTriggered),
            "completed" => event.named("StreamCompleted", ContractAction::Completed),
            "cancelled" => event.named("StreamCancelled", ContractAction::Cancelled),
            "closed" => event.named("StreamClosed", ContractAction::Closed),
            "resumed" => event.named("Resumed", ContractAction::Resumed),
            "paused" => event.of_stream(|Bare { .. }| ContractAction::Paused),
            "kp_cncl" => event.of_stream(ContractAction::KeeperCancelled),
            "rate_upd" => event.of_stream(ContractAction::RateUpdated),
            "rate_dec" => event.of_stream(ContractAction::RateDecreased),
            "end_shrt" => event.of_stream(ContractAction::EndShortened),
            "end_ext" => event.of_stream(ContractAction::EndExtended),
            "top_up" => event.of_stream(ContractAction::ToppedUp),
            "recp_upd" => event.of_stream(ContractAction::RecipientUpdated),
            "claim_own" => event.of_stream(ContractAction::ClaimOwnerChanged),
            "sndr_xfr" => event.of_stream(ContractAction::SenderTransferred),
            "del_share" => event.of_two(ContractAction::ShareDelegated, |share| share.child_stream_id.0),
            "cloned" => event.of_two(ContractAction::Cloned, |clone| clone.source_stream_id.0),
            "renewed" => event.renewed(),
            "decomm" => event.of_stream(ContractAction::Decommissioned),
            "ac_set" => event.of_stream(ContractAction::AutoClaimSet),
            "ac_revoke" => event.of_stream(|Bare { .. }| ContractAction::AutoClaimRevoked),
            "health" => event.of_stream(ContractAction::HealthChanged),
            "offr_crt" | "offr_acc" | "offr_cxl" | "gl_pause" | "gl_resume" | "ct_pause" | "pr_pause"
            | "pr_resume" | "ex_swept" | "AdminUpd" | "tmpl_def" | "res_rel" | "rate_cap" | "upgraded"
            | "upgrade" => event.protocol(),
            "transfer" => event.transfer(),
            _ => Err(Fault::Unknown),
        }
    }
}

struct Event<'t, 'a> {
    topic: &'t str,
    payload: &'a str,
}

impl<'a> Event<'_, 'a> {
    /// An event with two topics; the second is the stream that the value names.
    fn of_stream<V: Deserialize<'a> + OfStream>(
        &self,
        action: impl FnOnce(V) -> ContractAction<'a>,
    ) -> Result<Decoded<'a>, Fault> {
        self.stream(2, |value, _| Ok(action(value)))
    }

    /// The same with a second stream in the value.
    fn of_two<V: Deserialize<'a> + OfStream>(
        &self,
        action: impl FnOnce(V) -> ContractAction<'a>,
        other: impl FnOnce(&V) -> u64,
    ) -> Result<Decoded<'a>, Fault> {
        self.stream(2, |value: V, _| match other(&value) == value.stream() {
            true => Err("the two streams are the same".to_owned()),
            false => Ok(action(value)),
        })
    }

    fn named(&self, name: &str, action: ContractAction<'a>) -> Result<Decoded<'a>, Fault> {
        self.stream(2, |Named(text, _), _| match text.0 == name {
            true => Ok(action),
            false => Err(format!("the value is not {name}")),
        })
    }

    /// An event with three topics; the second and the third are the streams.
    fn renewed(&self) -> Result<Decoded<'a>, Fault> {
        self.stream(3, |value: Renewed, topics| {
            let renewal = value.new_stream_id.0;
            if topics.stream(2) != Some(renewal) || renewal == value.stream_id.0 {
                return Err(
                    "the streams of the topics differ from those of the value, or are the same".to_owned()
                );
            }
            Ok(ContractAction::Renewed { renewal })
        })
    }

    fn stream<V: Deserialize<'a> + OfStream>(
        &self,
        topics: usize,
        action: impl FnOnce(V, &Topics<'a>) -> Result<ContractAction<'a>, String>,
    ) -> Result<Decoded<'a>, Fault> {
        let payload: Payload<'a, V> = self.read()?;
        let stream = payload.topic.stream(1);
        let unreadable = |reason| Fault::Unreadable { stream, reason };
        let number =
            stream.ok_or_else(|| unreadable("the second topic is not a stream number".to_owned()))?;
        if payload.topic.count != topics {
            return Err(unreadable(format!("the number of topics is not {topics}")));
        }
        if payload.value.stream() != number {
            return Err(unreadable("the value names a stream that is not the one of the topics".to_owned()));
        }
        let action = action(payload.value, &payload.topic).map_err(unreadable)?;
        Ok(Decoded::Stream(number, action))
    }

    fn protocol(&self) -> Result<Decoded<'a>, Fault> {
        self.read::<IgnoredAny>().map(|_| Decoded::Protocol)
    }

    fn transfer(&self) -> Result<Decoded<'a>, Fault> {
        let Payload { topic, value } = self.read::<Moved<'a>>().map_err(|_| Fault::Unknown)?;
        let (Moved::Amount(amount) | Moved::Map { amount }) = value;
        match (topic.texts, amount.0.parse()) {
            ([_, Some(from), Some(to)], Ok(amount)) => Ok(Decoded::Transfer(Transfer { from, to, amount })),
            _ => Err(Fault::Unknown),
        }
    }

    /// Reads the payload with its value as `V`. An error distinguishes an event of this shape from any other payload.
    fn read<V: Deserialize<'a>>(&self) -> Result<Payload<'a, V>, Fault> {
        let error = match serde_json::from_str::<Payload<'a, V>>(self.payload) {
            Ok(payload) if payload.topic.name() == Some(self.topic) => return Ok(payload),
            Ok(_) => return Err(Fault::Unknown),
            Err(error) => error,
        };
        let envelope = serde_json::from_str::<Envelope<Topics<'a>, IgnoredAny>>(self.payload);
        let Ok(Envelope { topics, value: Some(_), repeated }) = envelope else { return Err(Fault::Unknown) };
        let own = topics.iter().find(|list| list.name() == Some(self.topic)).ok_or(Fault::Unknown)?;
        let repeated = repeated.map(|part| format!("the payload has `{part}` more than once"));
        let reason = repeated.unwrap_or_else(|| reason(&error));
        Err(Fault::Unreadable { stream: own.stream(1), reason })
    }
}

/// The reason why a payload cannot be read, without its contents.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let at = error.column();
    // This message of serde names a field of this crate's types and no contents.
    if text.starts_with("missing field") {
        text
    } else {
        format!("a field has a wrong type or value at character {at}")
    }
}
