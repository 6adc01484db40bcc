use std::sync::Arc;

use async_trait::async_trait;
use fluxora_stream::{CancelRefused, LoggedEvent, Stream, StreamId, UnixTime};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::Model;
use crate::chain;
use crate::{
    Clock, CreateStream, Created, EventPage, Outcome, Recorded, Sequence, StateAt, StoreError, StreamCount,
    StreamFilter, StreamPage, StreamQuery, StreamStore, replay,
};

#[async_trait]
impl StreamStore for Model {
    async fn create_stream(&self, create: CreateStream) -> Result<Created, StoreError> {
        let mut contents = self.contents();
        if let Some(keyed) = create.keyed {
            contents.responses.retain(|kept| {
                (&kept.scope, &kept.key) != (&keyed.scope, &keyed.key) || kept.at >= keyed.expired_before
            });
            let kept =
                contents.responses.iter().find(|kept| (&kept.scope, &kept.key) == (&keyed.scope, &keyed.key));
            match kept {
                Some(kept) if kept.request == keyed.request => {
                    return Ok(Created::Replayed(kept.response.clone()));
                }
                Some(_) => return Ok(Created::KeyReused),
                None => contents.responses.push(keyed),
            }
        }
        let place = contents.next_place();
        if let Some(owner) = create.owner {
            contents.owners.insert(create.stream.id(), owner.to_string());
        }
        contents.streams.insert(place, create.stream);
        contents.events.push(create.event);
        Ok(self.record(&mut contents, Created::Done))
    }

    async fn cancel_stream(
        &self,
        id: &StreamId,
        clock: Arc<dyn Clock>,
    ) -> Result<Outcome<Stream, CancelRefused>, StoreError> {
        let mut contents = self.contents();
        let Some(at) = contents.find(id) else { return Ok(Outcome::NotFound) };
        match contents.streams[&at].cancel(clock.now()) {
            Ok(change) => {
                let stream = change.stream.clone();
                contents.write(at, change);
                Ok(self.record(&mut contents, Outcome::Done(stream)))
            }
            Err(refused) => Ok(Outcome::Refused(refused)),
        }
    }

    async fn stream_owner(&self, id: &StreamId) -> Result<Option<String>, StoreError> {
        Ok(self.contents().owners.get(id).cloned())
    }

    async fn stream(&self, id: &StreamId) -> Result<Option<Stream>, StoreError> {
        let contents = self.contents();
        Ok(contents.find(id).map(|at| contents.streams[&at].clone()))
    }

    async fn stream_at(&self, id: &StreamId, at: UnixTime) -> Result<Option<Stream>, StoreError> {
        let mut contents = self.contents();
        let Some(place) = contents.find(id) else { return Ok(None) };
        match StateAt::of(contents.streams[&place].clone(), at) {
            StateAt::Current(stream) => Ok(Some(*stream)),
            StateAt::History => {
                let until = contents.of(id).filter(|event| UnixTime::of(event.occurred_at) <= at);
                Ok(replay(&until.cloned().collect::<Vec<_>>())?)
            }
            StateAt::ContractEvents => chain::stream_as_of(&mut *contents, *id, at).now_or_never().unwrap(),
        }
    }

    async fn list_streams(&self, query: &StreamQuery) -> Result<StreamPage, StoreError> {
        let contents = self.contents();
        let limit = usize::try_from(query.limit).unwrap();
        let mut rows: Vec<_> = contents
            .streams
            .iter()
            .rev()
            .filter(|(place, _)| query.before.is_none_or(|before| **place < before))
            .filter(|(_, stream)| matches(&query.filter, stream, query.at))
            .take(limit + 1)
            .collect();
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().map(|(place, _)| **place).filter(|_| more);
        let streams = rows.into_iter().map(|(_, stream)| stream.clone()).collect();
        Ok(StreamPage { streams, unreadable: Vec::new(), next })
    }

    async fn count_streams(&self, filter: &StreamFilter, at: UnixTime) -> Result<StreamCount, StoreError> {
        let contents = self.contents();
        let count = contents.streams.values().filter(|stream| matches(filter, stream, at)).count();
        Ok(StreamCount { count: u64::try_from(count).unwrap(), is_complete: true })
    }

    async fn stream_events(
        &self,
        id: &StreamId,
        after: u32,
        limit: u32,
    ) -> Result<Option<EventPage>, StoreError> {
        let contents = self.contents();
        if contents.find(id).is_none() {
            return Ok(None);
        }
        let limit = usize::try_from(limit).unwrap();
        let logged = (1..).map(Sequence).zip(&contents.events);
        let mut events: Vec<_> = logged
            .filter(|(_, event)| event.stream == *id && event.stream_seq > after)
            .map(|(sequence, event)| LoggedEvent { sequence, event: event.clone() })
            .collect();
        let more = events.len() > limit;
        events.truncate(limit);
        Ok(Some(EventPage { events, more }))
    }

    async fn record_due(&self, now: Timestamp, limit: u32) -> Result<Recorded, StoreError> {
        let mut contents = self.contents();
        let mut due: Vec<_> = contents
            .streams
            .iter()
            .filter_map(|(at, stream)| Some((stream.due_at()?, *at)))
            .filter(|(due, _)| *due <= UnixTime::of(now))
            .collect();
        due.sort();
        let limit = usize::try_from(limit).unwrap();
        let mut recorded = Recorded { more: due.len() > limit, ..Recorded::default() };
        for (_, at) in due.into_iter().take(limit) {
            let change = contents.streams[&at].catch_up(now);
            recorded.streams += 1;
            recorded.events += change.events.len();
            contents.write(at, change);
        }
        Ok(recorded)
    }
}

pub(in crate::conformance) fn matches(filter: &StreamFilter, stream: &Stream, at: UnixTime) -> bool {
    filter.status.is_none_or(|status| stream.status_at(at) == status)
        && filter.sender.is_none_or(|sender| stream.sender == sender)
        && filter.recipient.is_none_or(|recipient| stream.recipient == recipient)
        && filter.origin.is_none_or(|origin| stream.origin() == origin)
        && filter
            .contract
            .as_ref()
            .is_none_or(|contract| stream.id().contract().is_some_and(|of| of.to_string() == *contract))
        && filter.updated_since.is_none_or(|since| stream.updated_at >= since)
}
