//! The floor: bare loops over the same database file.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rusqlite::{Connection, OpenFlags, params};
use serde_json::json;

use crate::accounting;
use crate::report::Report;

const TIME: Duration = Duration::from_secs(3);
/// How many creates share a commit.
const BATCH: u64 = 64;
const PAGE: &str = "SELECT id, sender, recipient, deposit, rate, status, start_time, end_time, created_at, updated_at \
                    FROM streams ORDER BY seq DESC LIMIT 20";

/// Measures on the file of a server that has ended.
pub(crate) fn run(file: &Path, report: &mut Report) -> anyhow::Result<()> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut written = Vec::new();
    let mut statement = connection.prepare(PAGE)?;
    let list = repeat(|| {
        written.clear();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| row.get::<_, rusqlite::types::Value>(column).map(shown);
            let stream = json!({
                "id": text(0)?, "sender": text(1)?, "recipient": text(2)?, "depositAmount": text(3)?, "ratePerSecond": text(4)?,
                "status": text(5)?, "startTime": text(6)?, "endTime": text(7)?, "createdAt": text(8)?, "updatedAt": text(9)?,
            });
            serde_json::to_writer(&mut written, &stream)?;
        }
        Ok(1)
    })?;
    report.add("floor: rusqlite reads 20 streams and writes JSON", [("cpu_us", list)]);
    drop(statement);
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
    let columns = columns(&connection, "streams")?;
    let names =
        columns.iter().filter(|name| !["seq", "id"].contains(&name.as_str())).cloned().collect::<Vec<_>>();
    let names = names.join(", ");
    let template: i64 = connection.query_row("SELECT max(seq) FROM streams", [], |row| row.get(0))?;
    let insert = format!("INSERT INTO streams (id, {names}) SELECT ?1, {names} FROM streams WHERE seq = ?2");
    let of_event = columns_but(&connection, "stream_events", &["seq", "stream"])?;
    let event = format!(
        "INSERT INTO stream_events (stream, {of_event}) SELECT ?1, {of_event} FROM stream_events WHERE stream = ?2 LIMIT 1"
    );
    let create = repeat(|| {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..BATCH {
            let id = uuid::Uuid::now_v7().to_string();
            connection.prepare_cached(&insert)?.execute(params![id, template])?;
            connection.prepare_cached(&event)?.execute(params![connection.last_insert_rowid(), template])?;
        }
        connection.execute_batch("COMMIT")?;
        Ok(BATCH)
    })?;
    report.add("floor: rusqlite creates, 64 in a synced commit", [("cpu_us", create)]);
    Ok(())
}

/// Processor time of one piece of work, in microseconds; `work` returns how many pieces it did.
fn repeat(mut work: impl FnMut() -> anyhow::Result<u64>) -> anyhow::Result<f64> {
    let (begun, before) = (Instant::now(), accounting::cpu(std::process::id())?);
    let mut pieces = 0_u64;
    while begun.elapsed() < TIME {
        pieces = pieces.saturating_add(work()?);
    }
    let spent = accounting::cpu(std::process::id())?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1_000_000.0 / f64::from(u32::try_from(pieces).context("pieces of work")?))
}

fn columns(connection: &Connection, table: &str) -> anyhow::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names)
}

fn columns_but(connection: &Connection, table: &str, without: &[&str]) -> anyhow::Result<String> {
    let columns = columns(connection, table)?;
    let kept: Vec<_> = columns.into_iter().filter(|name| !without.contains(&name.as_str())).collect();
    Ok(kept.join(", "))
}

fn shown(value: rusqlite::types::Value) -> String {
    use rusqlite::types::Value;
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(bytes) => format!("{bytes:?}"),
    }
}
