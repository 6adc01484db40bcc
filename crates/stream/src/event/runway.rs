use serde::{Deserialize, Serialize};

use crate::{Address, UnixTime};

/// A runway that has become low: the payload of `treasury.runway_low`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunwayLow {
    /// The sender whose streams are measured.
    pub treasury: Address,
    /// The asset.
    pub asset: RunwayAsset,
    /// The threshold that was crossed, in hours.
    pub threshold_hours: u64,
    /// The instant of the measurement, in Unix seconds.
    pub measured_at: UnixTime,
    /// The length of the runway then.
    pub runway_seconds: u64,
    /// When accrual ends first, in Unix seconds: that of the stream of the event.
    pub exhausted_at: UnixTime,
    /// Streams whose accrual ends within the threshold.
    pub streams: u64,
    /// What must be added for every stream to go on, by horizon.
    pub top_ups: Vec<TopUp>,
}

/// The asset of a runway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunwayAsset {
    /// `token`, `contract` or `api`.
    pub kind: String,
    /// The token, or the contract of version 9 whose one token it is; `null` for API streams.
    pub contract: Option<Address>,
}

/// What must be added for every stream to go on until a horizon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopUp {
    /// Days from the measurement.
    pub days: u64,
    /// The amount: a decimal with seven places for API and version 9 streams, an integer of the token's smallest unit for
    /// vesting streams. `null` beyond 128 bits.
    pub amount: Option<String>,
    /// Whether every stream that ends until then is in it: of more than 100 streams the first 100 are.
    pub complete: bool,
}
