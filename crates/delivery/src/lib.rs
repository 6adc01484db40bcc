#![doc = include_str!("../README.md")]

mod attempt;
mod body;
mod breaker;
mod delivery;
mod endpoint;
mod exchange;
mod id;
mod notice;
mod options;
mod owners;
mod queue;
mod rate;
mod record;
mod replay;
mod retry;
mod settle;

pub use attempt::{Attempt, AttemptResult, MAX_EXCERPT_BYTES, OutcomeCode, UnknownOutcome};
pub use body::{MAX_BODY_BYTES, body, body_of_replay};
pub use breaker::Breaker;
pub use delivery::{
    DeadReason, Delivery, DeliveryState, DeliveryStatus, Lease, UnknownDeadReason, UnknownDeliveryStatus,
};
pub use endpoint::{
    Endpoint, EndpointState, HeaderProfile, HoldReason, Ordering, SealedSecret, UnknownHeaderProfile,
    UnknownHoldReason, UnknownOrdering,
};
pub use exchange::{Exchange, MAX_LOCATION_CHARS, Phase, TlsVersion};
pub use id::{DeliveryId, EndpointId, ReplayId};
pub use notice::{Notice, NoticeKind};
pub use options::{AttemptOptions, OnDead, UnknownOnDead};
pub use owners::OwnerSlots;
pub use queue::{Allowance, EndpointQueue};
pub use rate::{RateLimit, RateState};
pub use record::{FilterRecord, InvalidRecord, ReplayFilterRecord, secrets_from_json, secrets_to_json};
pub use replay::{MAX_REPLAYED_DELIVERIES, Missing, Replay, ReplayFilter, ReplayState, UnknownReplayState};
pub use retry::{HORIZON, Jitter, MAX_RETRY_AFTER, NextStep, Policy, SCHEDULE, next_step};
pub use settle::{FAILURE_WARNINGS, Settled, claim, expire, release, settle};
