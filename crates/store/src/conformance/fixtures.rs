use fluxora_stream::{
    AccountId, Address, Body, OnChain, RateFlow, Schedule, Stream, StreamEvent, StreamId, TermsDraft,
    UnixTime,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{CreateStream, Created, IdempotencyKey, KeyedResponse, StreamFilter, StreamQuery, StreamStore};

pub(super) use crate::still;

/// 2026-01-01T00:00:00.250Z: where the suite's time begins.
pub(super) fn t0() -> Timestamp {
    Timestamp::from_millisecond(1_767_225_600_250).unwrap()
}

/// `seconds` after [`t0`].
pub(super) fn t(seconds: i64) -> Timestamp {
    t0() + SignedDuration::from_secs(seconds)
}

pub(super) fn second(seconds: i64) -> UnixTime {
    UnixTime::of(t(seconds))
}

pub(super) fn uuid(n: u64) -> Uuid {
    Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + u128::from(n))
}

pub(super) fn stream_id(n: u64) -> StreamId {
    StreamId::api(uuid(n))
}

pub(super) fn account(n: u8) -> AccountId {
    AccountId::from_public_key([n; 32])
}

pub(super) fn address(n: u8) -> Address {
    account(n).into()
}

/// Account 1 pays account 2 one unit each second for 100 seconds.
pub(super) fn draft() -> TermsDraft {
    TermsDraft {
        sender: Some(account(1)),
        recipient: Some(account(2)),
        deposit: Some("100".parse().unwrap()),
        rate: Some("1".parse().unwrap()),
        ..TermsDraft::default()
    }
}

/// The scope of the suite's keyed requests.
pub(super) const SCOPE: &str = "create";

pub(super) fn create(n: u64, draft: &TermsDraft, now: Timestamp) -> CreateStream {
    let (stream, event) = Stream::create(uuid(n), &draft.settle(now).unwrap(), now);
    CreateStream { stream, event, keyed: None, owner: None }
}

pub(super) fn keyed(n: u64, key: &str, request: &str, now: Timestamp) -> CreateStream {
    let keyed = KeyedResponse {
        scope: SCOPE.to_owned(),
        key: IdempotencyKey::parse(key).unwrap(),
        request: request.to_owned(),
        // Not a text: nothing about it is known but its bytes.
        response: [&[0, 0xff, b'\n'], format!("{n}").as_bytes()].concat(),
        at: now,
        expired_before: crate::expired_before(now),
    };
    CreateStream { keyed: Some(keyed), ..create(n, &draft(), now) }
}

/// Writes stream `n` and hands it back.
pub(super) async fn put(store: &impl StreamStore, n: u64, draft: &TermsDraft, now: Timestamp) -> Stream {
    let create = create(n, draft, now);
    let stream = create.stream.clone();
    assert_eq!(store.create_stream(create).await.unwrap(), Created::Done);
    stream
}

pub(super) async fn read(store: &impl StreamStore, n: u64) -> Stream {
    store.stream(&stream_id(n)).await.unwrap().expect("the stream is there")
}

/// All events of a stream, oldest first; none if it is not stored.
pub(super) async fn history(store: &impl StreamStore, id: &StreamId) -> Vec<StreamEvent> {
    let page = store.stream_events(id, 0, 1_000_000).await.unwrap().unwrap_or_default();
    page.events.into_iter().map(|logged| logged.event).collect()
}

pub(super) fn query(filter: StreamFilter, at: i64, limit: u32) -> StreamQuery {
    StreamQuery { filter, at: second(at), before: None, limit }
}

/// The ids of all pages of a walk.
pub(super) async fn walk(
    store: &impl StreamStore,
    filter: StreamFilter,
    at: i64,
    limit: u32,
) -> Vec<StreamId> {
    let mut query = query(filter, at, limit);
    let mut ids = Vec::new();
    loop {
        let page = store.list_streams(&query).await.unwrap();
        assert!(page.unreadable.is_empty());
        ids.extend(page.streams.into_iter().map(|stream| stream.id()));
        query.before = page.next;
        if query.before.is_none() {
            return ids;
        }
    }
}

/// The money of a stream that flows by a rate.
pub(super) fn flow(stream: &Stream) -> RateFlow {
    *stream.details().flow().unwrap()
}

/// The schedule of an API stream.
pub(super) fn schedule_mut(stream: &mut Stream) -> &mut Schedule {
    match &mut stream.body {
        Body::Api { flow, .. } => &mut flow.schedule,
        Body::Chain(_) => panic!("a chain stream"),
    }
}

/// What a version 9 contract keeps of a stream.
pub(super) fn v9(stream: &Stream) -> OnChain {
    stream.details().v9().unwrap().on_chain.clone()
}
