//! Streams whose row cannot be decoded, by the parties in that row.

use fluxora_store::Sequence;
use fluxora_treasury::{Party, Role};

use super::sums::{READING, WRITING, seqs, sequences};
use crate::columns::seq;
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;

/// The streams of one side.
macro_rules! of_side {
    ($side:literal) => {
        concat!(
            "SELECT (SELECT count(*) FROM treasury_unreadable u WHERE ",
            $side,
            " = $1 AND NOT EXISTS (SELECT 1 FROM treasury_marks m WHERE m.stream = u.stream)) + \
             (SELECT count(*) FROM streams WHERE seq = ANY($2::bigint[]) AND ",
            $side,
            " = $1)"
        )
    };
}

pub(crate) const OF_SENDER: &str = of_side!("sender");
pub(crate) const OF_RECIPIENT: &str = of_side!("recipient");
const AFTER: &str = "SELECT stream FROM treasury_unreadable WHERE stream > $1 ORDER BY stream LIMIT $2";
const DELETE: &str = "DELETE FROM treasury_unreadable WHERE stream = ANY($1::bigint[])";
const INSERT: &str = "INSERT INTO treasury_unreadable (stream, sender, recipient) \
     SELECT seq, sender, recipient FROM streams WHERE seq = ANY($1::bigint[])";

pub(super) async fn of(
    chain: &mut PipelinedTransaction,
    party: &Party,
    stale: &[Sequence],
) -> Result<u64, Fault> {
    let sql = match party.role {
        Role::Sender => OF_SENDER,
        Role::Recipient => OF_RECIPIENT,
    };
    let rows = chain.query(READING, sql, &[&party.address.to_string(), &seqs(stale)]).await?;
    let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).attempt(READING)?;
    Ok(u64::try_from(count).unwrap_or_default())
}

pub(super) async fn after(
    chain: &mut PipelinedTransaction,
    after: Sequence,
    limit: u32,
) -> Result<Vec<Sequence>, Fault> {
    sequences(chain, AFTER, &[&seq(after), &i64::from(limit)]).await
}

pub(super) async fn write(
    chain: &mut PipelinedTransaction,
    counted: &[Sequence],
    unreadable: &[Sequence],
) -> Result<(), Fault> {
    let values: Values = vec![Box::new(seqs(counted))];
    chain.enqueue(WRITING, DELETE, values, None).await?;
    if unreadable.is_empty() {
        return Ok(());
    }
    let values: Values = vec![Box::new(seqs(unreadable))];
    chain.enqueue(WRITING, INSERT, values, None).await
}
