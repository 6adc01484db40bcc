//! The SQL of treasuries: the statements that the steps of [`fluxora_store::treasury`] need.

pub(crate) mod streams;
pub(crate) mod sums;
pub(crate) mod unreadable;

use fluxora_store::Sequence;
use fluxora_store::treasury::{
    Marked, PartyStreams, StoredContribution, StoredSums, StreamRead, StreamsRead, SumsTransaction,
};
use fluxora_stream::UnixTime;
use fluxora_treasury::{Asset, Party, Role};

use crate::faults::{Attempt, Fault};
use crate::pipeline::PipelinedTransaction;
use crate::streams::log::HEAD;

impl PartyStreams for PipelinedTransaction {
    async fn head(&mut self) -> Result<Sequence, Fault> {
        let what = "reading the head of the event log";
        let rows = self.query(what, HEAD, &[]).await?;
        let head: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).attempt(what)?;
        Ok(fluxora_store::rows::sequence(head))
    }

    async fn streams_of(&mut self, party: &Party, limit: u32) -> Result<StreamsRead, Fault> {
        streams::of(self, party, limit).await
    }
}

impl SumsTransaction for PipelinedTransaction {
    async fn is_ready(&mut self, most: u32) -> Result<bool, Fault> {
        sums::is_ready(self, most).await
    }

    async fn sums_of(&mut self, party: &Party) -> Result<Vec<StoredSums>, Fault> {
        sums::of_party(self, party).await
    }

    async fn marked_of(&mut self, party: &Party, limit: u32) -> Result<Vec<Sequence>, Fault> {
        sums::marked_of(self, party, limit).await
    }

    async fn due_of(
        &mut self,
        role: Role,
        sums: &[i64],
        until: UnixTime,
        limit: u32,
    ) -> Result<Vec<Sequence>, Fault> {
        sums::due_of(self, role, sums, until, limit).await
    }

    async fn changes_after(
        &mut self,
        role: Role,
        sums: i64,
        after: UnixTime,
        limit: u32,
    ) -> Result<Vec<(UnixTime, Sequence)>, Fault> {
        sums::changes_after(self, role, sums, after, limit).await
    }

    async fn exhausted_after(
        &mut self,
        role: Role,
        sums: i64,
        after: UnixTime,
        last: bool,
        limit: u32,
    ) -> Result<Vec<(UnixTime, Sequence)>, Fault> {
        sums::exhausted_after(self, role, sums, after, last, limit).await
    }

    async fn rows(&mut self, streams: &[Sequence]) -> Result<Vec<StreamRead>, Fault> {
        sums::rows_of(self, streams).await
    }

    async fn contributions(&mut self, streams: &[Sequence]) -> Result<Vec<StoredContribution>, Fault> {
        sums::contributions(self, streams).await
    }

    async fn unreadable_of(&mut self, party: &Party, stale: &[Sequence]) -> Result<u64, Fault> {
        unreadable::of(self, party, stale).await
    }

    async fn unreadable_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<Sequence>, Fault> {
        unreadable::after(self, after, limit).await
    }

    async fn write_unreadable(&mut self, counted: &[Sequence], unreadable: &[Sequence]) -> Result<(), Fault> {
        unreadable::write(self, counted, unreadable).await
    }

    async fn begin_count(&mut self) -> Result<Option<Sequence>, Fault> {
        sums::begun(self).await
    }

    async fn counted(&mut self) -> Result<Option<Sequence>, Fault> {
        sums::counted(self).await
    }

    async fn record_count(&mut self, last: Option<Sequence>) -> Result<(), Fault> {
        sums::record(self, last).await
    }

    async fn uncounted(&mut self, after: Sequence, limit: u32) -> Result<Vec<Sequence>, Fault> {
        sums::uncounted(self, after, limit).await
    }

    async fn marked(&mut self, limit: u32) -> Result<Marked, Fault> {
        sums::marked(self, limit).await
    }

    async fn due(&mut self, until: UnixTime, limit: u32) -> Result<Vec<Sequence>, Fault> {
        sums::due(self, until, limit).await
    }

    async fn sums_for_update(&mut self, keys: &[(Party, Asset)]) -> Result<Vec<StoredSums>, Fault> {
        sums::for_update(self, keys).await
    }

    async fn sums_by_id(&mut self, ids: &[i64]) -> Result<Vec<StoredSums>, Fault> {
        sums::by_id(self, ids).await
    }

    async fn write_sums(&mut self, sums: &[StoredSums]) -> Result<(), Fault> {
        sums::write(self, sums).await
    }

    async fn write_contributions(
        &mut self,
        contributions: &[StoredContribution],
        gone: &[Sequence],
    ) -> Result<(), Fault> {
        sums::write_contributions(self, contributions, gone).await
    }

    async fn sums_after(&mut self, after: i64, limit: u32) -> Result<Vec<StoredSums>, Fault> {
        sums::after(self, after, limit).await
    }

    async fn contributions_after(
        &mut self,
        after: Sequence,
        limit: u32,
    ) -> Result<Vec<StoredContribution>, Fault> {
        sums::contributions_after(self, after, limit).await
    }

    async fn delete_marks(&mut self, marks: &[i64]) -> Result<(), Fault> {
        sums::delete_marks(self, marks).await
    }

    async fn forget_sums(&mut self) -> Result<(), Fault> {
        sums::forget(self).await
    }
}
