//! A stream as the server answers it, in the contract's terms, and as it would be with the values that no event reports.

use std::collections::BTreeMap;

use fluxora_decimal::Amount;
use fluxora_stream::{Checkpoint, Kind, Schedule, UnixTime};
use serde_json::{Value, json};

/// The fields of a stream, by the contract's names, as the API writes their values.
pub(super) type Fields = BTreeMap<&'static str, Value>;

#[derive(Clone)]
pub(super) struct Answered {
    pub(super) fields: Fields,
    pub(super) schedule: Schedule,
    pub(super) status: String,
    pub(super) cancelled_at: Option<u64>,
    pub(super) withdrawn: i128,
    pub(super) updated_at: u64,
    inferred_kind: bool,
    inferred_checkpoint: bool,
}

impl Answered {
    pub(super) fn of(answer: &Value) -> Self {
        let chain = &answer["chain"];
        let amount = |value: &Value| value.as_str().unwrap().parse::<Amount>().unwrap();
        let second = |value: &Value| UnixTime::from_seconds(value.as_u64().unwrap());
        let start = second(&answer["startTime"]);
        let schedule = Schedule {
            deposit: amount(&answer["depositAmount"]),
            rate: amount(&answer["ratePerSecond"]),
            start,
            cliff: answer.get("cliffTime").map_or(start, second),
            end: second(&answer["endTime"]),
            kind: chain["kind"].as_str().unwrap().parse().unwrap(),
            checkpoint: Checkpoint {
                amount: amount(&chain["checkpointedAmount"]),
                at: second(&chain["checkpointedAt"]),
            },
        };
        let status = answer["status"].as_str().unwrap().to_owned();
        Self {
            fields: fields(answer, schedule.cliff),
            schedule,
            cancelled_at: answer.get("cancelledAt").map(seconds),
            status,
            withdrawn: amount(&answer["withdrawnAmount"]).stroops(),
            updated_at: seconds(&answer["updatedAt"]),
            inferred_kind: chain["inferred"]["kind"] == true,
            inferred_checkpoint: chain["inferred"]["checkpoint"] == true,
        }
    }

    /// With the contract's kind, if it was inferred. Without a cliff the server does not say so: linear flows as a slope from there.
    pub(super) fn with_kind(mut self, contract: &Fields) -> Self {
        let alike = self.schedule.kind == Kind::Linear && self.schedule.cliff == self.schedule.start;
        if self.inferred_kind || alike {
            self.fields.insert("kind", contract["kind"].clone());
            self.schedule.kind = kind(&contract["kind"]);
        }
        self
    }

    /// With the contract's checkpoint, if it was inferred.
    pub(super) fn with_checkpoint(mut self, contract: &Fields) -> Self {
        if self.inferred_checkpoint {
            for name in ["checkpointed_amount", "checkpointed_at"] {
                self.fields.insert(name, contract[name].clone());
            }
            self.schedule.checkpoint = Checkpoint {
                amount: contract["checkpointed_amount"].as_str().unwrap().parse().unwrap(),
                at: UnixTime::from_seconds(contract["checkpointed_at"].as_u64().unwrap()),
            };
        }
        self
    }

    /// What has streamed at `at`, which must not lie before the stream's last event.
    pub(super) fn streamed(&self, at: u64) -> i128 {
        let at = UnixTime::from_seconds(self.cancelled_at.unwrap_or(at));
        let amount =
            if self.status == "completed" { self.schedule.deposit } else { self.schedule.accrued(at) };
        amount.stroops()
    }

    /// What can be withdrawn at `at`.
    pub(super) fn withdrawable(&self, at: u64) -> i128 {
        match self.status.as_str() {
            "paused" | "completed" => 0,
            _ => (self.streamed(at) - self.withdrawn).max(0),
        }
    }
}

/// Seconds of an instant, which is a whole one on chain.
fn seconds(instant: &Value) -> u64 {
    let instant = instant.as_str().unwrap();
    assert!(instant.ends_with(".000Z"), "{instant}");
    // Every instant of a recording lies in 2026 or close after.
    UnixTime::of(instant.parse().unwrap()).seconds()
}

fn kind(value: &Value) -> Kind {
    value.as_str().unwrap().parse().unwrap()
}

fn fields(answer: &Value, cliff: UnixTime) -> Fields {
    let chain = &answer["chain"];
    // What the API leaves out is null to the contract.
    let of = |value: &Value, name: &str| value.get(name).cloned().unwrap_or_default();
    Fields::from([
        ("cancelled_at", of(answer, "cancelledAt")),
        ("checkpointed_amount", of(chain, "checkpointedAmount")),
        ("checkpointed_at", of(chain, "checkpointedAt")),
        ("claim_owner", of(chain, "claimOwner")),
        ("cliff_time", json!(cliff.seconds())),
        ("cumulative_paused_duration", of(chain, "pausedSeconds")),
        ("decommissioned", of(chain, "decommissioned")),
        ("delegation_depth", of(chain, "delegationDepth")),
        ("deposit_amount", of(answer, "depositAmount")),
        ("end_time", of(answer, "endTime")),
        ("is_pooled", of(chain, "pooled")),
        ("kind", of(chain, "kind")),
        ("last_pause_toggle_ledger", of(chain, "lastPauseToggleLedger")),
        ("memo", of(chain, "memo")),
        ("metadata", of(chain, "metadata")),
        ("parent_stream_id", of(chain, "parentStreamId")),
        ("paused_at_timestamp", of(chain, "pausedAt")),
        ("rate_per_second", of(answer, "ratePerSecond")),
        ("recipient", of(answer, "recipient")),
        ("sender", of(answer, "sender")),
        ("start_time", of(answer, "startTime")),
        ("status", of(answer, "status")),
        ("stream_id", of(chain, "streamId")),
        ("withdraw_dust_threshold", of(chain, "withdrawDustThreshold")),
        ("withdrawn_amount", of(answer, "withdrawnAmount")),
        ("auto_claim_destination", of(chain, "autoClaimDestination")),
    ])
}
