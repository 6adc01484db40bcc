//! The SQL of runways: the statements that the steps of [`fluxora_store::runway`] need.

use fluxora_store::StoreError;
use fluxora_store::rows::{self, below};
use fluxora_store::runway::{RunwayCheck, RunwayTransaction, StoredRunway, of_sums};
use fluxora_store::treasury::SumsTransaction;
use fluxora_stream::UnixTime;
use fluxora_treasury::Runway;
use rusqlite::{Connection, Row, params};

use crate::chain::Chain;
use crate::columns::Columns;
use crate::faults::Attempt;

const DUE: &str = "SELECT address, asset, below FROM treasury_runways INDEXED BY treasury_runways_due \
                   WHERE chain = ?1 AND check_at <= ?2 ORDER BY check_at LIMIT ?3";
const WRITE: &str = "UPDATE treasury_runways SET below = ?3, check_at = ?4 WHERE address = ?1 AND asset = ?2";
const READING: &str = "reading runways of treasuries";
const WRITING: &str = "writing runways of treasuries";

impl RunwayTransaction for Chain<'_> {
    async fn is_counted(&mut self) -> Result<bool, StoreError> {
        Ok(self.counted().await?.is_none())
    }

    async fn due_runways(
        &mut self,
        clock: UnixTime,
        ledgers: Option<UnixTime>,
        limit: u32,
    ) -> Result<Vec<StoredRunway>, StoreError> {
        let mut due = select(self.0, false, clock, limit)?;
        let rest = limit.saturating_sub(u32::try_from(due.len()).unwrap_or(limit));
        if let Some(ledgers) = ledgers {
            due.extend(select(self.0, true, ledgers, rest)?);
        }
        Ok(due)
    }

    async fn runway(&mut self, runway: &StoredRunway, at: UnixTime) -> Result<Option<Runway>, StoreError> {
        of_sums(self, runway, at).await
    }

    async fn write_runways(&mut self, checks: &[RunwayCheck]) -> Result<(), StoreError> {
        let write = || {
            let mut statement = self.0.prepare_cached(WRITE)?;
            for RunwayCheck { runway, next } in checks {
                let (address, asset) = (runway.treasury.to_string(), runway.asset.to_string());
                let next = next.map(|next| rows::count(next.seconds()));
                statement.execute(params![address, asset, below(runway.watch), next])?;
            }
            Ok(())
        };
        write().attempt(WRITING)
    }
}

fn select(
    connection: &Connection,
    of_chain: bool,
    until: UnixTime,
    limit: u32,
) -> Result<Vec<StoredRunway>, StoreError> {
    let mut statement = connection.prepare_cached(DUE).attempt(READING)?;
    let decode = |row: &Row<'_>| rows::stored_runway(&mut Columns::of(row, "treasury_runways"));
    let values = params![of_chain, rows::count(until.seconds()), limit];
    let found = statement.query_map(values, |row| Ok(decode(row))).attempt(READING)?;
    found.map(|row| row.attempt(READING)?).collect()
}
