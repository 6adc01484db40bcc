use std::time::Duration;

use fluxora_indexer::Fence;
use fluxora_store::StoreError;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns;
use crate::faults::Attempt;

const ACQUIRE: &str = "INSERT INTO leases (name, holder, token, expires_at) VALUES (?1, ?2, 1, ?4) \
                       ON CONFLICT (name) DO UPDATE SET token = token + (holder <> excluded.holder), holder = excluded.holder, \
                           expires_at = excluded.expires_at \
                       WHERE holder = excluded.holder OR expires_at <= ?3 \
                       RETURNING token";
/// The row stays: the next holder has a higher token.
const RELEASE: &str = "UPDATE leases SET expires_at = 0 WHERE name = ?1 AND holder = ?2";

pub(crate) fn acquire(
    connection: &Connection,
    lease: &'static str,
    holder: &str,
    term: Duration,
    now: Timestamp,
) -> Result<Option<Fence>, StoreError> {
    let what = "acquiring a lease";
    let until = now.checked_add(term).unwrap_or(Timestamp::MAX);
    let values = params![lease, holder, columns::instant(now), columns::instant(until)];
    let mut statement = connection.prepare_cached(ACQUIRE).attempt(what)?;
    let token = statement.query_row(values, |row| row.get(0)).optional().attempt(what)?;
    Ok(token.map(|token| Fence { lease, token }))
}

pub(crate) fn release(connection: &Connection, lease: &str, holder: &str) -> Result<(), StoreError> {
    let release = || connection.prepare_cached(RELEASE)?.execute([lease, holder]);
    release().map(drop).attempt("releasing a lease")
}
