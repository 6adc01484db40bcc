use std::collections::BTreeMap;

use async_trait::async_trait;
use fluxora_stream::{Address, Stream, UnixTime};
use fluxora_treasury::{Accrual, Asset, RUNWAY_STREAMS, Runway, Thresholds, Watch};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::{Contents, Model};
use crate::StoreError;
use crate::runway::{self, RunwayCheck, RunwayStore, RunwayTransaction, StoredRunway};
use crate::time_events::Emitted;

/// What is remembered of runways.
pub(super) type ModelRunways = BTreeMap<(Address, Asset), Watch>;

/// Checks every treasury at every step.
impl RunwayTransaction for Contents {
    async fn is_counted(&mut self) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn due_runways(
        &mut self,
        _: UnixTime,
        ledgers: Option<UnixTime>,
        _: u32,
    ) -> Result<Vec<StoredRunway>, StoreError> {
        let of_streams = self.streams.values().map(|stream| (stream.sender, Asset::of(stream)));
        let mut all: Vec<_> = of_streams.chain(self.runways.keys().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all.retain(|(_, asset)| *asset == Asset::Api || ledgers.is_some());
        let watch = |key| self.runways.get(key).copied().unwrap_or_default();
        Ok(all.iter().map(|key| StoredRunway { treasury: key.0, asset: key.1, watch: watch(key) }).collect())
    }

    async fn runway(&mut self, runway: &StoredRunway, at: UnixTime) -> Result<Option<Runway>, StoreError> {
        let is_of = |stream: &&Stream| stream.sender == runway.treasury && Asset::of(*stream) == runway.asset;
        let ends = |stream: &Stream| Accrual::of(stream).ends_after(at).map(|end| (end, stream.clone()));
        let mut ending: Vec<_> = self.streams.values().filter(is_of).filter_map(ends).collect();
        ending.sort_by_key(|(end, stream)| (*end, stream.id()));
        let most = usize::try_from(RUNWAY_STREAMS).unwrap();
        let complete_until = ending.get(most).map(|(end, _)| *end);
        let streams: Vec<_> = ending.into_iter().take(most).map(|(_, stream)| stream).collect();
        Ok(Runway::of(&streams, at, complete_until))
    }

    async fn write_runways(&mut self, checks: &[RunwayCheck]) -> Result<(), StoreError> {
        let write = |check: &RunwayCheck| ((check.runway.treasury, check.runway.asset), check.runway.watch);
        self.runways.extend(checks.iter().map(write));
        Ok(())
    }
}

#[async_trait]
impl RunwayStore for Model {
    async fn emit_low_runways(&self, thresholds: &Thresholds, now: Timestamp) -> Result<Emitted, StoreError> {
        let emitted = runway::emit(&mut *self.contents(), thresholds, now).now_or_never().unwrap()?;
        Ok(Emitted { more: false, ..emitted })
    }
}
