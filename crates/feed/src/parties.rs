use std::collections::HashMap;

use fluxora_store::{EventFilter, Store, StoreError};
use fluxora_stream::{LoggedEvent, Sequence, StreamId};

use crate::event::Parties;

/// How many streams are remembered.
const MAX_STREAMS: usize = 10_000;
const PAGE: u32 = 100;

/// The parties of the streams whose events were read last.
#[derive(Debug, Default)]
pub(crate) struct PartyCache(HashMap<StreamId, Parties>);

impl PartyCache {
    /// The parties of an event's stream after that event. `None` if its events name none.
    pub(crate) async fn after(
        &mut self,
        store: &dyn Store,
        logged: &LoggedEvent,
    ) -> Result<Option<Parties>, StoreError> {
        let (id, changes) = (logged.event.stream, &logged.event.data.changes);
        let known = match (self.0.get(&id), changes.sender, changes.recipient) {
            (_, Some(sender), Some(recipient)) => Some(Parties { sender, recipient }),
            (Some(known), sender, recipient) => Some(Parties {
                sender: sender.unwrap_or(known.sender),
                recipient: recipient.unwrap_or(known.recipient),
            }),
            (None, ..) => read(store, id).await?,
        };
        if self.0.len() >= MAX_STREAMS {
            self.0.clear();
        }
        if let Some(parties) = known {
            self.0.insert(id, parties);
        }
        Ok(known)
    }

    /// Forgets everything: events were read without it.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The present parties of a stream; those that its events named last if it was removed.
async fn read(store: &dyn Store, id: StreamId) -> Result<Option<Parties>, StoreError> {
    if let Some(stream) = store.stream(&id).await? {
        return Ok(Some(Parties { sender: stream.sender, recipient: stream.recipient }));
    }
    let filter = EventFilter { stream: Some(id), ..EventFilter::default() };
    let (mut sender, mut recipient, mut after) = (None, None, Sequence(0));
    loop {
        let page = store.events_after(after, &filter, PAGE).await?;
        for logged in &page.events {
            let changes = &logged.event.data.changes;
            sender = changes.sender.or(sender);
            recipient = changes.recipient.or(recipient);
        }
        if page.next >= page.head || page.next <= after {
            return Ok(sender.zip(recipient).map(|(sender, recipient)| Parties { sender, recipient }));
        }
        after = page.next;
    }
}
