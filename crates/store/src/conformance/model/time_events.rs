use std::collections::BTreeMap;

use async_trait::async_trait;
use fluxora_stream::{LoggedEvent, Origin, StreamEvent, StreamId, TimeEvent, UnixTime};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::{Contents, Model};
use crate::rows::StreamRow;
use crate::time_events::{
    self as steps, Emitted, InstantChange, InstantState, ReadStreams, Scheduled, StoredInstant, TimeCursor,
    TimeEventStore, TimeEventTransaction,
};
use crate::{Sequence, StoreError};

/// The table of instants.
#[derive(Clone, Debug, Default)]
pub(in crate::conformance) struct ModelInstants {
    cursor: Option<TimeCursor>,
    instants: BTreeMap<(StreamId, TimeEvent), InstantState>,
}

impl ModelInstants {
    fn select(&self, which: impl Fn(&StoredInstant) -> bool, limit: u32) -> Vec<StoredInstant> {
        let all = self.instants.iter().map(|((stream, event), state)| StoredInstant {
            stream: *stream,
            event: *event,
            state: state.clone(),
        });
        let mut found: Vec<_> = all.filter(|stored| which(stored)).collect();
        found.sort_by_key(|stored| (stored.event.at, stored.stream, stored.event.kind));
        found.truncate(usize::try_from(limit).unwrap());
        found
    }
}

impl TimeEventTransaction for Contents {
    async fn time_cursor(&mut self) -> Result<Option<TimeCursor>, StoreError> {
        Ok(self.instants.cursor)
    }

    async fn save_time_cursor(&mut self, cursor: TimeCursor) -> Result<(), StoreError> {
        self.instants.cursor = Some(cursor);
        Ok(())
    }

    async fn log_head(&mut self) -> Result<Sequence, StoreError> {
        Ok(Sequence(u64::try_from(self.events.len()).unwrap()))
    }

    async fn log_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<LoggedEvent>, StoreError> {
        let logged = (1..).map(Sequence).zip(self.events.iter().cloned());
        let logged = logged.map(|(sequence, event)| LoggedEvent { sequence, event });
        Ok(logged.filter(|logged| logged.sequence > after).take(usize::try_from(limit).unwrap()).collect())
    }

    async fn streams_to_change(&mut self, ids: &[StreamId]) -> Result<ReadStreams, StoreError> {
        let row = |id: &StreamId| {
            let sequence = self.find(id)?;
            Some((*id, StreamRow { sequence, stream: self.streams[&sequence].clone() }))
        };
        Ok(ReadStreams { rows: ids.iter().filter_map(row).collect(), ..ReadStreams::default() })
    }

    async fn instants(&mut self, ids: &[StreamId]) -> Result<Vec<StoredInstant>, StoreError> {
        Ok(self.instants.select(|stored| ids.contains(&stored.stream), u32::MAX))
    }

    async fn write_instants(&mut self, changes: &[(StreamId, InstantChange)]) -> Result<(), StoreError> {
        for (id, change) in changes {
            match change {
                InstantChange::Put(event, state) => {
                    self.instants.instants.insert((*id, *event), state.clone());
                }
                InstantChange::Remove(event) => {
                    self.instants.instants.remove(&(*id, *event));
                }
            }
        }
        Ok(())
    }

    async fn due_instants(
        &mut self,
        clock: UnixTime,
        ledgers: Option<UnixTime>,
        limit: u32,
    ) -> Result<Vec<StoredInstant>, StoreError> {
        let is_due = |stored: &StoredInstant| {
            let until = match stored.stream.origin() {
                Origin::Api => Some(clock),
                Origin::Chain => ledgers,
            };
            stored.state == InstantState::Due && Some(stored.event.at) <= until
        };
        Ok(self.instants.select(is_due, limit))
    }

    async fn closed_at(&mut self, upto: u32) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.chain.ledgers.range(..=upto).rev().find_map(|(_, ledger)| ledger.closed_at))
    }

    async fn append_events(
        &mut self,
        counts: &[(Sequence, StreamId, u32)],
        events: &[StreamEvent],
    ) -> Result<(), StoreError> {
        for (sequence, _, count) in counts {
            self.streams.get_mut(sequence).unwrap().event_count = *count;
        }
        self.events.extend(events.iter().cloned());
        Ok(())
    }
}

#[async_trait]
impl TimeEventStore for Model {
    async fn begin_time_events(&self) -> Result<bool, StoreError> {
        steps::begin(&mut *self.contents()).now_or_never().unwrap()
    }

    async fn schedule_time_events(&self, now: Timestamp, limit: u32) -> Result<Scheduled, StoreError> {
        steps::schedule(&mut *self.contents(), limit, now).now_or_never().unwrap()
    }

    async fn emit_time_events(&self, now: Timestamp, limit: u32) -> Result<Emitted, StoreError> {
        steps::record(&mut *self.contents(), limit, now).now_or_never().unwrap()
    }

    async fn open_instants(
        &self,
        after: Option<&StoredInstant>,
        limit: u32,
    ) -> Result<Vec<StoredInstant>, StoreError> {
        let place = |stored: &StoredInstant| (stored.since(), stored.stream, stored.event);
        let is_open =
            |stored: &StoredInstant| stored.since().is_some() && Some(place(stored)) > after.map(place);
        let mut open = self.contents().instants.select(is_open, u32::MAX);
        open.sort_unstable_by_key(place);
        open.truncate(usize::try_from(limit).unwrap());
        Ok(open)
    }

    async fn settle_instant(
        &self,
        instant: &StoredInstant,
        holds: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        steps::settle(&mut *self.contents(), instant, holds, now).now_or_never().unwrap()
    }
}
