use async_trait::async_trait;
use fluxora_stream::UnixTime;
use fluxora_treasury::Party;
use futures_util::FutureExt;
use jiff::Timestamp;

use super::{Contents, Model};
use crate::treasury::{
    self, Counted, DueChange, PartyOutcome, PartyQuery, PartyStreams, StreamsRead, SumsReport,
};
use crate::{Sequence, StoreError, TreasuryStore};

impl PartyStreams for Contents {
    async fn head(&mut self) -> Result<Sequence, StoreError> {
        Ok(Sequence(u64::try_from(self.events.len()).unwrap()))
    }

    async fn streams_of(&mut self, party: &Party, limit: u32) -> Result<StreamsRead, StoreError> {
        let of_party = self.streams.values().rev().filter(|stream| party.has(*stream));
        let streams = of_party.take(usize::try_from(limit).unwrap()).cloned().collect();
        Ok(StreamsRead { streams, unreadable: 0 })
    }
}

/// Reads every stream: there are no sums to count.
#[async_trait]
impl TreasuryStore for Model {
    async fn party(&self, query: &PartyQuery) -> Result<PartyOutcome, StoreError> {
        let contents = &mut *self.contents();
        let as_of = treasury::as_of(contents, query.now).now_or_never().unwrap()?;
        treasury::by_streams(contents, query, as_of).now_or_never().unwrap()
    }

    async fn count_streams_again(&self, _: Timestamp, _: u32) -> Result<Counted, StoreError> {
        Ok(Counted::default())
    }

    async fn due_changes(&self, _: UnixTime, _: u32) -> Result<Vec<DueChange>, StoreError> {
        Ok(Vec::new())
    }

    async fn check_sums(&self) -> Result<SumsReport, StoreError> {
        Ok(SumsReport::default())
    }

    async fn forget_sums(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
