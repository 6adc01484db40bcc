use async_trait::async_trait;
use fluxora_store::treasury::{self as steps, Counted, DueChange, PartyOutcome, PartyQuery, SumsReport};
use fluxora_store::{StoreError, TreasuryStore};
use fluxora_stream::UnixTime;
use jiff::Timestamp;
use rusqlite::Connection;

use super::SqliteStore;
use crate::chain::{self, Chain};
use crate::treasury;

#[async_trait]
impl TreasuryStore for SqliteStore {
    async fn party(&self, query: &PartyQuery) -> Result<PartyOutcome, StoreError> {
        let query = query.clone();
        let read = move |connection: &Connection| {
            let party = |connection: &_| chain::run(steps::party(&mut Chain(connection), &query));
            chain::in_one_snapshot(connection, party)
        };
        self.scan(read).await
    }

    /// Nothing is written, and the writer is not asked, where no stream waits.
    async fn count_streams_again(&self, now: Timestamp, limit: u32) -> Result<Counted, StoreError> {
        if !self.read(move |connection| treasury::has_work(connection, UnixTime::of(now))).await? {
            return Ok(Counted::default());
        }
        let count =
            move |connection: &Connection| chain::run(steps::count_again(&mut Chain(connection), now, limit));
        self.writer.run(count).await
    }

    async fn due_changes(&self, until: UnixTime, limit: u32) -> Result<Vec<DueChange>, StoreError> {
        let read = move |connection: &Connection| {
            let due = |connection: &_| chain::run(steps::due_changes(&mut Chain(connection), until, limit));
            chain::in_one_snapshot(connection, due)
        };
        self.scan(read).await
    }

    async fn check_sums(&self) -> Result<SumsReport, StoreError> {
        let read = |connection: &Connection| {
            chain::in_one_snapshot(connection, |connection| chain::run(steps::check(&mut Chain(connection))))
        };
        self.scan(read).await
    }

    async fn forget_sums(&self) -> Result<(), StoreError> {
        self.writer.run(|connection| chain::run(steps::forget(&mut Chain(connection)))).await
    }
}
