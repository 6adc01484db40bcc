use fluxora_decimal::Amount;
use jiff::Timestamp;

use crate::vesting::{Times, VestingSchedule};
use crate::{
    Address, Balance, Body, ChainBody, Details, FamilyState, Origin, RateFlow, Schedule, Status, StatusName,
    StreamBody, StreamId, UnixTime, V9State,
};

/// A payment stream.
///
/// A plain value. Recorded instants have millisecond precision.
///
/// An API stream changes by its events alone: [`create`](Self::create), [`catch_up`](Self::catch_up) and
/// [`cancel`](Self::cancel) decide on events, [`apply`](Self::apply) applies them. The projection of contract events
/// writes the fields of a chain stream directly; its stream events are the difference
/// ([`Changes::between`](crate::Changes::between)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream<B = Body> {
    /// The identity, the money, and the state that only streams of this origin have.
    pub body: B,
    /// The paying address.
    pub sender: Address,
    /// The paid address.
    pub recipient: Address,
    /// The status that events have recorded; [`status_at`](Self::status_at) adds transitions that are due since.
    pub status: Status,
    /// When the first event was recorded; for a chain stream, when the ledger closed that created it.
    pub created_at: Timestamp,
    /// When the last event was recorded; for a chain stream, when the ledger closed that changed it last.
    pub updated_at: Timestamp,
    /// The number of stream events emitted.
    pub event_count: u32,
}

/// A chain stream, by type.
pub type ChainStream = Stream<ChainBody>;

/// A stream of a version 9 contract, by type.
pub type V9Stream = Stream<ChainBody<V9State>>;

impl From<ChainStream> for Stream {
    fn from(stream: ChainStream) -> Self {
        let (rest, body) = stream.replace_body(());
        rest.replace_body(Body::Chain(Box::new(body))).0
    }
}

impl Stream {
    /// The chain stream; `None` for an API stream.
    pub fn into_chain(self) -> Option<ChainStream> {
        let (rest, body) = self.replace_body(());
        match body {
            Body::Api { .. } => None,
            Body::Chain(chain) => Some(rest.replace_body(*chain).0),
        }
    }
}

impl ChainStream {
    /// The stream by the type of its family; `None` if it is of another one.
    pub fn of_family<S: FamilyState>(&self) -> Option<Stream<ChainBody<S>>> {
        let ChainBody { contract, number, state } = &self.body;
        let body = ChainBody { contract: *contract, number: *number, state: S::of(state)?.clone() };
        Some(self.with_body(body))
    }
}

impl<S: FamilyState> From<Stream<ChainBody<S>>> for ChainStream {
    fn from(stream: Stream<ChainBody<S>>) -> Self {
        let (rest, ChainBody { contract, number, state }) = stream.replace_body(());
        rest.replace_body(ChainBody { contract, number, state: state.into_state() }).0
    }
}

impl<B: StreamBody> Stream<B> {
    /// The stream's identity.
    pub fn id(&self) -> StreamId {
        self.body.id()
    }

    /// The source of the stream's changes: the API or a contract.
    pub fn origin(&self) -> Origin {
        self.id().origin()
    }

    /// Money and contract state, by origin and family.
    pub fn details(&self) -> Details<'_> {
        self.body.details()
    }

    /// Start, cliff and end of the schedule. Those of a vesting stream are on the clock of its schedule.
    pub fn times(&self) -> Times {
        match self.details() {
            Details::Api(flow) | Details::V9(V9State { flow, .. }) => {
                let Schedule { start, cliff, end, .. } = flow.schedule;
                Times { start, cliff, end }
            }
            Details::Vesting(state) => {
                let VestingSchedule { start, cliff, end, .. } = state.schedule;
                Times { start, cliff, end }
            }
        }
    }

    /// The status at `at`, which must not lie before the stream's last event: a transition that is due by then counts
    /// as recorded.
    pub fn status_at(&self, at: UnixTime) -> StatusName {
        match (self.details(), self.status) {
            (Details::Api(flow), Status::Scheduled | Status::Active) if at >= flow.schedule.end => {
                StatusName::Completed
            }
            (Details::Api(flow), Status::Scheduled) if at >= flow.schedule.start => StatusName::Active,
            (_, status) => status.name(),
        }
    }

    /// The division of the deposit at `at`, which must not lie before the stream's last event. `None` for a vesting
    /// stream, whose amounts are not stroops: see [`VestingState::balance_at`](crate::vesting::VestingState::balance_at).
    pub fn balance_at(&self, at: UnixTime) -> Option<Balance> {
        let RateFlow { schedule, withdrawn } = *self.details().flow()?;
        let ended = self.status_at(at).is_terminal();
        let streamed = self.streamed_at(&schedule, at);
        let balance = Balance::divide(schedule.deposit, streamed, withdrawn, ended, schedule.decimals());
        Some(match (self.origin(), self.status) {
            // The contract's own rule: nothing can be withdrawn while it is paused, nothing is owed once it is
            // completed.
            (Origin::Chain, Status::Paused { .. } | Status::Completed) => balance.nothing_withdrawable(),
            _ => balance,
        })
    }

    pub(crate) fn streamed_at(&self, schedule: &Schedule, at: UnixTime) -> Amount {
        match (self.origin(), self.status) {
            (_, Status::Cancelled { at: cancelled }) => schedule.accrued(UnixTime::of(cancelled)),
            (Origin::Chain, Status::Completed) => schedule.deposit,
            (Origin::Api, Status::Completed) => schedule.accrued(UnixTime::MAX),
            _ => schedule.accrued(at),
        }
    }
}

impl<B> Stream<B> {
    /// A copy with another body.
    fn with_body<C>(&self, body: C) -> Stream<C> {
        let Self { body: _, sender, recipient, status, created_at, updated_at, event_count } = *self;
        Stream { body, sender, recipient, status, created_at, updated_at, event_count }
    }

    /// The same stream with another body, and the body it had.
    fn replace_body<C>(self, body: C) -> (Stream<C>, B) {
        let Self { body: had, sender, recipient, status, created_at, updated_at, event_count } = self;
        let stream = Stream { body, sender, recipient, status, created_at, updated_at, event_count };
        (stream, had)
    }
}
