use async_trait::async_trait;
use fluxora_store::treasury::{self as steps, PartyOutcome, PartyQuery};
use fluxora_store::{StoreError, TreasuryStore};
use rusqlite::Connection;

use super::SqliteStore;
use crate::chain::{self, Chain};

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
}
