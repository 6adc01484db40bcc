//! The SQL of treasuries: the statements that the steps of [`fluxora_store::treasury`] need.

mod streams;
mod sums;
mod unreadable;

use fluxora_store::treasury::{
    Marked, PartyStreams, StoredContribution, StoredSums, StreamRead, StreamsRead, SumsTransaction,
};
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::UnixTime;
use fluxora_treasury::{Asset, Party, Role};

use crate::chain::Chain;
use crate::streams::log;

pub(crate) use sums::has_work;

impl PartyStreams for Chain<'_> {
    async fn head(&mut self) -> Result<Sequence, StoreError> {
        log::head(self.0)
    }

    async fn streams_of(&mut self, party: &Party, limit: u32) -> Result<StreamsRead, StoreError> {
        streams::of(self.0, party, limit)
    }
}

impl SumsTransaction for Chain<'_> {
    async fn is_ready(&mut self, most: u32) -> Result<bool, StoreError> {
        sums::is_ready(self.0, most)
    }

    async fn sums_of(&mut self, party: &Party) -> Result<Vec<StoredSums>, StoreError> {
        sums::of_party(self.0, party)
    }

    async fn marked_of(&mut self, party: &Party, limit: u32) -> Result<Vec<Sequence>, StoreError> {
        sums::marked_of(self.0, party, limit)
    }

    async fn due_of(
        &mut self,
        role: Role,
        sums: &[i64],
        until: UnixTime,
        limit: u32,
    ) -> Result<Vec<Sequence>, StoreError> {
        sums::due_of(self.0, role, sums, until, limit)
    }

    async fn changes_after(
        &mut self,
        role: Role,
        sums: i64,
        after: UnixTime,
        limit: u32,
    ) -> Result<Vec<(UnixTime, Sequence)>, StoreError> {
        sums::changes_after(self.0, role, sums, after, limit)
    }

    async fn exhausted_after(
        &mut self,
        role: Role,
        sums: i64,
        after: UnixTime,
        last: bool,
        limit: u32,
    ) -> Result<Vec<(UnixTime, Sequence)>, StoreError> {
        sums::exhausted_after(self.0, role, sums, after, last, limit)
    }

    async fn rows(&mut self, streams: &[Sequence]) -> Result<Vec<StreamRead>, StoreError> {
        sums::rows_of(self.0, streams)
    }

    async fn contributions(&mut self, streams: &[Sequence]) -> Result<Vec<StoredContribution>, StoreError> {
        sums::contributions(self.0, streams)
    }

    async fn unreadable_of(&mut self, party: &Party, stale: &[Sequence]) -> Result<u64, StoreError> {
        unreadable::of(self.0, party, stale)
    }

    async fn unreadable_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<Sequence>, StoreError> {
        unreadable::after(self.0, after, limit)
    }

    async fn write_unreadable(
        &mut self,
        counted: &[Sequence],
        unreadable: &[Sequence],
    ) -> Result<(), StoreError> {
        unreadable::write(self.0, counted, unreadable)
    }

    async fn begin_count(&mut self) -> Result<Option<Sequence>, StoreError> {
        sums::begun(self.0)
    }

    async fn counted(&mut self) -> Result<Option<Sequence>, StoreError> {
        sums::begun(self.0)
    }

    async fn record_count(&mut self, last: Option<Sequence>) -> Result<(), StoreError> {
        sums::record(self.0, last)
    }

    async fn uncounted(&mut self, after: Sequence, limit: u32) -> Result<Vec<Sequence>, StoreError> {
        sums::uncounted(self.0, after, limit)
    }

    async fn marked(&mut self, limit: u32) -> Result<Marked, StoreError> {
        sums::marked(self.0, limit)
    }

    async fn due(&mut self, until: UnixTime, limit: u32) -> Result<Vec<Sequence>, StoreError> {
        sums::due(self.0, until, limit)
    }

    async fn sums_for_update(&mut self, keys: &[(Party, Asset)]) -> Result<Vec<StoredSums>, StoreError> {
        sums::for_update(self.0, keys)
    }

    async fn sums_by_id(&mut self, ids: &[i64]) -> Result<Vec<StoredSums>, StoreError> {
        sums::by_id(self.0, ids)
    }

    async fn write_sums(&mut self, sums: &[StoredSums]) -> Result<(), StoreError> {
        sums::write(self.0, sums)
    }

    async fn write_contributions(
        &mut self,
        contributions: &[StoredContribution],
        gone: &[Sequence],
    ) -> Result<(), StoreError> {
        sums::write_contributions(self.0, contributions, gone)
    }

    async fn sums_after(&mut self, after: i64, limit: u32) -> Result<Vec<StoredSums>, StoreError> {
        sums::after(self.0, after, limit)
    }

    async fn contributions_after(
        &mut self,
        after: Sequence,
        limit: u32,
    ) -> Result<Vec<StoredContribution>, StoreError> {
        sums::contributions_after(self.0, after, limit)
    }

    async fn delete_marks(&mut self, marks: &[i64]) -> Result<(), StoreError> {
        sums::delete_marks(self.0, marks)
    }

    async fn forget_sums(&mut self) -> Result<(), StoreError> {
        sums::forget(self.0)
    }
}
