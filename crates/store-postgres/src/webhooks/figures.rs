use fluxora_store::delivery::DeliveryFigures;
use fluxora_store::rows::sequence;
use jiff::Timestamp;

use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// Counts from the endpoints, and looks each runnable one up in the index of what is due.
const FIGURES: &str = "SELECT (SELECT cursor FROM webhook_fan_out), (SELECT coalesce(max(seq), 0) FROM stream_events), \
     (SELECT count(*) FROM webhook_deliveries WHERE state = 'in_flight'), \
     (SELECT count(*) FROM webhook_replays WHERE state = 'running'), \
     (SELECT min(d.first) FROM webhook_endpoints p CROSS JOIN LATERAL (SELECT min(claimable_at) AS first FROM webhook_deliveries \
      WHERE endpoint = p.id AND claimable_at <= $1) AS d WHERE p.runnable_at <= $1), \
     count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state = 'paused'), count(*) FILTER (WHERE state = 'held'), \
     coalesce(sum(pending) FILTER (WHERE state = 'active'), 0)::bigint, \
     coalesce(sum(pending) FILTER (WHERE state <> 'active'), 0)::bigint, coalesce(sum(dead), 0)::bigint, \
     coalesce(sum(delivered), 0)::bigint, count(*) FILTER (WHERE state = 'active' AND breaker LIKE '{\"open\"%') \
     FROM webhook_endpoints WHERE deleted_at IS NULL";

pub(crate) async fn figures(lease: &Lease, now: Timestamp) -> Result<DeliveryFigures, Fault> {
    let what = "reading the figures of delivery";
    let statement = lease.prepare_cached(FIGURES).await.attempt(what)?;
    let row = lease.query_one(&statement, &[&now]).await.attempt(what)?;
    let count = |column: usize| {
        let count: i64 = row.try_get(column).attempt(what)?;
        Ok::<_, Fault>(u64::try_from(count).unwrap_or_default())
    };
    Ok(DeliveryFigures {
        fanned_out: sequence(row.try_get(0).attempt(what)?),
        head: sequence(row.try_get(1).attempt(what)?),
        in_flight: count(2)?,
        running_replays: count(3)?,
        oldest_due: row.try_get(4).attempt(what)?,
        active_endpoints: count(5)?,
        paused_endpoints: count(6)?,
        held_endpoints: count(7)?,
        pending: count(8)?,
        held: count(9)?,
        dead: count(10)?,
        delivered: count(11)?,
        open_breakers: count(12)?,
    })
}
