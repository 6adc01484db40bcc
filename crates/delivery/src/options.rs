use std::borrow::Cow;

use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Endpoint, InvalidRecord, Ordering, Policy};

/// How deliveries to one endpoint differ from the [`Policy`] of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptOptions {
    /// How long one attempt may take, in seconds, 1 to [`Self::MAX_TIMEOUT_SECONDS`]; `None` for the server's time.
    pub timeout_seconds: Option<u8>,
    /// Seconds from a failed attempt to the next one, 1 to [`Self::MAX_RETRIES`] entries of 1 to [`Self::MAX_RETRY_SECONDS`]; `None`
    /// for the server's schedule.
    pub retry_seconds: Option<Vec<u32>>,
    /// Whether a delivery is given up when the receiver answers with a status of 4xx that a later attempt does not change: all but
    /// 408, 409, 410, 425 and 429.
    pub fail_fast: bool,
    /// What follows in a lane when its first delivery is given up.
    pub on_dead: OnDead,
    /// How long a delivery that is not acknowledged may hold up the later ones of its lane, in seconds,
    /// [`Self::MIN_LANE_BLOCK_SECONDS`] to [`Self::MAX_LANE_BLOCK_SECONDS`]; `None` for [`Policy::max_lane_block`].
    pub max_lane_block_seconds: Option<u32>,
    /// Whether it also gets [notices](crate::Notice) about the other endpoints of its owner.
    pub notices: bool,
}

/// What follows in a lane when its first delivery is given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDead {
    /// The next delivery is due at once.
    #[default]
    Skip,
    /// The later deliveries wait until the dead one is replayed or skipped, at most [`Policy::max_lane_block`].
    Block,
}

/// A text that names nothing that follows a dead delivery.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("nothing that follows a dead delivery has the name {0:?}")]
pub struct UnknownOnDead(pub String);

/// The stored form, as JSON.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OptionsRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_seconds: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fail_fast: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    blocks_when_dead: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_lane_block_seconds: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    notices: bool,
}

impl AttemptOptions {
    /// The longest time of one attempt, in seconds.
    pub const MAX_TIMEOUT_SECONDS: u8 = 30;
    /// The most entries of a schedule.
    pub const MAX_RETRIES: usize = 20;
    /// The longest entry of a schedule, in seconds: a day.
    pub const MAX_RETRY_SECONDS: u32 = 86_400;
    /// The shortest time after which a lane goes on, in seconds.
    pub const MIN_LANE_BLOCK_SECONDS: u32 = 60;
    /// The longest time after which a lane goes on, in seconds: [`HORIZON`](crate::HORIZON).
    pub const MAX_LANE_BLOCK_SECONDS: u32 = 324_000;

    /// The options as JSON.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn to_json(&self) -> Result<String, InvalidRecord> {
        let Self { timeout_seconds, retry_seconds, fail_fast, on_dead, max_lane_block_seconds, notices } =
            self.clone();
        let blocks_when_dead = on_dead == OnDead::Block;
        let record = OptionsRecord {
            timeout_seconds,
            retry_seconds,
            fail_fast,
            blocks_when_dead,
            max_lane_block_seconds,
            notices,
        };
        Ok(serde_json::to_string(&record)?)
    }

    /// The options that [`Self::to_json`] wrote. A member of a later version is passed over.
    ///
    /// # Errors
    /// [`InvalidRecord`].
    pub fn from_json(json: &str) -> Result<Self, InvalidRecord> {
        let OptionsRecord {
            timeout_seconds,
            retry_seconds,
            fail_fast,
            blocks_when_dead,
            max_lane_block_seconds,
            notices,
        } = serde_json::from_str(json)?;
        let on_dead = if blocks_when_dead { OnDead::Block } else { OnDead::Skip };
        Ok(Self { timeout_seconds, retry_seconds, fail_fast, on_dead, max_lane_block_seconds, notices })
    }

    /// How much longer than the server's time an attempt may take.
    pub fn beyond(&self, policy: &Policy) -> SignedDuration {
        let own = self.timeout_seconds.map(|seconds| SignedDuration::from_secs(seconds.into()));
        own.unwrap_or_default().saturating_sub(policy.attempt_timeout).max(SignedDuration::ZERO)
    }
}

impl OnDead {
    /// Everything that can follow.
    pub const ALL: [Self; 2] = [Self::Skip, Self::Block];

    /// The word used on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Block => "block",
        }
    }
}

impl FromStr for OnDead {
    type Err = UnknownOnDead;

    fn from_str(name: &str) -> Result<Self, UnknownOnDead> {
        let known = Self::ALL.into_iter().find(|on_dead| on_dead.name() == name);
        known.ok_or_else(|| UnknownOnDead(name.to_owned()))
    }
}

impl Policy {
    /// The policy for an endpoint. Without an order no delivery holds up another one.
    pub fn of<'p>(&'p self, endpoint: &Endpoint) -> Cow<'p, Self> {
        let seconds = |seconds: u32| SignedDuration::from_secs(seconds.into());
        let AttemptOptions { retry_seconds, fail_fast, on_dead, max_lane_block_seconds, .. } =
            &endpoint.options;
        let on_dead = match endpoint.ordering {
            Ordering::Stream => *on_dead,
            Ordering::None => OnDead::Skip,
        };
        if retry_seconds.is_none()
            && !fail_fast
            && on_dead == OnDead::Skip
            && max_lane_block_seconds.is_none()
        {
            return Cow::Borrowed(self);
        }
        let schedule = retry_seconds.as_ref().map(|entries| entries.iter().copied().map(seconds).collect());
        Cow::Owned(Self {
            schedule: schedule.unwrap_or_else(|| self.schedule.clone()),
            fail_fast: *fail_fast,
            on_dead,
            max_lane_block: max_lane_block_seconds.map_or(self.max_lane_block, seconds),
            ..*self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EndpointId, EndpointState, HeaderProfile};

    fn full() -> AttemptOptions {
        AttemptOptions {
            timeout_seconds: Some(30),
            retry_seconds: Some(vec![1, 86_400]),
            fail_fast: true,
            on_dead: OnDead::Block,
            max_lane_block_seconds: Some(60),
            notices: true,
        }
    }

    fn endpoint(options: AttemptOptions, ordering: Ordering) -> Endpoint {
        Endpoint {
            id: EndpointId::new(uuid::Uuid::from_u128(1)),
            owner: None,
            url: String::new(),
            description: String::new(),
            filter: fluxora_stream::EventFilter::default(),
            state: EndpointState::Active,
            headers: HeaderProfile::default(),
            ordering,
            options,
            secrets: Vec::new(),
            custom_headers: Vec::new(),
            rate_limit: None,
            start_sequence: fluxora_stream::Sequence(0),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            version: 1,
        }
    }

    #[test]
    fn options_read_back_and_none_are_an_empty_object() {
        for options in [full(), AttemptOptions::default()] {
            assert_eq!(AttemptOptions::from_json(&options.to_json().unwrap()).unwrap(), options);
        }
        assert_eq!(AttemptOptions::default().to_json().unwrap(), "{}");
        assert!(AttemptOptions::from_json("7").is_err());
    }

    #[test]
    fn options_replace_the_schedule_of_the_server_and_leave_the_rest() {
        let policy = Policy::default();
        assert_eq!(*policy.of(&endpoint(AttemptOptions::default(), Ordering::Stream)), policy);
        let full = endpoint(full(), Ordering::Stream);
        let of_endpoint = policy.of(&full);
        assert_eq!(of_endpoint.schedule, [1, 86_400].map(SignedDuration::from_secs));
        assert_eq!(
            (of_endpoint.max_in_flight, of_endpoint.hold_after),
            (policy.max_in_flight, policy.hold_after)
        );
        assert_eq!((of_endpoint.on_dead, of_endpoint.max_lane_block.as_secs()), (OnDead::Block, 60));
    }

    #[test]
    fn without_an_order_a_dead_delivery_blocks_nothing() {
        let unordered = endpoint(full(), Ordering::None);
        assert_eq!(Policy::default().of(&unordered).on_dead, OnDead::Skip);
    }

    #[test]
    fn the_longest_block_of_a_lane_is_the_horizon() {
        assert_eq!(i64::from(AttemptOptions::MAX_LANE_BLOCK_SECONDS), crate::HORIZON.as_secs());
    }

    #[test]
    fn a_longer_attempt_needs_a_longer_claim_and_a_shorter_one_none() {
        let policy = Policy::default();
        let beyond = |timeout_seconds| AttemptOptions { timeout_seconds, ..full() }.beyond(&policy).as_secs();
        assert_eq!([beyond(None), beyond(Some(1)), beyond(Some(10)), beyond(Some(30))], [0, 0, 0, 20]);
    }
}
