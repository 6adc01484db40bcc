//! Streams whose row cannot be decoded, by the parties in that row.

use fluxora_store::{Sequence, StoreError};
use fluxora_treasury::{Party, Role};
use rusqlite::{Connection, params};

use super::sums::{READING, WRITING, delete, sequences};
use crate::columns::seq;
use crate::faults::Attempt;

const OF_SENDER: &str = "SELECT count(*) FROM treasury_unreadable u WHERE sender = ?1 \
     AND NOT EXISTS (SELECT 1 FROM treasury_marks m WHERE m.stream = u.stream)";
const OF_RECIPIENT: &str = "SELECT count(*) FROM treasury_unreadable u WHERE recipient = ?1 \
     AND NOT EXISTS (SELECT 1 FROM treasury_marks m WHERE m.stream = u.stream)";
const HAS_SENDER: &str = "SELECT count(*) FROM streams WHERE seq = ?2 AND sender = ?1";
const HAS_RECIPIENT: &str = "SELECT count(*) FROM streams WHERE seq = ?2 AND recipient = ?1";

pub(super) fn of(connection: &Connection, party: &Party, stale: &[Sequence]) -> Result<u64, StoreError> {
    let address = party.address.to_string();
    let (recorded, of_row) = match party.role {
        Role::Sender => (OF_SENDER, HAS_SENDER),
        Role::Recipient => (OF_RECIPIENT, HAS_RECIPIENT),
    };
    let mut statement = connection.prepare_cached(recorded).attempt(READING)?;
    let mut count: u64 = statement.query_row([&address], |row| row.get(0)).attempt(READING)?;
    let mut statement = connection.prepare_cached(of_row).attempt(READING)?;
    for stream in stale {
        let found = statement.query_row(params![address, seq(*stream)], |row| row.get::<_, u64>(0));
        count = count.saturating_add(found.attempt(READING)?);
    }
    Ok(count)
}

pub(super) fn after(
    connection: &Connection,
    after: Sequence,
    limit: u32,
) -> Result<Vec<Sequence>, StoreError> {
    let sql = "SELECT stream FROM treasury_unreadable WHERE stream > ?1 ORDER BY stream LIMIT ?2";
    sequences(connection, sql, params![seq(after), limit])
}

pub(super) fn write(
    connection: &Connection,
    counted: &[Sequence],
    unreadable: &[Sequence],
) -> Result<(), StoreError> {
    let sql = "DELETE FROM treasury_unreadable WHERE stream = ?1";
    delete(connection, sql, counted.iter().copied().map(seq))?;
    let sql = "INSERT INTO treasury_unreadable (stream, sender, recipient) \
               SELECT seq, sender, recipient FROM streams WHERE seq = ?1";
    let mut statement = connection.prepare_cached(sql).attempt(WRITING)?;
    for stream in unreadable {
        statement.execute([seq(*stream)]).attempt(WRITING)?;
    }
    Ok(())
}
