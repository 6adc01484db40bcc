//! The SQL of treasuries: the statements that the steps of [`fluxora_store::treasury`] need.

pub(crate) mod streams;

use fluxora_store::Sequence;
use fluxora_store::treasury::TreasuryTransaction;
use fluxora_stream::Stream;
use fluxora_treasury::Party;

use crate::faults::{Attempt, Fault};
use crate::pipeline::PipelinedTransaction;
use crate::streams::log::HEAD;

impl TreasuryTransaction for PipelinedTransaction {
    async fn head(&mut self) -> Result<Sequence, Fault> {
        let what = "reading the head of the event log";
        let rows = self.query(what, HEAD, &[]).await?;
        let head: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).attempt(what)?;
        Ok(fluxora_store::rows::sequence(head))
    }

    async fn streams_of(&mut self, party: &Party, limit: u32) -> Result<Vec<Stream>, Fault> {
        streams::of(self, party, limit).await
    }
}
