use std::time::Duration;

use fluxora_indexer::Fence;
use fluxora_store::rows::ReadColumns;

use crate::columns::Columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease as Connection;

const ACQUIRE: &str = "INSERT INTO leases AS l (name, holder, token, expires_at) \
                       VALUES ($1, $2, 1, clock_timestamp() + $3::bigint * interval '1 millisecond') \
                       ON CONFLICT (name) DO UPDATE SET token = l.token + (l.holder <> excluded.holder)::int, \
                           holder = excluded.holder, expires_at = excluded.expires_at \
                       WHERE l.holder = excluded.holder OR l.expires_at <= clock_timestamp() \
                       RETURNING name, token";
/// The row stays: the next holder has a higher token.
const RELEASE: &str = "UPDATE leases SET expires_at = '-infinity' WHERE name = $1 AND holder = $2";

/// By the clock of the database server.
pub(crate) async fn acquire(
    connection: &Connection,
    lease: &'static str,
    holder: &str,
    term: Duration,
) -> Result<Option<Fence>, Fault> {
    let what = "acquiring a lease";
    let term = i64::try_from(term.as_millis()).unwrap_or(i64::MAX);
    let statement = connection.prepare_cached(ACQUIRE).await.attempt(what)?;
    let row = connection.query_opt(&statement, &[&lease, &holder, &term]).await.attempt(what)?;
    let token = |row| {
        let mut columns = Columns::of(row, "leases");
        columns.skip();
        columns.number("token")
    };
    Ok(row.as_ref().map(token).transpose()?.map(|token| Fence { lease, token }))
}

pub(crate) async fn release(connection: &Connection, lease: &str, holder: &str) -> Result<(), Fault> {
    let what = "releasing a lease";
    let statement = connection.prepare_cached(RELEASE).await.attempt(what)?;
    connection.execute(&statement, &[&lease, &holder]).await.attempt(what).map(drop)
}
