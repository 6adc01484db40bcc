//! What a contract stores of a stream, beside what its events make of it.

use fluxora_stream::vesting::{VestingSchedule, VestingState, VestingStatus};
use fluxora_stream::{ContractId, Stream, StreamId, UnixTime};
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
    /// Its fields, in the encoding of the push endpoint's payload.
    pub fields: Map<String, Value>,
}

impl StreamEntry {
    /// The entry of a contract, named by its 32 bytes.
    pub const fn new(contract: [u8; 32], number: u64, ledger: u32, fields: Map<String, Value>) -> Self {
        Self { contract: ContractId::from_hash(contract), number, ledger, fields }
    }

    /// Id of the stream.
    pub const fn id(&self) -> StreamId {
        StreamId::chain(self.contract, self.number)
    }

    /// The fields in which the entry differs from the projected stream, by their name in the contract; `None` if the two
    /// cannot be compared. Entries of vesting contracts are compared, those of contract version 9 are not.
    pub fn differences(&self, stream: &Stream) -> Option<Vec<&'static str>> {
        // A later event changed the stream since.
        let state = stream.details().vesting().filter(|state| state.last_ledger <= self.ledger)?;
        let fields = expected(stream, state);
        let differs = |(name, expected): &(&'static str, Value)| {
            // A field that this ABI does not have has its default.
            self.fields.get(*name).is_some_and(|found| found != expected)
        };
        Some(fields.into_iter().filter(differs).map(|(name, _)| name).collect())
    }
}

/// The entry that the projection expects.
fn expected(stream: &Stream, state: &VestingState) -> [(&'static str, Value); 17] {
    let VestingSchedule { deposited, start, end, cliff, curve, cliff_mode, pauses } = state.schedule;
    let time = |time: UnixTime| Value::from(time.seconds().to_string());
    let status = VestingStatus::of(stream.status.name()).map(VestingStatus::code);
    [
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
