use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// What must not be in the file: a query for it, and what each row it finds would be.
const HALF_WRITTEN: [(&str, &str); 8] = [
    (
        "SELECT s.seq FROM streams s WHERE s.events <> (SELECT count(*) FROM stream_events e WHERE e.stream = s.seq) \
         OR s.events <> (SELECT max(number) FROM stream_events e WHERE e.stream = s.seq) \
         OR 1 <> (SELECT min(number) FROM stream_events e WHERE e.stream = s.seq)",
        "a stream whose events are not numbered 1 to its count",
    ),
    (
        "SELECT seq FROM streams s WHERE NOT EXISTS \
         (SELECT 1 FROM stream_events e WHERE e.stream = s.seq AND e.number = 1 AND e.type = 'stream.created')",
        "a stream that was never created",
    ),
    (
        "SELECT seq FROM streams s WHERE (status = 'cancelled') <> EXISTS (SELECT 1 FROM stream_events e \
         WHERE e.stream = s.seq AND e.number = s.events AND e.type = 'stream.cancelled' AND e.occurred_at = s.status_at)",
        "a stream whose status and last event disagree on a cancel",
    ),
    (
        "SELECT seq FROM streams s WHERE (status = 'cancelled') <> (due_at IS NULL)",
        "a stream that the clock would wake although it has ended, or would not wake although it has not",
    ),
    (
        "SELECT e.seq FROM stream_events e LEFT JOIN streams s ON s.seq = e.stream WHERE s.seq IS NULL",
        "an event without its stream",
    ),
    (
        "SELECT 1 FROM idempotency_records r WHERE NOT EXISTS (SELECT 1 FROM streams s \
         WHERE json_extract(CAST(r.response AS TEXT), '$.location') = '/api/streams/' || s.id)",
        "an idempotency record without its stream",
    ),
    (
        "SELECT id FROM streams s WHERE 1 <> (SELECT count(*) FROM audit_log a WHERE a.target = s.id \
         AND a.action = 'stream.create' AND a.outcome = 'done') OR (status = 'cancelled') <> EXISTS \
         (SELECT 1 FROM audit_log a WHERE a.target = s.id AND a.action = 'stream.cancel' AND a.outcome = 'done')",
        "a write without its audit row, or with two",
    ),
    (
        "SELECT seq FROM audit_log a WHERE a.outcome = 'done' AND NOT EXISTS (SELECT 1 FROM streams s WHERE s.id = a.target)",
        "an audit row without its write",
    ),
];

/// The file holds this many streams and cancels, all of them whole.
pub(super) fn check(file: &Path, streams: usize, cancels: usize) {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let count = |sql: &str| -> usize {
        let count: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        usize::try_from(count).unwrap()
    };
    for (sql, what) in HALF_WRITTEN {
        assert_eq!(count(&format!("SELECT count(*) FROM ({sql})")), 0, "the file holds {what}");
    }
    assert_eq!(count("SELECT count(*) FROM streams"), streams);
    assert_eq!(count("SELECT count(*) FROM idempotency_records"), streams);
    assert_eq!(count("SELECT count(*) FROM stream_events WHERE type = 'stream.cancelled'"), cancels);
    assert_eq!(count("SELECT count(*) FROM stream_events"), streams + cancels);
    assert_eq!(count("SELECT count(*) FROM audit_log WHERE outcome = 'done'"), streams + cancels);
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}
