use async_trait::async_trait;
use fluxora_stream::Stream;
use fluxora_treasury::Party;
use futures_util::FutureExt;

use super::{Contents, Model};
use crate::treasury::{self, PartyOutcome, PartyQuery, TreasuryTransaction};
use crate::{Sequence, StoreError, TreasuryStore};

impl TreasuryTransaction for Contents {
    async fn head(&mut self) -> Result<Sequence, StoreError> {
        Ok(Sequence(u64::try_from(self.events.len()).unwrap()))
    }

    async fn streams_of(&mut self, party: &Party, limit: u32) -> Result<Vec<Stream>, StoreError> {
        let of_party = self.streams.values().rev().filter(|stream| party.has(*stream));
        Ok(of_party.take(usize::try_from(limit).unwrap()).cloned().collect())
    }
}

#[async_trait]
impl TreasuryStore for Model {
    async fn party(&self, query: &PartyQuery) -> Result<PartyOutcome, StoreError> {
        treasury::party(&mut *self.contents(), query).now_or_never().unwrap()
    }
}
