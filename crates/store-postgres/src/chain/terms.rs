use fluxora_stream::vesting::Times;
use fluxora_stream::{Address, Schedule, Stream, StreamBody, StreamId};
use jiff::Timestamp;

/// What a stream was made with. Most events leave it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    id: StreamId,
    sender: Address,
    recipient: Address,
    times: Times,
    /// Deposit, rate and kind of a stream that flows by a rate.
    schedule: Option<Schedule>,
    created_at: Timestamp,
}

impl Terms {
    pub(crate) fn of<B: StreamBody>(stream: &Stream<B>) -> Self {
        let Stream {
            body,
            sender,
            recipient,
            created_at,
            // Written by a status-only change.
            status: _,
            updated_at: _,
            event_count: _,
        } = stream;
        Self {
            id: body.id(),
            sender: *sender,
            recipient: *recipient,
            times: stream.times(),
            schedule: body.details().flow().map(|flow| flow.schedule),
            created_at: *created_at,
        }
    }
}
