//! What an event says, by its topic.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::payload::{Payload, Topics};
use super::values::{
    AutoClaimSet, Bare, ClaimOwnerChanged, Cloned, Created, Decommissioned, EndExtended, EndShortened,
    HealthChanged, KeeperCancelled, Moved, Named, OfStream, RateDecreased, RateUpdated, RecipientUpdated,
    Renewed, SenderTransferred, ShareDelegated, ToppedUp, Transfer, WithdrawnTo, Withdrew,
};

/// An event, read.
#[derive(Debug)]
pub(super) enum Decoded<'a> {
    /// Something happened to the stream with this number.
    Stream(u64, ContractAction<'a>),
    /// Something happened to the contract as a whole.
    Protocol,
    /// A token moved.
    Transfer(Transfer<'a>),
}

/// Why an event is not read.
#[derive(Debug)]
pub(super) enum Fault {
    /// Not the contract's.
    Unknown,
    /// The contract's, but not readable.
    Unreadable {
        /// The stream it is of, if that at least can be read.
        stream: Option<u64>,
        /// What is wrong.
        reason: String,
    },
}

/// What can happen to a stream.
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
    /// The stream is the parent.
    ShareDelegated(ShareDelegated),
    /// The stream is the clone.
    Cloned {
        source: u64,
    },
    /// The stream is the old one.
    Renewed {
        renewal: u64,
    },
    Decommissioned(Decommissioned),
    AutoClaimSet(AutoClaimSet),
    AutoClaimRevoked,
    HealthChanged(HealthChanged),
}

impl<'a> Decoded<'a> {
    /// Reads the payload of an event with this first topic.
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
            "cloned" => event.of_two(
                |clone: Cloned| ContractAction::Cloned { source: clone.source_stream_id.0 },
                |clone| clone.source_stream_id.0,
            ),
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
    /// Two topics, the second of which is the stream that the value names too.
    fn of_stream<V: Deserialize<'a> + OfStream>(
        &self,
        action: impl FnOnce(V) -> ContractAction<'a>,
    ) -> Result<Decoded<'a>, Fault> {
        self.stream(2, |value, _| Ok(action(value)))
    }

    /// The same, with a second stream.
    fn of_two<V: Deserialize<'a> + OfStream>(
        &self,
        action: impl FnOnce(V) -> ContractAction<'a>,
        other: impl FnOnce(&V) -> u64,
    ) -> Result<Decoded<'a>, Fault> {
        self.stream(2, |value: V, _| match other(&value) == value.stream() {
            true => Err("the two streams are one".to_owned()),
            false => Ok(action(value)),
        })
    }

    fn named(&self, name: &str, action: ContractAction<'a>) -> Result<Decoded<'a>, Fault> {
        self.stream(2, |Named(text, _), _| match text.0 == name {
            true => Ok(action),
            false => Err(format!("the value does not say {name}")),
        })
    }

    /// Three topics: the second and the third are the streams.
    fn renewed(&self) -> Result<Decoded<'a>, Fault> {
        self.stream(3, |value: Renewed, topics| {
            let renewal = value.new_stream_id.0;
            if topics.stream(2) != Some(renewal) || renewal == value.stream_id.0 {
                return Err("the streams of the topics are not those of the value, or are one".to_owned());
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
        let number = stream.ok_or_else(|| unreadable("the second topic is no stream".to_owned()))?;
        if payload.topic.count != topics {
            return Err(unreadable(format!("there are not {topics} topics")));
        }
        if payload.value.stream() != number {
            return Err(unreadable("the value is of another stream than the topics".to_owned()));
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

    /// Reads the payload with its value as `V`; if that cannot be, tells whether it is at least shaped as an event with this topic.
    fn read<V: Deserialize<'a>>(&self) -> Result<Payload<'a, V>, Fault> {
        let error = match serde_json::from_str::<Payload<'a, V>>(self.payload) {
            Ok(payload) if payload.topic.name() == Some(self.topic) => return Ok(payload),
            Ok(_) => return Err(Fault::Unknown),
            Err(error) => error,
        };
        match serde_json::from_str::<Payload<'a, IgnoredAny>>(self.payload) {
            Ok(payload) if payload.topic.name() == Some(self.topic) => {
                Err(Fault::Unreadable { stream: payload.topic.stream(1), reason: reason(&error) })
            }
            _ => Err(Fault::Unknown),
        }
    }
}

/// Why a payload cannot be read, without anything that stands in it.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let at = error.column();
    // Of serde's messages, this one names a field of ours and nothing else.
    if text.starts_with("missing field") {
        text
    } else {
        format!("a field has another type or value than it must, at character {at}")
    }
}
