//! Proofs that the database answers and takes writes.

use fluxora_store::StoreError;

use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// Reads one row of ours from a server that takes writes.
pub(crate) async fn read(lease: &Lease) -> Result<(), Fault> {
    let sql = "SELECT current_setting('transaction_read_only')::bool, (SELECT true FROM streams LIMIT 1)";
    let what = "probing the database";
    let statement = lease.prepare_cached(sql).await.attempt(what)?;
    let row = lease.query_one(&statement, &[]).await.attempt(what)?;
    if row.try_get(0).attempt(what)? {
        return Err(StoreError::unavailable(
            "the database cannot be written to: the server is a standby or read-only",
        )
        .into());
    }
    Ok(())
}

/// Which of the settings that make a commit last through a crash of the server are off in this session.
pub(crate) async fn not_durable(lease: &Lease) -> Result<Vec<String>, Fault> {
    let what = "reading the durability settings";
    let sql = "SELECT name FROM pg_settings WHERE setting = 'off' \
               AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name";
    let rows = lease.query(sql, &[]).await.attempt(what)?;
    rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().attempt(what)
}

/// Writes as much as a few creates do, so that its commit proves that there is room for them, and takes it back.
pub(crate) async fn write(lease: &Lease) -> Result<(), Fault> {
    let what = "proving that writes work";
    let write = "INSERT INTO write_proofs (bytes) VALUES (convert_to(repeat('0', 65536), 'UTF8'))";
    lease.execute(write, &[]).await.attempt(what)?;
    lease.execute("DELETE FROM write_proofs", &[]).await.attempt(what)?;
    Ok(())
}
