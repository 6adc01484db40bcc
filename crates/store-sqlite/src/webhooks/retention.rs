use std::collections::BTreeMap;

use fluxora_store::StoreError;
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{execute, select};
use crate::columns;
use crate::faults::Attempt;

/// How many deliveries one unit deletes at most.
pub(crate) const DELETED_AT_ONCE: u32 = 1_000;

pub(super) const SETTLED: &str = "SELECT seq, endpoint, state = 'dead', iif(type LIKE 'endpoint.%', 0, sequence) FROM webhook_deliveries WHERE settled_at < ?1 LIMIT ?2";
pub(super) const OF_DELETED: &str = "SELECT d.seq, d.endpoint, 0, 0 FROM webhook_endpoints p JOIN webhook_deliveries d ON d.endpoint = p.id \
     WHERE p.deleted_at < ?1 LIMIT ?2";
const DELETE_ATTEMPTS: &str = "DELETE FROM webhook_attempts WHERE delivery = ?1";
const DELETE_DELIVERY: &str = "DELETE FROM webhook_deliveries WHERE seq = ?1";
const COUNT_OUT: &str =
    "UPDATE webhook_endpoints SET dead = dead - ?2, forgotten_to = max(forgotten_to, ?3) WHERE id = ?1";
const DELETE_REPLAYS: &str = "DELETE FROM webhook_replays WHERE finished_at < ?1 \
     OR endpoint IN (SELECT id FROM webhook_endpoints WHERE deleted_at < ?1)";
const DELETE_ENDPOINTS: &str = "DELETE FROM webhook_endpoints WHERE deleted_at < ?1 \
     AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.endpoint = webhook_endpoints.id)";

/// Deletes up to [`DELETED_AT_ONCE`] deliveries, and with the last of them replays and endpoints. Returns how many deliveries.
pub(crate) fn delete_settled(connection: &Connection, before: Timestamp) -> Result<u32, StoreError> {
    let what = "deleting settled deliveries";
    let before = columns::instant(before);
    let mut deleted = 0_u32;
    for sql in [SETTLED, OF_DELETED] {
        let left = DELETED_AT_ONCE.saturating_sub(deleted);
        let rows: Vec<(i64, String, bool, i64)> =
            select(connection, what, sql, params![before, left], |row| {
                let read = || Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
                read().attempt(what)
            })?;
        // Of each endpoint: how many were dead, and the newest event.
        let mut forgotten: BTreeMap<String, (u32, i64)> = BTreeMap::new();
        for (seq, endpoint, is_dead, sequence) in rows {
            execute(connection, what, DELETE_ATTEMPTS, [seq])?;
            execute(connection, what, DELETE_DELIVERY, [seq])?;
            let (dead, newest) = forgotten.entry(endpoint).or_default();
            *dead = dead.saturating_add(is_dead.into());
            *newest = sequence.max(*newest);
            deleted = deleted.saturating_add(1);
        }
        for (endpoint, (dead, newest)) in forgotten {
            execute(connection, what, COUNT_OUT, params![endpoint, dead, newest])?;
        }
    }
    if deleted < DELETED_AT_ONCE {
        execute(connection, "deleting replays that have ended", DELETE_REPLAYS, [&before])?;
        execute(connection, "deleting what is left of endpoints", DELETE_ENDPOINTS, [&before])?;
    }
    Ok(deleted)
}
