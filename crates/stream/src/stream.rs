use fluxora_decimal::Amount;
use jiff::Timestamp;

use crate::{
    Address, Balance, Body, ChainBody, OnChain, Origin, Schedule, Status, StatusName, StreamBody, StreamId,
    UnixTime,
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
    /// The identity, and the state that only streams of this origin have.
    pub body: B,
    /// The paying address.
    pub sender: Address,
    /// The paid address.
    pub recipient: Address,
    /// Deposit, rate, times and kind.
    pub schedule: Schedule,
    /// The amount taken out by the recipient.
    pub withdrawn: Amount,
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
    /// The state of a version 9 contract.
    pub const fn v9(&self) -> &OnChain {
        self.body.state.v9()
    }

    /// Mutable access to the state of a version 9 contract.
    pub const fn v9_mut(&mut self) -> &mut OnChain {
        self.body.state.v9_mut()
    }
}

impl<B: StreamBody> Stream<B> {
    /// The stream's identity.
    pub fn id(&self) -> StreamId {
        self.body.id()
    }

    /// The source of the stream's changes: the API or a contract.
    pub fn origin(&self) -> Origin {
        if self.body.chain().is_some() { Origin::Chain } else { Origin::Api }
    }

    /// The state that the contract of a chain stream keeps; `None` for an API stream.
    pub fn on_chain(&self) -> Option<&OnChain> {
        self.body.chain().map(|chain| chain.state.v9())
    }

    /// The status at `at`, which must not lie before the stream's last event: a transition that is due by then counts
    /// as recorded.
    pub fn status_at(&self, at: UnixTime) -> StatusName {
        match (self.origin(), self.status) {
            (Origin::Api, Status::Scheduled | Status::Active) if at >= self.schedule.end => {
                StatusName::Completed
            }
            (Origin::Api, Status::Scheduled) if at >= self.schedule.start => StatusName::Active,
            (_, status) => status.name(),
        }
    }

    /// The division of the deposit at `at`, which must not lie before the stream's last event.
    pub fn balance_at(&self, at: UnixTime) -> Balance {
        let ended = self.status_at(at).is_terminal();
        let decimals = self.schedule.decimals();
        let balance =
            Balance::divide(self.schedule.deposit, self.streamed_at(at), self.withdrawn, ended, decimals);
        match (self.origin(), self.status) {
            // The contract's own rule: nothing can be withdrawn while it is paused, nothing is owed once it is
            // completed.
            (Origin::Chain, Status::Paused { .. } | Status::Completed) => balance.nothing_withdrawable(),
            _ => balance,
        }
    }

    pub(crate) fn streamed_at(&self, at: UnixTime) -> Amount {
        match (self.origin(), self.status) {
            (_, Status::Cancelled { at: cancelled }) => self.schedule.accrued(UnixTime::of(cancelled)),
            (Origin::Chain, Status::Completed) => self.schedule.deposit,
            (Origin::Api, Status::Completed) => self.schedule.accrued(UnixTime::MAX),
            _ => self.schedule.accrued(at),
        }
    }
}

impl<B> Stream<B> {
    /// The same stream with another body, and the body it had.
    fn replace_body<C>(self, body: C) -> (Stream<C>, B) {
        let Self {
            body: had,
            sender,
            recipient,
            schedule,
            withdrawn,
            status,
            created_at,
            updated_at,
            event_count,
        } = self;
        let stream = Stream {
            body,
            sender,
            recipient,
            schedule,
            withdrawn,
            status,
            created_at,
            updated_at,
            event_count,
        };
        (stream, had)
    }
}
