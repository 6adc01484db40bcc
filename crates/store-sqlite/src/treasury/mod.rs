//! The SQL of treasuries: the statements that the steps of [`fluxora_store::treasury`] need.

mod streams;

use fluxora_store::treasury::TreasuryTransaction;
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::Stream;
use fluxora_treasury::Party;

use crate::chain::Chain;
use crate::streams::log;

impl TreasuryTransaction for Chain<'_> {
    async fn head(&mut self) -> Result<Sequence, StoreError> {
        log::head(self.0)
    }

    async fn streams_of(&mut self, party: &Party, limit: u32) -> Result<Vec<Stream>, StoreError> {
        streams::of(self.0, party, limit)
    }
}
