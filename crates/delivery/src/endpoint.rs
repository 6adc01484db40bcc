use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use fluxora_stream::{EventFilter, Sequence};
use jiff::Timestamp;
use thiserror::Error;

use crate::{AttemptOptions, EndpointId};

/// A receiver of deliveries, as its owner configured it.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The id.
    pub id: EndpointId,
    /// The partner it belongs to; `None` for the operator's.
    pub owner: Option<String>,
    /// Where deliveries are posted to.
    pub url: String,
    /// A note of the owner.
    pub description: String,
    /// Which events are delivered.
    pub filter: EventFilter,
    /// Whether deliveries are sent.
    pub state: EndpointState,
    /// Which signature headers are sent.
    pub headers: HeaderProfile,
    /// The order in which its deliveries are sent.
    pub ordering: Ordering,
    /// How attempts to it differ from those to others.
    pub options: AttemptOptions,
    /// Signing secrets, oldest first, as the sealing module wrote them. Two are live during a rotation.
    pub secrets: Vec<SealedSecret>,
    /// Further headers of the owner, sealed as one block; empty if there are none.
    pub custom_headers: Vec<u8>,
    /// Attempts per second at most; `None` for no limit.
    pub rate_limit: Option<NonZeroU32>,
    /// Events after this position of the event log are delivered.
    pub start_sequence: Sequence,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its configuration or its state last changed.
    pub updated_at: Timestamp,
    /// Number of the configuration, from 1: it grows with each change.
    pub version: u32,
}

/// A signing secret in the form in which it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The bytes that the sealing module wrote.
    pub sealed: Vec<u8>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ends; `None` for the current secret.
    pub expires_at: Option<Timestamp>,
}

/// Whether the deliveries of an endpoint are sent. Those of one that is not active are created and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointState {
    /// Deliveries are sent.
    Active,
    /// A person stopped it.
    Paused {
        /// When.
        since: Timestamp,
        /// A note; empty if none was given.
        reason: String,
    },
    /// The server stopped it.
    Held {
        /// When.
        since: Timestamp,
        /// Why.
        reason: HoldReason,
    },
}

/// Why the server holds an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldReason {
    /// It has failed for as long as [`Policy::hold_after`](crate::Policy::hold_after).
    Failing,
    /// It answered 410.
    Gone,
}

/// Which signature headers an endpoint gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderProfile {
    /// The headers `x-fluxora-*`.
    #[default]
    Contract,
    /// The headers `x-fluxora-*` and those of Standard Webhooks.
    StandardWebhooks,
}

/// The order in which the deliveries of an endpoint are sent. It holds for events that are fanned out after it was set: deliveries that
/// wait for an earlier one of their stream still do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ordering {
    /// The deliveries of one stream one after the other, in the order of its events: a delivery that fails holds up the later ones.
    #[default]
    Stream,
    /// Each delivery as soon as it is due: one that fails holds up no other, and a later event may arrive before an earlier one.
    None,
}

/// A text that names no reason of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no endpoint is held for {0:?}")]
pub struct UnknownHoldReason(pub String);

/// A text that names no header profile.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no header profile {0:?}")]
pub struct UnknownHeaderProfile(pub String);

/// A text that names no order of deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no order of deliveries {0:?}")]
pub struct UnknownOrdering(pub String);

impl Endpoint {
    /// The secrets that sign an attempt at `now`, oldest first: one, or two while a rotation overlaps.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SealedSecret> {
        self.secrets.iter().filter(move |secret| secret.expires_at.is_none_or(|end| now < end))
    }
}

impl EndpointState {
    /// The word used on the wire and in storage.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused { .. } => "paused",
            Self::Held { .. } => "held",
        }
    }

    /// Whether deliveries are sent.
    pub const fn is_active(&self) -> bool {
        matches!(self, Self::Active)
    }

    /// The state of these columns; `None` if they do not go together.
    pub fn from_parts(name: &str, since: Option<Timestamp>, reason: Option<&str>) -> Option<Self> {
        match (name, since, reason) {
            ("active", None, None) => Some(Self::Active),
            ("paused", Some(since), Some(reason)) => Some(Self::Paused { since, reason: reason.to_owned() }),
            ("held", Some(since), Some(reason)) => Some(Self::Held { since, reason: reason.parse().ok()? }),
            _ => None,
        }
    }

    /// When the endpoint was stopped.
    pub const fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Active => None,
            Self::Paused { since, .. } | Self::Held { since, .. } => Some(*since),
        }
    }

    /// Why the endpoint was stopped.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Active => None,
            Self::Paused { reason, .. } => Some(reason),
            Self::Held { reason, .. } => Some(reason.name()),
        }
    }
}

impl HoldReason {
    /// The word used on the wire and in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

impl FromStr for HoldReason {
    type Err = UnknownHoldReason;

    fn from_str(name: &str) -> Result<Self, UnknownHoldReason> {
        let known = [Self::Failing, Self::Gone].into_iter().find(|reason| reason.name() == name);
        known.ok_or_else(|| UnknownHoldReason(name.to_owned()))
    }
}

impl HeaderProfile {
    /// Every profile.
    pub const ALL: [Self; 2] = [Self::Contract, Self::StandardWebhooks];

    /// The word used on the wire and in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::StandardWebhooks => "standardWebhooks",
        }
    }
}

impl FromStr for HeaderProfile {
    type Err = UnknownHeaderProfile;

    fn from_str(name: &str) -> Result<Self, UnknownHeaderProfile> {
        let known = Self::ALL.into_iter().find(|profile| profile.name() == name);
        known.ok_or_else(|| UnknownHeaderProfile(name.to_owned()))
    }
}

impl Ordering {
    /// Every order.
    pub const ALL: [Self; 2] = [Self::Stream, Self::None];

    /// The word used on the wire and in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::None => "none",
        }
    }
}

impl FromStr for Ordering {
    type Err = UnknownOrdering;

    fn from_str(name: &str) -> Result<Self, UnknownOrdering> {
        let known = Self::ALL.into_iter().find(|ordering| ordering.name() == name);
        known.ok_or_else(|| UnknownOrdering(name.to_owned()))
    }
}

impl fmt::Debug for Endpoint {
    /// Without the URL, which may hold a credential, and without secrets and headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SealedSecret {
    /// Without the sealed bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecret")
            .field("created_at", &self.created_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
