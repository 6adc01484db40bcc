//! The SQL of the table of instants: what the steps of [`fluxora_store::time_events`] need.

use fluxora_store::rows::{self, instant_kind, instant_state, sequence};
use fluxora_store::time_events::{
    InstantChange, ReadStreams, StoredInstant, TimeCursor, TimeEventTransaction,
};
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::{LoggedEvent, Origin, StreamEvent, StreamId, UnixTime};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::chain::streams::insert_events;
use crate::columns::{Columns, seq};
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;
use crate::streams::column_lists::stream_columns;
use crate::streams::events::{EventValues, decode_logged, logged_columns, logged_tables};
use crate::streams::row::decode;

const CURSOR: &str = "SELECT read, quiet FROM time_events_cursor WHERE one = 1 FOR UPDATE";
const SAVE_CURSOR: &str = "UPDATE time_events_cursor SET read = $1, quiet = $2 WHERE one = 1";
const HEAD: &str = "SELECT coalesce(max(seq), 0) FROM stream_events";
const LOG: &str = concat!(
    "SELECT ",
    logged_columns!(),
    " FROM ",
    logged_tables!(),
    " WHERE e.seq > $1 ORDER BY e.seq LIMIT $2"
);
const TO_CHANGE: &str =
    concat!("SELECT ", stream_columns!(), " FROM streams WHERE id = ANY($1::text[]) ORDER BY seq FOR UPDATE");
const COLUMNS: &str = "stream, at, kind::bigint, state, since, cause";
const PUT: &str = "INSERT INTO stream_instants (stream, at, kind, chain, state, since, cause) \
                   SELECT * FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::boolean[], $5::text[], $6::bigint[], $7::text[]) \
                   ON CONFLICT (stream, at, kind) DO UPDATE SET state = excluded.state, since = excluded.since, cause = excluded.cause";
const REMOVE: &str = "DELETE FROM stream_instants USING unnest($1::text[], $2::bigint[], $3::smallint[]) AS gone (stream, at, kind) \
                      WHERE stream_instants.stream = gone.stream AND stream_instants.at = gone.at AND stream_instants.kind = gone.kind";
const CLOSED_AT: &str = "SELECT closed_at FROM ledgers WHERE sequence <= $1 AND closed_at IS NOT NULL \
                         ORDER BY sequence DESC LIMIT 1";
const COUNT: &str = "UPDATE streams SET events = new.events FROM unnest($1::bigint[], $2::bigint[]) AS new (seq, events) \
                     WHERE streams.seq = new.seq";
const READING: &str = "reading instants of streams";
const WRITING: &str = "writing instants of streams";

fn of_streams() -> String {
    format!("SELECT {COLUMNS} FROM stream_instants WHERE stream = ANY($1::text[])")
}

/// Those of API streams up to the first time, those of chain streams up to the second.
fn due_sql() -> String {
    let of = |chain: bool, until: &str| {
        format!(
            "(SELECT {COLUMNS} FROM stream_instants WHERE state = 'due' AND chain = {chain} AND at <= {until} \
             ORDER BY at, stream, kind LIMIT $3)"
        )
    };
    format!("{} UNION ALL {} ORDER BY at, stream, kind LIMIT $3", of(false, "$1"), of(true, "$2"))
}

fn open_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM stream_instants WHERE since IS NOT NULL AND since >= $1 \
         AND (since, stream, at, kind) > ($1, $2, $3, $4) ORDER BY since, stream, at, kind LIMIT $5"
    )
}

impl TimeEventTransaction for PipelinedTransaction {
    async fn time_cursor(&mut self) -> Result<Option<TimeCursor>, Fault> {
        let rows = self.query(READING, CURSOR, &[]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (read, quiet): (Option<i64>, Option<i64>) =
            (row.try_get(0).attempt(READING)?, row.try_get(1).attempt(READING)?);
        Ok(read.zip(quiet).map(|(read, quiet)| TimeCursor { read: sequence(read), quiet: sequence(quiet) }))
    }

    async fn save_time_cursor(&mut self, cursor: TimeCursor) -> Result<(), Fault> {
        let values: Values = vec![Box::new(seq(cursor.read)), Box::new(seq(cursor.quiet))];
        self.enqueue("moving the cursor of time events", SAVE_CURSOR, values, Some(1)).await
    }

    async fn log_head(&mut self) -> Result<Sequence, Fault> {
        let rows = self.query(READING, HEAD, &[]).await?;
        let head = rows.first().map_or(Ok(0), |row| row.try_get(0)).attempt(READING)?;
        Ok(sequence(head))
    }

    async fn log_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<LoggedEvent>, Fault> {
        let rows = self.query(READING, LOG, &[&seq(after), &i64::from(limit)]).await?;
        Ok(rows.iter().map(decode_logged).collect::<Result<_, StoreError>>()?)
    }

    async fn streams_to_change(&mut self, ids: &[StreamId]) -> Result<ReadStreams, Fault> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let mut read = ReadStreams::default();
        for row in self.query(READING, TO_CHANGE, &[&ids]).await? {
            match decode(&row) {
                Ok(row) => _ = read.rows.insert(row.stream.id(), row),
                Err(StoreError::Corrupt(_)) => {
                    let id: &str = row.try_get("id").attempt(READING)?;
                    read.unreadable.extend(StreamId::parse(id));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(read)
    }

    async fn instants(&mut self, ids: &[StreamId]) -> Result<Vec<StoredInstant>, Fault> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let rows = self.query(READING, &of_streams(), &[&ids]).await?;
        decode_all(&rows)
    }

    async fn write_instants(&mut self, changes: &[(StreamId, InstantChange)]) -> Result<(), Fault> {
        let (mut put, mut gone) = (InstantColumns::default(), InstantColumns::default());
        for (id, change) in changes {
            match change {
                InstantChange::Put(event, state) => {
                    let (state, since, cause) = instant_state(state)?;
                    put.push(*id, event.at, instant_kind(event.kind));
                    put.chain.push(id.origin() == Origin::Chain);
                    put.states.push(state);
                    put.since.push(since.map(seq));
                    put.causes.push(cause);
                }
                InstantChange::Remove(event) => gone.push(*id, event.at, instant_kind(event.kind)),
            }
        }
        if !gone.streams.is_empty() {
            let values: Values = vec![Box::new(gone.streams), Box::new(gone.at), Box::new(gone.kinds)];
            self.enqueue(WRITING, REMOVE, values, None).await?;
        }
        if put.streams.is_empty() {
            return Ok(());
        }
        let values: Values = vec![
            Box::new(put.streams),
            Box::new(put.at),
            Box::new(put.kinds),
            Box::new(put.chain),
            Box::new(put.states),
            Box::new(put.since),
            Box::new(put.causes),
        ];
        self.enqueue(WRITING, PUT, values, None).await
    }

    async fn due_instants(
        &mut self,
        clock: UnixTime,
        ledgers: Option<UnixTime>,
        limit: u32,
    ) -> Result<Vec<StoredInstant>, Fault> {
        // No instant is before the first second.
        let ledgers = ledgers.map_or(-1, seconds);
        let rows = self.query(READING, &due_sql(), &[&seconds(clock), &ledgers, &i64::from(limit)]).await?;
        decode_all(&rows)
    }

    async fn closed_at(&mut self, upto: u32) -> Result<Option<Timestamp>, Fault> {
        let what = "reading the close of a ledger";
        let rows = self.query(what, CLOSED_AT, &[&i64::from(upto)]).await?;
        rows.first().map(|row| row.try_get(0)).transpose().attempt(what)
    }

    async fn append_events(
        &mut self,
        counts: &[(Sequence, StreamId, u32)],
        events: &[StreamEvent],
    ) -> Result<(), Fault> {
        let seqs: Vec<i64> = counts.iter().map(|(place, _, _)| seq(*place)).collect();
        let numbers: Vec<i64> = counts.iter().map(|(_, _, count)| i64::from(*count)).collect();
        let rows = Some(seqs.len());
        let values: Values = vec![Box::new(seqs), Box::new(numbers)];
        self.enqueue("counting events of streams", COUNT, values, rows).await?;
        let places = counts.iter().map(|(place, id, _)| (*id, seq(*place))).collect();
        let mut values = EventValues::default();
        events.iter().try_for_each(|event| values.push(event))?;
        insert_events(self, &places, events, values).await
    }
}

/// Instants by column.
#[derive(Default)]
struct InstantColumns {
    streams: Vec<String>,
    at: Vec<i64>,
    kinds: Vec<i16>,
    chain: Vec<bool>,
    states: Vec<&'static str>,
    since: Vec<Option<i64>>,
    causes: Vec<Option<String>>,
}

impl InstantColumns {
    fn push(&mut self, id: StreamId, at: UnixTime, kind: i16) {
        self.streams.push(id.to_string());
        self.at.push(seconds(at));
        self.kinds.push(kind);
    }
}

pub(crate) async fn open(
    lease: &Lease,
    after: Option<&StoredInstant>,
    limit: u32,
) -> Result<Vec<StoredInstant>, Fault> {
    let statement = lease.prepare_cached(&open_sql()).await.attempt(READING)?;
    let (since, stream, at, kind) = rows::instant_place(after);
    decode_all(
        &lease.query(&statement, &[&since, &stream, &at, &kind, &i64::from(limit)]).await.attempt(READING)?,
    )
}

fn seconds(at: UnixTime) -> i64 {
    rows::count(at.seconds())
}

fn decode_all(rows: &[Row]) -> Result<Vec<StoredInstant>, Fault> {
    let decode = |row: &Row| rows::stored_instant(&mut Columns::of(row, "stream_instants"));
    Ok(rows.iter().map(decode).collect::<Result<_, StoreError>>()?)
}
