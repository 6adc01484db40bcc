use std::sync::Arc;

use jiff::Timestamp;

use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;

/// How many deliveries one unit deletes at most.
const DELETED_AT_ONCE: u32 = 1_000;

const FIND: &str = "(SELECT seq, endpoint FROM webhook_deliveries WHERE settled_at < $1 LIMIT $2) \
     UNION ALL (SELECT d.seq, d.endpoint FROM webhook_endpoints p JOIN webhook_deliveries d ON d.endpoint = p.id \
     WHERE p.deleted_at < $1 AND (d.settled_at < $1) IS NOT TRUE LIMIT $2)";
/// Waits for replays, which hold the endpoint while they make its settled deliveries pending.
const LOCK: &str = "SELECT FROM webhook_endpoints WHERE id = ANY ($1) ORDER BY seq FOR UPDATE";
const DELETE: &str = "WITH gone AS (\
        DELETE FROM webhook_deliveries d USING webhook_endpoints p WHERE d.seq = ANY ($1) AND p.id = d.endpoint \
        AND (d.settled_at < $2 OR p.deleted_at < $2) RETURNING d.seq, d.endpoint, d.state, \
        CASE WHEN d.type LIKE 'endpoint.%' THEN 0 ELSE d.sequence END AS sequence\
    ), attempts AS (DELETE FROM webhook_attempts WHERE delivery IN (SELECT seq FROM gone)\
    ), counted AS (\
        UPDATE webhook_endpoints p SET dead = p.dead - n.dead, forgotten_to = greatest(p.forgotten_to, n.newest) \
        FROM (SELECT endpoint, count(*) FILTER (WHERE state = 'dead') AS dead, max(sequence) AS newest FROM gone GROUP BY endpoint) AS n \
        WHERE p.id = n.endpoint\
    ) SELECT count(*) FROM gone";
const DELETE_REPLAYS: &str = "DELETE FROM webhook_replays WHERE finished_at < $1 \
     OR endpoint IN (SELECT id FROM webhook_endpoints WHERE deleted_at < $1)";
const DELETE_ENDPOINTS: &str = "DELETE FROM webhook_endpoints p WHERE p.deleted_at < $1 \
     AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint = p.id)";

/// Deletes up to `DELETED_AT_ONCE` deliveries, and with the last of them replays and endpoints. Returns how many deliveries were
/// deleted, and whether there may be more.
pub(crate) async fn delete_settled(lease: Arc<Lease>, before: Timestamp) -> Result<(u64, bool), Fault> {
    let what = "deleting settled deliveries";
    let before = columns::instant(before);
    let mut transaction = PipelinedTransaction::begin(lease);
    let limit = i64::from(DELETED_AT_ONCE);
    let rows = transaction.query(what, FIND, &[&before, &limit]).await?;
    let seqs: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().attempt(what)?;
    let mut endpoints: Vec<String> =
        rows.iter().map(|row| row.try_get(1)).collect::<Result<_, _>>().attempt(what)?;
    endpoints.sort_unstable();
    endpoints.dedup();
    let mut deleted = 0;
    if !seqs.is_empty() {
        transaction.query(what, LOCK, &[&endpoints]).await?;
        let rows = transaction.query(what, DELETE, &[&seqs, &before]).await?;
        let gone: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).attempt(what)?;
        deleted = u64::try_from(gone).unwrap_or_default();
    }
    let more = u32::try_from(seqs.len()).is_ok_and(|found| found >= DELETED_AT_ONCE);
    if !more {
        for sql in [DELETE_REPLAYS, DELETE_ENDPOINTS] {
            let values: Values = vec![Box::new(before)];
            transaction.enqueue("deleting what is left of endpoints and replays", sql, values, None).await?;
        }
    }
    transaction.commit().await?;
    Ok((deleted, more))
}
