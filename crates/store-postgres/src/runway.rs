//! The SQL of runways: the statements that the steps of [`fluxora_store::runway`] need.

use fluxora_store::StoreError;
use fluxora_store::rows::{self, below};
use fluxora_store::runway::{RunwayCheck, RunwayTransaction, StoredRunway, of_sums};
use fluxora_store::treasury::SumsTransaction;
use fluxora_stream::UnixTime;
use fluxora_treasury::Runway;
use tokio_postgres::Row;

use crate::columns::Columns;
use crate::faults::Fault;
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;

const DUE: &str = "SELECT address, asset, below FROM treasury_runways WHERE chain = $1 AND check_at <= $2 \
                   ORDER BY check_at, address, asset LIMIT $3 FOR UPDATE";
const WRITE: &str = "UPDATE treasury_runways SET below = new.below, check_at = new.check_at \
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS new (address, asset, below, check_at) \
     WHERE treasury_runways.address = new.address AND treasury_runways.asset = new.asset";
const READING: &str = "reading runways of treasuries";
const WRITING: &str = "writing runways of treasuries";

impl RunwayTransaction for PipelinedTransaction {
    async fn is_counted(&mut self) -> Result<bool, Fault> {
        Ok(self.counted().await?.is_none())
    }

    async fn due_runways(
        &mut self,
        clock: UnixTime,
        ledgers: Option<UnixTime>,
        limit: u32,
    ) -> Result<Vec<StoredRunway>, Fault> {
        let mut due = select(self, false, clock, limit).await?;
        let rest = limit.saturating_sub(u32::try_from(due.len()).unwrap_or(limit));
        if let Some(ledgers) = ledgers {
            due.extend(select(self, true, ledgers, rest).await?);
        }
        Ok(due)
    }

    async fn runway(&mut self, runway: &StoredRunway, at: UnixTime) -> Result<Option<Runway>, Fault> {
        of_sums(self, runway, at).await
    }

    async fn write_runways(&mut self, checks: &[RunwayCheck]) -> Result<(), Fault> {
        let addresses: Vec<_> = checks.iter().map(|check| check.runway.treasury.to_string()).collect();
        let assets: Vec<_> = checks.iter().map(|check| check.runway.asset.to_string()).collect();
        let watches: Vec<_> = checks.iter().map(|check| below(check.runway.watch)).collect();
        let next: Vec<_> =
            checks.iter().map(|check| check.next.map(|next| rows::count(next.seconds()))).collect();
        let count = Some(checks.len());
        let values: Values = vec![Box::new(addresses), Box::new(assets), Box::new(watches), Box::new(next)];
        self.enqueue(WRITING, WRITE, values, count).await
    }
}

async fn select(
    transaction: &mut PipelinedTransaction,
    of_chain: bool,
    until: UnixTime,
    limit: u32,
) -> Result<Vec<StoredRunway>, Fault> {
    let until = rows::count(until.seconds());
    let found = transaction.query(READING, DUE, &[&of_chain, &until, &i64::from(limit)]).await?;
    let decode = |row: &Row| rows::stored_runway(&mut Columns::of(row, "treasury_runways"));
    Ok(found.iter().map(decode).collect::<Result<_, StoreError>>()?)
}
