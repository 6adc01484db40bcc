use fluxora_store::rows::{self, ReadColumns};
use fluxora_store::treasury::{Marked, StoredContribution, StoredSums, StreamRead};
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::UnixTime;
use fluxora_treasury::{Asset, Party, Role, Sums};
use rusqlite::{Connection, Params, Row, params};

use crate::columns::{self, Columns, seq};
use crate::faults::Attempt;
use crate::streams::column_lists::stream_columns;
use crate::streams::row::decode;

pub(super) const READING: &str = "reading sums of money";
pub(super) const WRITING: &str = "writing sums of money";
const ROW: &str = concat!("SELECT ", stream_columns!(), " FROM streams WHERE seq = ?1");
const SUMS: &str = "SELECT id, role, address, asset, sums, latest FROM treasury_sums";
const CONTRIBUTION: &str = "SELECT stream, sender, recipient, counts_from, changes_at, exhausted_at, sums \
                            FROM treasury_contributions WHERE stream = ?1";
const MARKED_OF: &str = "SELECT m.stream FROM treasury_marks m LEFT JOIN streams s ON s.seq = m.stream \
     LEFT JOIN treasury_contributions c ON c.stream = m.stream \
     WHERE CASE WHEN ?1 = 'sender' THEN s.sender ELSE s.recipient END = ?2 \
        OR CASE WHEN ?1 = 'sender' THEN c.sender ELSE c.recipient END IN \
           (SELECT id FROM treasury_sums WHERE address = ?2 AND role = ?1) LIMIT ?3";

/// Statements of one side.
macro_rules! of_role {
    ($role:expr, $before:literal, $after:literal) => {
        match $role {
            Role::Sender => concat!($before, "sender", $after),
            Role::Recipient => concat!($before, "recipient", $after),
        }
    };
}

pub(super) fn sequences(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Vec<Sequence>, StoreError> {
    let mut statement = connection.prepare_cached(sql).attempt(READING)?;
    let found = statement.query_map(values, |row| row.get(0)).attempt(READING)?;
    found.map(|found| found.map(Sequence).attempt(READING)).collect()
}

fn timed(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Vec<(UnixTime, Sequence)>, StoreError> {
    let mut statement = connection.prepare_cached(sql).attempt(READING)?;
    let decode = |row: &Row<'_>| {
        let mut columns = Columns::of(row, "treasury_contributions");
        let sequence = columns.sequence("stream")?;
        Ok((columns.time("changes_at")?, sequence))
    };
    let found = statement.query_map(values, |row| Ok(decode(row))).attempt(READING)?;
    found.map(|found| found.attempt(READING)?).collect()
}

fn sums(
    connection: &Connection,
    condition: &str,
    values: impl Params,
) -> Result<Vec<StoredSums>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{SUMS} {condition}")).attempt(READING)?;
    let decode = |row: &Row<'_>| rows::stored_sums(&mut Columns::of(row, "treasury_sums"));
    let found = statement.query_map(values, |row| Ok(decode(row))).attempt(READING)?;
    found.map(|found| found.attempt(READING)?).collect()
}

pub(super) fn is_ready(connection: &Connection, most: u32) -> Result<bool, StoreError> {
    let sql = "SELECT (SELECT counted IS NULL FROM treasury_progress) \
               AND (SELECT count(*) FROM (SELECT 1 FROM treasury_marks LIMIT ?1 + 1)) <= ?1";
    let mut statement = connection.prepare_cached(sql).attempt(READING)?;
    statement.query_row([most], |row| row.get(0)).attempt(READING)
}

/// Whether a stream was never counted, is marked, or may have been changed by time up to `until`.
pub(crate) fn has_work(connection: &Connection, until: UnixTime) -> Result<bool, StoreError> {
    let sql = "SELECT (SELECT counted IS NOT NULL FROM treasury_progress) OR EXISTS (SELECT 1 FROM treasury_marks) \
               OR EXISTS (SELECT 1 FROM treasury_contributions WHERE changes_at <= ?1)";
    let mut statement = connection.prepare_cached(sql).attempt(READING)?;
    statement.query_row([columns::time(until)], |row| row.get(0)).attempt(READING)
}

pub(super) fn of_party(connection: &Connection, party: &Party) -> Result<Vec<StoredSums>, StoreError> {
    let condition = "WHERE address = ?1 AND role = ?2 ORDER BY asset";
    sums(connection, condition, params![party.address.to_string(), party.role.as_str()])
}

pub(super) fn after(connection: &Connection, after: i64, limit: u32) -> Result<Vec<StoredSums>, StoreError> {
    sums(connection, "WHERE id > ?1 ORDER BY id LIMIT ?2", params![after, limit])
}

pub(super) fn by_id(connection: &Connection, ids: &[i64]) -> Result<Vec<StoredSums>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(sums(connection, "WHERE id = ?1", [id])?);
    }
    Ok(found)
}

/// Reads sums by party and asset; those that are missing are inserted.
pub(super) fn for_update(
    connection: &Connection,
    keys: &[(Party, Asset)],
) -> Result<Vec<StoredSums>, StoreError> {
    let sql = "INSERT INTO treasury_sums (role, address, asset, sums, latest) VALUES (?1, ?2, ?3, ?4, 0)";
    let mut found = Vec::with_capacity(keys.len());
    for (party, asset) in keys {
        let key = [party.role.as_str().to_owned(), party.address.to_string(), asset.to_string()];
        let condition = "WHERE role = ?1 AND address = ?2 AND asset = ?3";
        let mut stored = sums(connection, condition, key.each_ref())?;
        if stored.is_empty() {
            let [role, address, asset] = &key;
            let insert = || {
                let none = Sums::default().to_string();
                connection.prepare_cached(sql)?.insert(params![role, address, asset, none])
            };
            insert().attempt(WRITING)?;
            stored = sums(connection, condition, key.each_ref())?;
        }
        found.extend(stored);
    }
    Ok(found)
}

pub(super) fn write(connection: &Connection, sums: &[StoredSums]) -> Result<(), StoreError> {
    let sql = "UPDATE treasury_sums SET sums = ?2, latest = ?3 WHERE id = ?1";
    let write = |stored: &StoredSums| {
        let values = params![stored.id, stored.sums.to_string(), columns::time(stored.latest)];
        connection.prepare_cached(sql)?.execute(values)
    };
    sums.iter().try_for_each(|stored| write(stored).map(drop)).attempt(WRITING)
}

pub(super) fn marked_of(
    connection: &Connection,
    party: &Party,
    limit: u32,
) -> Result<Vec<Sequence>, StoreError> {
    let values = params![party.role.as_str(), party.address.to_string(), limit];
    sequences(connection, MARKED_OF, values)
}

pub(super) fn due_of(
    connection: &Connection,
    role: Role,
    sums: &[i64],
    until: UnixTime,
    limit: u32,
) -> Result<Vec<Sequence>, StoreError> {
    let sql = of_role!(
        role,
        "SELECT stream FROM treasury_contributions WHERE ",
        " = ?1 AND changes_at <= ?2 ORDER BY changes_at LIMIT ?3"
    );
    let mut found = Vec::new();
    for id in sums {
        found.extend(sequences(connection, sql, params![id, columns::time(until), limit])?);
    }
    Ok(found)
}

pub(super) fn changes_after(
    connection: &Connection,
    role: Role,
    sums: i64,
    after: UnixTime,
    limit: u32,
) -> Result<Vec<(UnixTime, Sequence)>, StoreError> {
    let sql = of_role!(
        role,
        "SELECT stream, changes_at FROM treasury_contributions WHERE ",
        " = ?1 AND changes_at > ?2 ORDER BY changes_at, stream LIMIT ?3"
    );
    timed(connection, sql, params![sums, columns::time(after), limit])
}

pub(super) fn exhausted_after(
    connection: &Connection,
    role: Role,
    sums: i64,
    after: UnixTime,
    last: bool,
    limit: u32,
) -> Result<Vec<(UnixTime, Sequence)>, StoreError> {
    let first = of_role!(
        role,
        "SELECT stream, exhausted_at FROM treasury_contributions WHERE ",
        " = ?1 AND exhausted_at > ?2 ORDER BY exhausted_at, stream LIMIT ?3"
    );
    let final_ones = of_role!(
        role,
        "SELECT stream, exhausted_at FROM treasury_contributions WHERE ",
        " = ?1 AND exhausted_at > ?2 ORDER BY exhausted_at DESC, stream DESC LIMIT ?3"
    );
    let sql = if last { final_ones } else { first };
    timed(connection, sql, params![sums, columns::time(after), limit])
}

pub(super) fn rows_of(connection: &Connection, streams: &[Sequence]) -> Result<Vec<StreamRead>, StoreError> {
    let mut statement = connection.prepare_cached(ROW).attempt(READING)?;
    let mut found = Vec::with_capacity(streams.len());
    for sequence in streams {
        let mut rows = statement.query([seq(*sequence)]).attempt(READING)?;
        if let Some(row) = rows.next().attempt(READING)? {
            match decode(row) {
                Ok(read) => found.push((*sequence, Ok(read.stream))),
                Err(StoreError::Corrupt(row)) => found.push((*sequence, Err(row))),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

pub(super) fn contributions(
    connection: &Connection,
    streams: &[Sequence],
) -> Result<Vec<StoredContribution>, StoreError> {
    let mut statement = connection.prepare_cached(CONTRIBUTION).attempt(READING)?;
    let mut found = Vec::with_capacity(streams.len());
    for sequence in streams {
        let mut rows = statement.query([seq(*sequence)]).attempt(READING)?;
        if let Some(row) = rows.next().attempt(READING)? {
            found.push(rows::stored_contribution(&mut Columns::of(row, "treasury_contributions"))?);
        }
    }
    Ok(found)
}

pub(super) fn contributions_after(
    connection: &Connection,
    after: Sequence,
    limit: u32,
) -> Result<Vec<StoredContribution>, StoreError> {
    let sql = "SELECT stream, sender, recipient, counts_from, changes_at, exhausted_at, sums \
               FROM treasury_contributions WHERE stream > ?1 ORDER BY stream LIMIT ?2";
    let mut statement = connection.prepare_cached(sql).attempt(READING)?;
    let decode = |row: &Row<'_>| rows::stored_contribution(&mut Columns::of(row, "treasury_contributions"));
    let found = statement.query_map(params![seq(after), limit], |row| Ok(decode(row))).attempt(READING)?;
    found.map(|found| found.attempt(READING)?).collect()
}

pub(super) fn write_contributions(
    connection: &Connection,
    contributions: &[StoredContribution],
    gone: &[Sequence],
) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO treasury_contributions \
               (stream, sender, recipient, counts_from, changes_at, exhausted_at, sums) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut statement = connection.prepare_cached(sql).attempt(WRITING)?;
    for contribution in contributions {
        let [sender, recipient] = contribution.of;
        let written = statement.execute(params![
            seq(contribution.stream),
            sender,
            recipient,
            columns::time(contribution.from),
            contribution.changes_at.map(columns::time),
            contribution.exhausted_at.map(columns::time),
            contribution.sums.to_string(),
        ]);
        written.attempt(WRITING)?;
    }
    delete(connection, "DELETE FROM treasury_contributions WHERE stream = ?1", gone.iter().copied().map(seq))
}

pub(super) fn begun(connection: &Connection) -> Result<Option<Sequence>, StoreError> {
    let sql = "SELECT counted FROM treasury_progress";
    let mut statement = connection.prepare_cached(sql).attempt(READING)?;
    let counted: Option<u64> = statement.query_row([], |row| row.get(0)).attempt(READING)?;
    Ok(counted.map(Sequence))
}

pub(super) fn record(connection: &Connection, last: Option<Sequence>) -> Result<(), StoreError> {
    let sql = "UPDATE treasury_progress SET counted = ?1";
    let write = || connection.prepare_cached(sql)?.execute([last.map(seq)]);
    write().map(drop).attempt(WRITING)
}

pub(super) fn uncounted(
    connection: &Connection,
    after: Sequence,
    limit: u32,
) -> Result<Vec<Sequence>, StoreError> {
    let sql = "SELECT seq FROM streams WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    sequences(connection, sql, params![seq(after), limit])
}

pub(super) fn marked(connection: &Connection, limit: u32) -> Result<Marked, StoreError> {
    let sql = "SELECT stream FROM treasury_marks ORDER BY stream LIMIT ?1";
    let streams = sequences(connection, sql, [limit])?;
    Ok(Marked { marks: streams.iter().copied().map(seq).collect(), streams })
}

pub(super) fn due(connection: &Connection, until: UnixTime, limit: u32) -> Result<Vec<Sequence>, StoreError> {
    let sql = "SELECT stream FROM treasury_contributions WHERE changes_at <= ?1 ORDER BY changes_at LIMIT ?2";
    sequences(connection, sql, params![columns::time(until), limit])
}

pub(super) fn delete_marks(connection: &Connection, marks: &[i64]) -> Result<(), StoreError> {
    delete(connection, "DELETE FROM treasury_marks WHERE stream = ?1", marks.iter().copied())
}

pub(super) fn forget(connection: &Connection) -> Result<(), StoreError> {
    let sql =
        "DELETE FROM treasury_sums; DELETE FROM treasury_contributions; DELETE FROM treasury_unreadable";
    connection.execute_batch(sql).attempt(WRITING)
}

pub(super) fn delete(
    connection: &Connection,
    sql: &str,
    keys: impl Iterator<Item = i64>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).attempt(WRITING)?;
    for key in keys {
        statement.execute([key]).attempt(WRITING)?;
    }
    Ok(())
}
