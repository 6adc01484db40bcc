use fluxora_stream::{Address, Schedule, Stream, StreamBody, StreamId};
use jiff::Timestamp;

/// What a stream was made with. Most events leave it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    id: StreamId,
    sender: Address,
    recipient: Address,
    schedule: Schedule,
    created_at: Timestamp,
}

impl Terms {
    pub(crate) fn of<B: StreamBody>(stream: &Stream<B>) -> Self {
        let Stream {
            body,
            sender,
            recipient,
            schedule,
            created_at,
            // Written by a status-only change.
            withdrawn: _,
            status: _,
            updated_at: _,
            event_count: _,
        } = stream;
        Self {
            id: body.id(),
            sender: *sender,
            recipient: *recipient,
            schedule: *schedule,
            created_at: *created_at,
        }
    }
}
