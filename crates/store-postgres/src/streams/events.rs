use fluxora_store::{EventPage, StoreError, rows};
use fluxora_stream::{LoggedEvent, StreamEvent, StreamId, UnixTime};
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

pub(crate) const EVENTS: &str = "SELECT e.seq, e.number, e.type, e.occurred_at, e.recorded_at, e.data::text FROM streams LEFT JOIN LATERAL \
                      (SELECT * FROM stream_events WHERE stream = streams.seq AND number > $2 ORDER BY number LIMIT $3) e \
                      ON true WHERE id = $1 ORDER BY e.number";
pub(crate) const HISTORY: &str = "SELECT seq, number, type, occurred_at, recorded_at, data::text FROM stream_events \
                       WHERE stream = (SELECT seq FROM streams WHERE id = $1) AND occurred_at < $2 ORDER BY number";

/// The columns that [`rows::logged_event`] reads, in its order.
macro_rules! logged_columns {
    () => {
        "e.seq, coalesce(s.id, r.id), e.number, e.type, e.occurred_at, e.recorded_at, e.data::text"
    };
}
pub(crate) use logged_columns;

/// Events with their streams, the removed ones among them. `OFFSET 0` stops the planner from joining whole tables: each
/// stream is looked up.
macro_rules! logged_tables {
    () => {
        "stream_events e \
         LEFT JOIN LATERAL (SELECT id, sender, recipient FROM streams WHERE seq = e.stream OFFSET 0) s ON true \
         LEFT JOIN LATERAL (SELECT id FROM removed_streams WHERE seq = e.stream OFFSET 0) r ON true"
    };
}
pub(crate) use logged_tables;

pub(crate) async fn events(
    lease: &Lease,
    id: &StreamId,
    after: u32,
    limit: u32,
) -> Result<Option<EventPage>, Fault> {
    let what = "reading a page of events";
    let statement = lease.prepare_cached(EVENTS).await.attempt(what)?;
    let rows = i64::from(limit).saturating_add(1);
    let rows = lease.query(&statement, &[&id.to_string(), &i64::from(after), &rows]).await.attempt(what)?;
    let Some(first) = rows.first() else { return Ok(None) };
    if first.try_get::<_, Option<i64>>(0).attempt(what)?.is_none() {
        return Ok(Some(EventPage::default()));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let events = rows.iter().take(limit).map(|row| decode(row, id)).collect::<Result<_, _>>()?;
    Ok(Some(EventPage { events, more: rows.len() > limit }))
}

pub(crate) async fn history(
    lease: &Lease,
    id: &StreamId,
    until: UnixTime,
) -> Result<Vec<StreamEvent>, Fault> {
    let what = "reading a stream's history";
    let statement = lease.prepare_cached(HISTORY).await.attempt(what)?;
    let rows = lease.query(&statement, &[&id.to_string(), &columns::end_of(until)]).await.attempt(what)?;
    Ok(rows.iter().map(|row| decode(row, id).map(|logged| logged.event)).collect::<Result<_, _>>()?)
}

fn decode(row: &Row, id: &StreamId) -> Result<LoggedEvent, StoreError> {
    rows::event_of(&mut Columns::of(row, "stream_events"), *id)
}

/// Reads a row of [`logged_columns`].
pub(crate) fn decode_logged(row: &Row) -> Result<LoggedEvent, StoreError> {
    rows::logged_event(&mut Columns::of(row, "stream_events"))
}

/// Events as columns of values, the way `unnest` takes them.
#[derive(Default)]
pub(crate) struct EventValues {
    pub(crate) numbers: Vec<i64>,
    pub(crate) types: Vec<&'static str>,
    pub(crate) occurred_at: Vec<Timestamp>,
    pub(crate) recorded_at: Vec<Timestamp>,
    pub(crate) data: Vec<String>,
}

impl EventValues {
    pub(crate) fn push(&mut self, event: &StreamEvent) -> Result<(), StoreError> {
        let data = serde_json::to_string(&event.data).map_err(|error| StoreError::Internal {
            reason: "writing an event's data".to_owned(),
            source: Some(error.into()),
        })?;
        self.numbers.push(event.stream_seq.into());
        self.types.push(event.kind.name());
        self.occurred_at.push(columns::instant(event.occurred_at));
        self.recorded_at.push(columns::instant(event.recorded_at));
        self.data.push(data);
        Ok(())
    }

    pub(crate) fn parameters(&self) -> [&(dyn ToSql + Sync); 5] {
        let Self { numbers, types, occurred_at, recorded_at, data } = self;
        [numbers, types, occurred_at, recorded_at, data]
    }
}
