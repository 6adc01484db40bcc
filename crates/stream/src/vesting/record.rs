//! The stored form of a vesting stream's state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Abi, Cancellation, CliffMode, Curve, Grant, PauseClock, Units, VestingSchedule, VestingState};
use crate::{Address, UnixTime};

/// A [`VestingState`] without the times of its schedule, which have columns. Fields with their default value are
/// left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VestingRecord {
    created_ledger: u32,
    last_ledger: u32,
    tx_hash: String,
    token: Address,
    deposited: Units,
    withdrawn: Units,
    cancellable: bool,
    pausable: bool,
    transferable: bool,
    abi: u8,
    #[serde(default, skip_serializing_if = "is_default")]
    refunded: Units,
    #[serde(default, skip_serializing_if = "is_default")]
    curve: Curve,
    #[serde(default, skip_serializing_if = "is_default")]
    cliff_mode: CliffMode,
    #[serde(default, skip_serializing_if = "is_default")]
    paused_at: Option<UnixTime>,
    #[serde(default, skip_serializing_if = "is_default")]
    paused_total: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    cancelled_deposit: Option<Units>,
    #[serde(default, skip_serializing_if = "is_default")]
    cancelled_end_time: Option<UnixTime>,
    #[serde(default, skip_serializing_if = "is_default")]
    delegates: BTreeMap<Address, Grant>,
    #[serde(default, skip_serializing_if = "is_default")]
    reference: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    unprojected_events: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    anomalies: u32,
}

/// Start, cliff and end of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Start of the flow.
    pub start: UnixTime,
    /// Time before which nothing counts as streamed.
    pub cliff: UnixTime,
    /// End of the flow.
    pub end: UnixTime,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl VestingRecord {
    /// The stored form of a state.
    pub fn of(state: &VestingState) -> Self {
        let VestingSchedule { deposited, curve, cliff_mode, pauses, start: _, end: _, cliff: _ } =
            state.schedule;
        Self {
            created_ledger: state.created_ledger,
            last_ledger: state.last_ledger,
            tx_hash: state.tx_hash.clone(),
            token: state.token,
            deposited: Units(deposited),
            withdrawn: Units(state.withdrawn),
            cancellable: state.cancellable,
            pausable: state.pausable,
            transferable: state.transferable,
            abi: state.abi.number(),
            refunded: Units(state.refunded),
            curve,
            cliff_mode,
            paused_at: pauses.paused_at,
            paused_total: pauses.paused_total,
            cancelled_deposit: state.cancellation.map(|replaced| Units(replaced.deposited)),
            cancelled_end_time: state.cancellation.map(|replaced| replaced.end),
            delegates: state.delegates.clone(),
            reference: state.reference.clone(),
            unprojected_events: state.unprojected_events,
            anomalies: state.anomalies,
        }
    }

    /// The state with these times; `None` if no ABI has the stored number.
    pub fn into_state(self, times: Times) -> Option<VestingState> {
        let pauses = PauseClock { paused_at: self.paused_at, paused_total: self.paused_total };
        let replaced = self.cancelled_deposit.zip(self.cancelled_end_time);
        Some(VestingState {
            token: self.token,
            schedule: VestingSchedule {
                deposited: self.deposited.0,
                start: times.start,
                end: times.end,
                cliff: times.cliff,
                curve: self.curve,
                cliff_mode: self.cliff_mode,
                pauses,
            },
            cancellable: self.cancellable,
            pausable: self.pausable,
            transferable: self.transferable,
            withdrawn: self.withdrawn.0,
            refunded: self.refunded.0,
            cancellation: replaced.map(|(deposited, end)| Cancellation { deposited: deposited.0, end }),
            delegates: self.delegates,
            reference: self.reference,
            abi: Abi::from_number(self.abi)?,
            created_ledger: self.created_ledger,
            last_ledger: self.last_ledger,
            tx_hash: self.tx_hash,
            unprojected_events: self.unprojected_events,
            anomalies: self.anomalies,
        })
    }
}
