use async_trait::async_trait;
use fluxora_stream::{Address, Changes, EventParties, LoggedEvent, Stream, StreamEvent};

use super::{Contents, Model};
use crate::{EventFilter, EventLog, EventLogPage, EventLogRange, Sequence, StoreError};

#[async_trait]
impl EventLog for Model {
    async fn events_after(
        &self,
        after: Sequence,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<EventLogPage, StoreError> {
        let contents = self.contents();
        let head = Sequence(u64::try_from(contents.events.len()).unwrap());
        let range = EventLogRange::of(filter, after, head);
        let logged = (1..).zip(&contents.events).map(|(sequence, event)| (Sequence(sequence), event));
        let within = logged.filter(|(sequence, _)| range.after < *sequence && *sequence <= range.upto);
        let matching = within.filter(|(_, event)| matches(&contents, filter, event));
        let events = matching
            .take(usize::try_from(limit).unwrap())
            .map(|(sequence, event)| LoggedEvent { sequence, event: event.clone() })
            .collect();
        Ok(range.page(events, limit, head))
    }

    async fn head(&self) -> Result<Sequence, StoreError> {
        Ok(Sequence(u64::try_from(self.contents().events.len()).unwrap()))
    }

    async fn oldest(&self) -> Result<Sequence, StoreError> {
        Ok(Sequence(u64::from(!self.contents().events.is_empty())))
    }
}

/// Whether an event matches a filter of the event log.
fn matches(contents: &Contents, filter: &EventFilter, event: &StreamEvent) -> bool {
    filter.matches(event, parties(contents, event))
}

/// The present parties of an event's stream, or the last that the events of a removed stream name.
pub(super) fn parties(contents: &Contents, event: &StreamEvent) -> EventParties {
    let present = contents.find(&event.stream).map(|sequence| &contents.streams[&sequence]);
    let last = |get: fn(&Changes) -> Option<Address>| {
        contents.of(&event.stream).filter_map(|event| get(&event.data.changes)).last()
    };
    let of = |stream: fn(&Stream) -> Address, get| present.map(stream).or_else(|| last(get));
    EventParties {
        sender: of(|stream| stream.sender, |changes| changes.sender),
        recipient: of(|stream| stream.recipient, |changes| changes.recipient),
    }
}
