//! The SQL of the table of instants: the statements that the steps of [`fluxora_store::time_events`] need.

use fluxora_store::rows::{self, instant_kind, instant_state, seq, sequence};
use fluxora_store::time_events::{
    InstantChange, ReadStreams, StoredInstant, TimeCursor, TimeEventTransaction,
};
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::{LoggedEvent, Origin, StreamEvent, StreamId, TimeEvent, UnixTime};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::chain::Chain;
use crate::columns::Columns;
use crate::faults::Attempt;
use crate::streams::events::{LOGGED, decode_logged};
use crate::streams::{EventInserts, Finder, log};

const CURSOR: &str = "SELECT read, quiet FROM time_events_cursor";
const SAVE_CURSOR: &str = "INSERT INTO time_events_cursor (one, read, quiet) VALUES (1, ?1, ?2) \
                           ON CONFLICT (one) DO UPDATE SET read = excluded.read, quiet = excluded.quiet";
const OF_STREAM: &str = "SELECT stream, at, kind, state, since, cause FROM stream_instants WHERE stream = ?1";
const DUE: &str = "SELECT stream, at, kind, state, since, cause FROM stream_instants INDEXED BY stream_instants_due \
                   WHERE state = 'due' AND chain = ?1 AND at <= ?2 ORDER BY at, stream, kind LIMIT ?3";
const OPEN: &str = "SELECT stream, at, kind, state, since, cause FROM stream_instants INDEXED BY stream_instants_open \
                    WHERE since IS NOT NULL AND since >= ?1 AND (since, stream, at, kind) > (?1, ?2, ?3, ?4) \
                    ORDER BY since, stream, at, kind LIMIT ?5";
const PUT: &str = "INSERT INTO stream_instants (stream, at, kind, chain, state, since, cause) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (stream, at, kind) DO UPDATE SET \
                   state = excluded.state, since = excluded.since, cause = excluded.cause";
const REMOVE: &str = "DELETE FROM stream_instants WHERE stream = ?1 AND at = ?2 AND kind = ?3";
const CLOSED_AT: &str = "SELECT closed_at FROM ledgers WHERE sequence <= ?1 AND closed_at IS NOT NULL \
                         ORDER BY sequence DESC LIMIT 1";
const COUNT: &str = "UPDATE streams SET events = ?1 WHERE seq = ?2";
const READING: &str = "reading instants of streams";
const WRITING: &str = "writing instants of streams";

impl TimeEventTransaction for Chain<'_> {
    async fn time_cursor(&mut self) -> Result<Option<TimeCursor>, StoreError> {
        let read = || {
            let mut statement = self.0.prepare_cached(CURSOR)?;
            let cursor =
                |row: &Row<'_>| Ok(TimeCursor { read: sequence(row.get(0)?), quiet: sequence(row.get(1)?) });
            statement.query_row([], cursor).optional()
        };
        read().attempt(READING)
    }

    async fn save_time_cursor(&mut self, cursor: TimeCursor) -> Result<(), StoreError> {
        execute(self.0, SAVE_CURSOR, params![seq(cursor.read), seq(cursor.quiet)])
    }

    async fn log_head(&mut self) -> Result<Sequence, StoreError> {
        log::head(self.0)
    }

    async fn log_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<LoggedEvent>, StoreError> {
        let sql = format!("{LOGGED} WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2");
        let mut statement = self.0.prepare_cached(&sql).attempt(READING)?;
        let rows =
            statement.query_map(params![seq(after), limit], |row| Ok(decode_logged(row))).attempt(READING)?;
        rows.map(|row| row.attempt(READING)?).collect()
    }

    async fn streams_to_change(&mut self, ids: &[StreamId]) -> Result<ReadStreams, StoreError> {
        let (mut finder, mut read) = (Finder::to_change(self.0)?, ReadStreams::default());
        for id in ids {
            match finder.find(id) {
                Ok(row) => read.rows.extend(row.map(|row| (*id, row))),
                Err(StoreError::Corrupt(_)) => _ = read.unreadable.insert(*id),
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    async fn instants(&mut self, ids: &[StreamId]) -> Result<Vec<StoredInstant>, StoreError> {
        let mut instants = Vec::new();
        for id in ids {
            instants.extend(select(self.0, OF_STREAM, [id.to_string()])?);
        }
        Ok(instants)
    }

    async fn write_instants(&mut self, changes: &[(StreamId, InstantChange)]) -> Result<(), StoreError> {
        changes.iter().try_for_each(|(id, change)| write(self.0, *id, change))
    }

    async fn due_instants(
        &mut self,
        clock: UnixTime,
        ledgers: Option<UnixTime>,
        limit: u32,
    ) -> Result<Vec<StoredInstant>, StoreError> {
        let mut due = select(self.0, DUE, params![0, seconds(clock), limit])?;
        if let Some(ledgers) = ledgers {
            due.extend(select(self.0, DUE, params![1, seconds(ledgers), limit])?);
        }
        Ok(in_order(due, limit))
    }

    async fn closed_at(&mut self, upto: u32) -> Result<Option<Timestamp>, StoreError> {
        let read = || self.0.prepare_cached(CLOSED_AT)?.query_row([upto], |row| row.get(0)).optional();
        let milliseconds: Option<i64> = read().attempt("reading the close of a ledger")?;
        Ok(milliseconds.and_then(|at| Timestamp::from_millisecond(at).ok()))
    }

    async fn append_events(
        &mut self,
        counts: &[(Sequence, StreamId, u32)],
        events: &[StreamEvent],
    ) -> Result<(), StoreError> {
        for (place, _, count) in counts {
            execute(self.0, COUNT, params![count, seq(*place)])?;
        }
        let place = |event: &StreamEvent| counts.iter().find(|(_, id, _)| *id == event.stream);
        let mut inserts = EventInserts::new(self.0)?;
        for event in events {
            if let Some((place, _, _)) = place(event) {
                inserts.insert(seq(*place), event)?;
            }
        }
        Ok(())
    }
}

pub(crate) fn open(
    connection: &Connection,
    after: Option<&StoredInstant>,
    limit: u32,
) -> Result<Vec<StoredInstant>, StoreError> {
    let (since, stream, at, kind) = rows::instant_place(after);
    select(connection, OPEN, params![since, stream, at, kind, limit])
}

fn in_order(mut due: Vec<StoredInstant>, limit: u32) -> Vec<StoredInstant> {
    due.sort_unstable_by_key(|due| (due.event.at, due.stream, due.event.kind));
    due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    due
}

fn write(connection: &Connection, id: StreamId, change: &InstantChange) -> Result<(), StoreError> {
    let key = |event: &TimeEvent| (id.to_string(), seconds(event.at), instant_kind(event.kind));
    match change {
        InstantChange::Put(event, state) => {
            let ((id_text, at, kind), (state, since, cause)) = (key(event), instant_state(state)?);
            let is_chain = id.origin() == Origin::Chain;
            execute(connection, PUT, params![id_text, at, kind, is_chain, state, since.map(seq), cause])
        }
        InstantChange::Remove(event) => {
            let (id, at, kind) = key(event);
            execute(connection, REMOVE, params![id, at, kind])
        }
    }
}

fn seconds(at: UnixTime) -> i64 {
    rows::count(at.seconds())
}

fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<(), StoreError> {
    let run = || connection.prepare_cached(sql)?.execute(params);
    run().map(drop).attempt(WRITING)
}

fn select(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<StoredInstant>, StoreError> {
    let mut statement = connection.prepare_cached(sql).attempt(READING)?;
    let decode = |row: &Row<'_>| rows::stored_instant(&mut Columns::of(row, "stream_instants"));
    let rows = statement.query_map(params, |row| Ok(decode(row))).attempt(READING)?;
    rows.map(|row| row.attempt(READING)?).collect()
}
