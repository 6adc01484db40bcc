//! The steps of the table of instants, the same on every backend.

use std::collections::{BTreeMap, BTreeSet};

use fluxora_stream::{
    Cause, Changes, EventData, EventKind, LoggedEvent, Origin, Retracted, Sequence, StreamEvent, StreamId,
    TimeEvent, UnixTime,
};
use jiff::Timestamp;

use super::{
    Emitted, InstantChange, InstantState, ReadStreams, Scheduled, StoredInstant, TimeCursor,
    TimeEventTransaction, instants::is_certain, reschedule,
};
use crate::rows::StreamRow;

/// [`TimeEventStore::begin_time_events`](super::TimeEventStore::begin_time_events).
pub async fn begin<T: TimeEventTransaction>(transaction: &mut T) -> Result<bool, T::Fault> {
    if transaction.time_cursor().await?.is_some() {
        return Ok(true);
    }
    let head = transaction.log_head().await?;
    if head > Sequence(0) {
        return Ok(false);
    }
    transaction.save_time_cursor(TimeCursor { read: head, quiet: head }).await?;
    Ok(true)
}

/// [`TimeEventStore::schedule_time_events`](super::TimeEventStore::schedule_time_events).
pub async fn schedule<T: TimeEventTransaction>(
    transaction: &mut T,
    limit: u32,
    now: Timestamp,
) -> Result<Scheduled, T::Fault> {
    let stored = transaction.time_cursor().await?;
    let head = transaction.log_head().await?;
    let cursor = stored.unwrap_or(TimeCursor { read: Sequence(0), quiet: head });
    let events = transaction.log_after(cursor.read, limit.max(1)).await?;
    let Some(last) = events.last().map(|logged| logged.sequence) else {
        if stored.is_none() {
            transaction.save_time_cursor(cursor).await?;
        }
        return Ok(Scheduled::default());
    };
    let mut of_stream = BTreeMap::<StreamId, Vec<&LoggedEvent>>::new();
    for logged in &events {
        of_stream.entry(logged.event.stream).or_default().push(logged);
    }
    let clocks = Clocks::read(transaction, now).await?;
    let ids: Vec<_> = of_stream.keys().copied().collect();
    let ReadStreams { rows, unreadable } = transaction.streams_to_change(&ids).await?;
    let mut instants = BTreeMap::<StreamId, Vec<StoredInstant>>::new();
    for stored in transaction.instants(&ids).await? {
        instants.entry(stored.stream).or_default().push(stored);
    }
    let is_quiet = cursor.read < cursor.quiet;
    let mut changes = Vec::new();
    for (id, log) in of_stream.iter().filter(|(id, _)| !unreadable.contains(id)) {
        let stored = instants.get(id).map_or(&[][..], Vec::as_slice);
        let passed = clocks.of(id.origin()).filter(|_| is_quiet);
        let stream = rows.get(id).map(|row| &row.stream);
        changes.extend(reschedule(stream, stored, log, passed).into_iter().map(|change| (*id, change)));
    }
    transaction.write_instants(&changes).await?;
    transaction.save_time_cursor(TimeCursor { read: last, ..cursor }).await?;
    Ok(Scheduled { events: events.len(), more: last < head })
}

/// [`TimeEventStore::emit_time_events`](super::TimeEventStore::emit_time_events).
pub async fn record<T: TimeEventTransaction>(
    transaction: &mut T,
    limit: u32,
    now: Timestamp,
) -> Result<Emitted, T::Fault> {
    // What the log had when the table was begun says what was emitted before.
    let begun = transaction.time_cursor().await?.filter(|cursor| cursor.read >= cursor.quiet);
    let Some(TimeCursor { read: since, .. }) = begun else { return Ok(Emitted::default()) };
    let Clocks { wall, ledgers } = Clocks::read(transaction, now).await?;
    if transaction.due_instants(wall, ledgers, 1).await?.is_empty() {
        return Ok(Emitted::default());
    }
    // From here on no batch changes the chain.
    let safe = transaction.state().await?.frontier.last_safe;
    let ledgers = close_of(transaction, safe).await?;
    let due = transaction.due_instants(wall, ledgers, limit.max(1)).await?;
    let ids: BTreeSet<_> = due.iter().map(|due| due.stream).collect();
    let ReadStreams { rows, unreadable } =
        transaction.streams_to_change(&ids.into_iter().collect::<Vec<_>>()).await?;
    let mut appended = Appended::default();
    // None of them is due afterwards, so the next step reads others.
    for StoredInstant { stream, event, .. } in &due {
        match rows.get(stream) {
            Some(row) if is_certain(&row.stream, event) => appended.emit(row, *event, now),
            None if !unreadable.contains(stream) => {
                appended.changes.push((*stream, InstantChange::Remove(*event)));
            }
            _ => {
                let unproven = InstantState::Unproven { since };
                appended.changes.push((*stream, InstantChange::Put(*event, unproven)));
            }
        }
    }
    let more = usize::try_from(limit).is_ok_and(|limit| due.len() >= limit);
    let emitted = Emitted { events: appended.events.len(), more };
    appended.write(transaction).await?;
    Ok(emitted)
}

/// [`TimeEventStore::settle_instant`](super::TimeEventStore::settle_instant).
pub async fn settle<T: TimeEventTransaction>(
    transaction: &mut T,
    instant: &StoredInstant,
    holds: bool,
    now: Timestamp,
) -> Result<bool, T::Fault> {
    let StoredInstant { stream: id, event, state } = instant;
    transaction.time_cursor().await?;
    if id.origin() == Origin::Chain {
        let safe = transaction.state().await?.frontier.last_safe;
        let is_unproven = matches!(state, InstantState::Unproven { .. });
        if is_unproven && close_of(transaction, safe).await?.is_none_or(|safe| safe < event.at) {
            return Ok(false);
        }
    }
    let present = transaction.instants(&[*id]).await?;
    if !present.contains(instant) {
        return Ok(false);
    }
    let ReadStreams { rows, unreadable } = transaction.streams_to_change(&[*id]).await?;
    if unreadable.contains(id) {
        return Ok(false);
    }
    let mut appended = Appended::default();
    match (rows.get(id), state, holds) {
        (Some(row), InstantState::Unproven { .. }, true) => appended.emit(row, *event, now),
        (Some(_), InstantState::Disputed { .. }, true) => {
            appended.changes.push((*id, InstantChange::Put(*event, InstantState::Emitted)));
        }
        (Some(row), InstantState::Disputed { cause, .. }, false) => appended.retract(row, *event, cause, now),
        _ => appended.changes.push((*id, InstantChange::Remove(*event))),
    }
    appended.write(transaction).await?;
    Ok(true)
}

/// The clocks by which instants fall due.
pub(crate) struct Clocks {
    pub(crate) wall: UnixTime,
    /// The close of the last safe ledger.
    pub(crate) ledgers: Option<UnixTime>,
}

impl Clocks {
    pub(crate) async fn read<T: TimeEventTransaction>(
        transaction: &mut T,
        now: Timestamp,
    ) -> Result<Self, T::Fault> {
        let safe = transaction.frontier().await?.last_safe;
        Ok(Self { wall: UnixTime::of(now), ledgers: close_of(transaction, safe).await? })
    }

    const fn of(&self, origin: Origin) -> Option<UnixTime> {
        match origin {
            Origin::Api => Some(self.wall),
            Origin::Chain => self.ledgers,
        }
    }
}

async fn close_of<T: TimeEventTransaction>(
    transaction: &mut T,
    ledger: Option<u32>,
) -> Result<Option<UnixTime>, T::Fault> {
    let Some(ledger) = ledger else { return Ok(None) };
    Ok(transaction.closed_at(ledger).await?.map(UnixTime::of))
}

/// Events to append, and what they change of the table.
#[derive(Default)]
pub(crate) struct Appended {
    events: Vec<StreamEvent>,
    counts: BTreeMap<StreamId, (Sequence, u32)>,
    changes: Vec<(StreamId, InstantChange)>,
}

impl Appended {
    fn emit(&mut self, row: &StreamRow, event: TimeEvent, now: Timestamp) {
        let data = EventData {
            cause: Cause::Clock,
            changes: Box::new(Changes::default()),
            settlement: None,
            retracts: None,
            runway: None,
        };
        self.push(row, event.kind.event(), event.at.instant(), data, now);
        self.changes.push((row.stream.id(), InstantChange::Put(event, InstantState::Emitted)));
    }

    fn retract(&mut self, row: &StreamRow, event: TimeEvent, cause: &Cause, now: Timestamp) {
        let r#type = event.kind.event();
        let id = event.id_of(row.stream.id());
        let data = EventData {
            cause: cause.clone(),
            changes: Box::new(Changes::default()),
            settlement: None,
            retracts: Some(Retracted { id, r#type, at: event.at }),
            runway: None,
        };
        self.push(row, EventKind::Corrected, now, data, now);
        self.changes.push((row.stream.id(), InstantChange::Remove(event)));
    }

    /// Number of the events.
    pub(crate) const fn len(&self) -> usize {
        self.events.len()
    }

    /// Appends an event of a stream, after those that were appended before.
    pub(crate) fn push(
        &mut self,
        row: &StreamRow,
        kind: EventKind,
        occurred_at: Timestamp,
        data: EventData,
        now: Timestamp,
    ) {
        let stream = row.stream.id();
        let (_, count) = self.counts.entry(stream).or_insert((row.sequence, row.stream.event_count));
        *count = count.saturating_add(1);
        let recorded_at = now.max(occurred_at);
        self.events.push(StreamEvent { stream, stream_seq: *count, occurred_at, recorded_at, kind, data });
    }

    /// Writes all of it.
    pub(crate) async fn write<T: TimeEventTransaction>(self, transaction: &mut T) -> Result<(), T::Fault> {
        if !self.changes.is_empty() {
            transaction.write_instants(&self.changes).await?;
        }
        if self.events.is_empty() {
            return Ok(());
        }
        let counts: Vec<_> =
            self.counts.into_iter().map(|(id, (sequence, count))| (sequence, id, count)).collect();
        transaction.append_events(&counts, &self.events).await
    }
}
