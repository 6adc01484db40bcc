//! The wire form of values whose types are below this crate and know no schema.

#![allow(dead_code, reason = "the types are read by the derive only")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use fluxora_auth::Role;
use fluxora_delivery::{DeadReason, DeliveryStatus, HeaderProfile, OutcomeCode};
use fluxora_stream::{EventKind, StatusName};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::routes::webhooks::replays::create::SETTLED;
use crate::view::Instant;
use crate::{ErrorKind, FieldCode};

/// A value with a schema that stands where it is used.
macro_rules! inline {
    ($($(#[doc = $doc:literal])* $name:ident = $schema:tt;)+) => {
        $(
            $(#[doc = $doc])*
            pub(crate) struct $name;

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($schema)
                }
            }
        )+
    };
}

inline! {
    Amount = {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"};
    /// Neither a sign nor an exponent.
    PlainAmount = {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?$"};
    Percent = {"type": "number", "minimum": 0, "maximum": 100};
    Date = {"type": "string", "format": "date-time", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"};
    FrontendStatus = {"type": "string", "enum": ["Active", "Paused", "Completed"]};
    FrontendHealth = {"type": "string", "enum": ["Healthy", "Attention", "Settled"]};
    Units = {"type": "string", "pattern": "^-?[0-9]+$"};
    Seconds = {"type": "integer", "minimum": 0, "maximum": u64::MAX};
    Address = {"type": "string", "pattern": "^[GC][A-Z2-7]{55}$"};
    Status = {"type": "string", "enum": (StatusName::ALL.map(StatusName::as_str))};
    Phase = {"type": "string", "enum": (fluxora_treasury::Phase::ALL.map(fluxora_treasury::Phase::as_str))};
    Milestone = {
        "type": "string",
        "enum": (fluxora_treasury::MilestoneKind::ALL.map(fluxora_treasury::MilestoneKind::as_str))
    };
    Origin = {"type": "string", "enum": ["api", "chain"]};
    Type = {"type": "string", "enum": (EventKind::ALL.map(EventKind::name))};
    ErrorCode = {"type": "string", "enum": (ErrorKind::ALL.map(ErrorKind::code))};
    FieldCodes = {
        "type": "string",
        "enum": (FieldCode::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>())
    };
    CauseType = {
        "type": "string",
        "enum": ["api", "clock", "contractEvent", "lateEvents", "reorg", "reindex"]
    };
    EndpointStatus = {"type": "string", "enum": ["active", "paused", "held"]};
    Profile = {"type": "string", "enum": (HeaderProfile::ALL.map(HeaderProfile::name))};
    OnDeadName = {"type": "string", "enum": (fluxora_delivery::OnDead::ALL.map(fluxora_delivery::OnDead::name))};
    PhaseName = {"type": "string", "enum": (fluxora_delivery::Phase::ALL.map(fluxora_delivery::Phase::name))};
    TlsName = {"type": "string", "enum": (fluxora_delivery::TlsVersion::ALL.map(fluxora_delivery::TlsVersion::name))};
    Ordering = {"type": "string", "enum": (fluxora_delivery::Ordering::ALL.map(fluxora_delivery::Ordering::name))};
    BreakerState = {"type": "string", "enum": ["closed", "open"]};
    DeliveryStatusName = {"type": "string", "enum": (DeliveryStatus::ALL.map(DeliveryStatus::name))};
    DeadReasonName = {"type": "string", "enum": (DeadReason::ALL.map(DeadReason::name))};
    SettledStatus = {"type": "string", "enum": (SETTLED.map(DeliveryStatus::name))};
    Outcome = {"type": "string", "enum": (OutcomeCode::ALL.map(OutcomeCode::name))};
    RoleName = {"type": "string", "enum": (Role::ALL.map(Role::as_str))};
    KeyStateName = {"type": "string", "enum": ["active", "expired", "revoked"]};
    ReplayStatus = {"type": "string", "enum": ["running", "done", "cancelled"]};
    /// The arguments of a call, in the form of a payload.
    Arguments = {"type": "array", "items": {}};
    /// The fields that changed, with their new values: those of the stream and of its contract.
    Changes = {"type": "object", "additionalProperties": true};
}

impl JsonSchema for Instant {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// An event of a stream.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Event {
    id: String,
    r#type: Type,
    stream_id: String,
    /// Number of the event within its stream, from 1.
    stream_seq: u32,
    /// Position in the event log.
    sequence: u64,
    occurred_at: Instant,
    recorded_at: Instant,
    data: EventData,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct EventData {
    cause: Cause,
    changes: Changes,
    /// How the deposit of an API stream that has ended was divided.
    #[schemars(skip_serializing_if = "Option::is_none")]
    streamed_amount: Option<Amount>,
    #[schemars(skip_serializing_if = "Option::is_none")]
    refunded_amount: Option<Amount>,
    /// The time event that a correction retracts.
    #[schemars(skip_serializing_if = "Option::is_none")]
    retracts: Option<Retracted>,
    /// The runway that has become low: in `treasury.runway_low`.
    #[schemars(skip_serializing_if = "Option::is_none")]
    runway: Option<LowRunway>,
}

/// The low runway of a treasury in one asset.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct LowRunway {
    treasury: Address,
    asset: RunwayAsset,
    threshold_hours: u64,
    measured_at: Seconds,
    runway_seconds: u64,
    /// When accrual ends first.
    exhausted_at: Seconds,
    /// Streams that end within the threshold, at most 100.
    streams: u64,
    top_ups: Vec<TopUp>,
}

/// `token`, `contract` or `api`, and the contract of the first two.
#[derive(JsonSchema)]
struct RunwayAsset {
    kind: String,
    contract: Option<Address>,
}

/// What must be added for every stream to go on for so many days.
#[derive(JsonSchema)]
struct TopUp {
    days: u64,
    /// Whole units of a token, a decimal number of the other kinds; null beyond 128 bits.
    amount: Option<String>,
    /// Whether every stream that ends until then is in the amount.
    complete: bool,
}

/// A time event that did not happen by the ledgers that replaced others.
#[derive(JsonSchema)]
struct Retracted {
    id: String,
    r#type: Type,
    at: Seconds,
}

/// Why an event was emitted.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct Cause {
    r#type: CauseType,
    #[schemars(skip_serializing_if = "Option::is_none")]
    ledger: Option<u32>,
    #[schemars(skip_serializing_if = "Option::is_none")]
    fork_ledger: Option<u32>,
    #[schemars(skip_serializing_if = "Option::is_none")]
    tx_hash: Option<String>,
    #[schemars(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[schemars(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
}

/// What the contract of version 9 keeps of a stream.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct OnChain {
    created_ledger: u32,
    last_ledger: u32,
    tx_hash: String,
    withdraw_dust_threshold: Amount,
    claim_owner: Option<Address>,
    auto_claim_destination: Option<Address>,
    auto_renew: Option<bool>,
    parent_stream_id: Option<Units>,
    delegation_depth: u32,
    source_stream_id: Option<Units>,
    memo: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    pooled: bool,
    paused_seconds: u64,
    last_pause_toggle_ledger: u32,
    last_rate_change_ledger: u32,
    last_withdraw_ledger: u32,
    decommissioned: bool,
    underfunded: bool,
    closed_ledger: Option<u32>,
    keeper_paid_amount: Option<Amount>,
    unprojected_events: u32,
    anomalies: u32,
    inferred: Inferred,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct Inferred {
    kind: bool,
    checkpoint: bool,
    withdrawn: bool,
}
