//! Test support for workers.

use std::sync::Mutex;

use fluxora_store::{Clock, CreateStream, KeyedResponse, StreamStore};
use fluxora_stream::{AccountId, Stream, StreamId, TermsDraft, UnixTime};
use jiff::Timestamp;

/// A clock that tests set. It starts at the epoch.
#[derive(Default)]
pub(super) struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub(super) fn set(&self, second: i64) {
        *self.0.lock().unwrap() = Timestamp::from_second(second).unwrap();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub(super) fn id(n: u16) -> StreamId {
    StreamId::api(uuid(n))
}

fn uuid(n: u16) -> uuid::Uuid {
    uuid::Uuid::from_u128(n.into())
}

/// Creates, at the epoch, a stream that starts at second 100 and lasts 10 seconds.
pub(super) async fn put(store: &impl StreamStore, n: u16, keyed: Option<KeyedResponse>) {
    let draft = TermsDraft {
        sender: Some(AccountId::from_public_key([1; 32])),
        recipient: Some(AccountId::from_public_key([2; 32])),
        deposit: Some("10".parse().unwrap()),
        rate: Some("1".parse().unwrap()),
        start: Some(UnixTime::from_seconds(100)),
        ..TermsDraft::default()
    };
    let now = Timestamp::UNIX_EPOCH;
    let (stream, event) = Stream::create(uuid(n), &draft.settle(now).unwrap(), now);
    store.create_stream(CreateStream { stream, event, keyed, owner: None }).await.unwrap();
}
