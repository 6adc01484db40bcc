use fluxora_stream::Address;
use fluxora_treasury::{Asset, Watch};

use super::{ReadColumns, columns::count};
use crate::StoreError;
use crate::runway::StoredRunway;

/// The column `below` of what is remembered of a runway.
pub fn below(watch: Watch) -> Option<i64> {
    match watch {
        Watch::Unknown => None,
        Watch::Above => Some(0),
        Watch::Below(seconds) => Some(count(seconds)),
    }
}

/// Reads `address, asset, below` of `treasury_runways`.
pub fn stored_runway<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<StoredRunway, StoreError> {
    let treasury = columns.parsed("address", Address::parse)?;
    let asset = columns.parsed("asset", str::parse::<Asset>)?;
    let watch = match columns.optional("below", C::number::<u64>)? {
        None => Watch::Unknown,
        Some(0) => Watch::Above,
        Some(seconds) => Watch::Below(seconds),
    };
    Ok(StoredRunway { treasury, asset, watch })
}
