//! What a contract stores of a stream, beside what its events make of it.

use fluxora_decimal::Amount;
use fluxora_stream::vesting::{VestingSchedule, VestingState, VestingStatus};
use fluxora_stream::{
    ContractId, Details, Kind, OnChain, RateFlow, Status, StatusName, Stream, StreamId, UnixTime,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The ledger entry of a stream after a ledger. No hash of the ledger covers it: a source can show any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// The contract.
    pub contract: ContractId,
    /// The contract's number of the stream.
    pub number: u64,
    /// The ledger that wrote it last.
    pub ledger: u32,
    /// When that ledger closed.
    pub closed_at: Timestamp,
    /// Its fields, in the encoding of the push endpoint's payload.
    pub fields: Map<String, Value>,
}

/// A field in which an entry and the projected stream differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryDifference {
    /// Its name in the contract.
    pub field: &'static str,
    /// The value that the projection expects.
    pub ours: Value,
    /// The value in the entry.
    pub theirs: Value,
}

impl StreamEntry {
    /// The entry of a contract, named by its 32 bytes.
    pub const fn new(
        contract: [u8; 32],
        number: u64,
        ledger: u32,
        closed_at: Timestamp,
        fields: Map<String, Value>,
    ) -> Self {
        Self { contract: ContractId::from_hash(contract), number, ledger, closed_at, fields }
    }

    /// Id of the stream.
    pub const fn id(&self) -> StreamId {
        StreamId::chain(self.contract, self.number)
    }

    /// When the ledger of the entry closed, as the contract sees it.
    pub fn second(&self) -> UnixTime {
        UnixTime::of(self.closed_at)
    }

    /// Whether the stream has changed after the ledger of the entry.
    pub fn is_older_than(&self, stream: &Stream) -> bool {
        last_ledger(stream).is_some_and(|last| last > self.ledger)
    }

    /// The fields in which the entry differs from the projected stream; `None` if the two cannot be compared, as the stream
    /// has changed since.
    pub fn differences(&self, stream: &Stream) -> Option<Vec<EntryDifference>> {
        last_ledger(stream).filter(|last| *last <= self.ledger)?;
        let details = stream.details();
        let fields = match (details.vesting(), details.v9(), details.flow()) {
            (Some(state), _, _) => vesting(stream, state),
            (_, Some(state), Some(flow)) => v9(stream, self.number, &state.on_chain, flow),
            _ => return None,
        };
        let differs = |(field, ours): (&'static str, Value)| {
            // A field that this version of the contract does not have has its default.
            let theirs = self.fields.get(field).filter(|theirs| !same(field, &ours, theirs))?;
            Some(EntryDifference { field, ours, theirs: theirs.clone() })
        };
        Some(fields.into_iter().filter_map(differs).collect())
    }
}

/// The ledger of the last event that changed a stream of a contract.
fn last_ledger(stream: &Stream) -> Option<u32> {
    match stream.details() {
        Details::Api(_) => None,
        Details::V9(state) => Some(state.on_chain.last_ledger),
        Details::Vesting(state) => Some(state.last_ledger),
    }
}

/// Whether a field of the entry has the value that is expected. Version 9 leaves out what is false.
fn same(field: &str, ours: &Value, theirs: &Value) -> bool {
    let is_left_out = theirs.is_null() && matches!(field, "decommissioned" | "is_pooled");
    ours == theirs || is_left_out && *ours == Value::Bool(false)
}

fn time(time: UnixTime) -> Value {
    Value::from(time.seconds().to_string())
}

/// The entry of a vesting contract that the projection expects.
fn vesting(stream: &Stream, state: &VestingState) -> Vec<(&'static str, Value)> {
    let VestingSchedule { deposited, start, end, cliff, curve, cliff_mode, pauses } = state.schedule;
    let status = VestingStatus::of(stream.status.name()).map(VestingStatus::code);
    vec![
        ("cancellable", state.cancellable.into()),
        ("cliff_mode", cliff_mode.code().into()),
        ("cliff_time", time(cliff)),
        ("curve", curve.code().into()),
        ("deposited", deposited.to_string().into()),
        ("end_time", time(end)),
        ("pausable", state.pausable.into()),
        ("paused_at", pauses.paused_at.map_or(Value::Null, time)),
        ("paused_total", pauses.paused_total.to_string().into()),
        ("recipient", stream.recipient.to_string().into()),
        ("reference", state.reference.clone().map_or(Value::Null, Value::from)),
        ("sender", stream.sender.to_string().into()),
        ("start_time", time(start)),
        ("status", status.map_or(Value::Null, Value::from)),
        ("token", state.token.to_string().into()),
        ("transferable", state.transferable.into()),
        ("withdrawn", state.withdrawn.to_string().into()),
    ]
}

/// The entry of a contract of version 9 that the projection expects, without the fields that no event reports (`irrevocable`, `witness`)
/// and those that the contract counts for some of its functions alone (`last_withdraw_ledger`, `last_rate_change_ledger`).
fn v9(stream: &Stream, number: u64, chain: &OnChain, flow: &RateFlow) -> Vec<(&'static str, Value)> {
    let schedule = &flow.schedule;
    let amount = |amount: Amount| Value::from(amount.stroops().to_string());
    let kind = match schedule.kind {
        Kind::Linear => 0,
        Kind::CliffOnly => 1,
        Kind::CliffSlope => 2,
    };
    let since = stream.status.since().map(UnixTime::of);
    let (status, cancelled_at) = match stream.status.name() {
        StatusName::Scheduled | StatusName::Active => (Some(0), None),
        StatusName::Paused => (Some(1), None),
        StatusName::Completed => (Some(2), None),
        StatusName::Cancelled => (Some(3), since),
        StatusName::Depleted => (None, None),
    };
    let metadata = chain.metadata.as_ref().map(|entries| {
        let entries = entries.iter().map(|(name, value)| (name.clone(), Value::from(value.clone())));
        Value::Object(entries.collect())
    });
    let mut fields = vec![
        ("cancelled_at", cancelled_at.map_or(Value::Null, time)),
        ("checkpointed_amount", amount(schedule.checkpoint.amount)),
        ("checkpointed_at", time(schedule.checkpoint.at)),
        ("claim_owner", chain.claim_owner.map_or(Value::Null, |owner| owner.to_string().into())),
        ("cliff_time", time(schedule.cliff)),
        ("cumulative_paused_duration", chain.paused_seconds.to_string().into()),
        ("decommissioned", chain.decommissioned.into()),
        ("delegation_depth", chain.delegation_depth.into()),
        ("deposit_amount", amount(schedule.deposit)),
        ("end_time", time(schedule.end)),
        ("is_pooled", chain.pooled.into()),
        ("kind", kind.into()),
        ("last_pause_toggle_ledger", chain.last_pause_toggle_ledger.into()),
        ("memo", chain.memo.clone().map_or(Value::Null, Value::from)),
        ("metadata", metadata.unwrap_or(Value::Null)),
        ("parent_stream_id", chain.parent_stream_id.map_or(Value::Null, |id| id.to_string().into())),
        ("rate_per_second", amount(schedule.rate)),
        ("recipient", stream.recipient.to_string().into()),
        ("sender", stream.sender.to_string().into()),
        ("start_time", time(schedule.start)),
        ("status", status.map_or(Value::Null, Value::from)),
        ("stream_id", number.to_string().into()),
        ("withdraw_dust_threshold", amount(chain.withdraw_dust_threshold)),
        ("withdrawn_amount", amount(flow.withdrawn)),
    ];
    // The contract keeps the time of a pause that a cancellation ends, and does not use it.
    let paused_at = since.filter(|_| matches!(stream.status, Status::Paused { .. }));
    fields.extend(paused_at.map(|at| ("paused_at_timestamp", time(at))));
    fields
}
