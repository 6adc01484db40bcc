use fluxora_stream::{TermsDraft, UnixTime};
use futures_util::future::join_all;

use super::fixtures::*;
use crate::{Created, IdempotencyStore, StreamStore};

/// Writing and reading are inverse.
pub async fn a_created_stream_reads_back_as_it_was_written(store: &impl StreamStore) {
    let draft = TermsDraft { cliff: Some(second(10)), ..draft() };
    let written = put(store, 1, &draft, t0()).await;
    assert_eq!(read(store, 1).await, written);
}

/// "100" stays "100", "0.0010000" stays so.
pub async fn amounts_read_back_with_the_decimals_they_were_written_with(store: &impl StreamStore) {
    let draft = TermsDraft {
        deposit: Some("1000000.0000000".parse().unwrap()),
        rate: Some("0.50".parse().unwrap()),
        ..draft()
    };
    put(store, 1, &draft, t0()).await;
    let schedule = flow(&read(store, 1).await).schedule;
    assert_eq!(schedule.deposit.to_string(), "1000000.0000000");
    assert_eq!(schedule.rate.to_string(), "0.50");
}

/// Absence is an answer, not an error.
pub async fn an_unknown_stream_is_not_found(store: &impl StreamStore) {
    assert_eq!(store.stream(&stream_id(1)).await.unwrap(), None);
}

/// i128 amounts and u64 times survive storage.
pub async fn a_stream_with_the_largest_values_reads_back(store: &impl StreamStore) {
    let mut create = create(1, &draft(), t0());
    let schedule = schedule_mut(&mut create.stream);
    schedule.deposit = fluxora_decimal::Amount::MAX;
    schedule.end = UnixTime::MAX;
    let expect = create.stream.clone();
    store.create_stream(create).await.unwrap();
    assert_eq!(read(store, 1).await, expect);
    assert_eq!(store.record_due(t(1_000_000), 10).await.unwrap().streams, 0, "its end has not come");
}

fn response(n: u64) -> Vec<u8> {
    keyed(n, "k", "", t0()).keyed.unwrap().response
}

/// A repetition gets the first answer, and makes nothing.
pub async fn the_same_keyed_request_is_answered_as_before(store: &impl StreamStore) {
    assert_eq!(store.create_stream(keyed(1, "k", "request", t0())).await.unwrap(), Created::Done);
    let again = store.create_stream(keyed(2, "k", "request", t(60))).await.unwrap();
    assert_eq!(again, Created::Replayed(response(1)));
    assert_eq!(store.stream(&stream_id(2)).await.unwrap(), None);
}

/// A key names one request.
pub async fn another_request_under_a_used_key_is_refused(store: &impl StreamStore) {
    store.create_stream(keyed(1, "k", "request", t0())).await.unwrap();
    let other = store.create_stream(keyed(2, "k", "another", t(1))).await.unwrap();
    assert_eq!(other, Created::KeyReused);
    assert_eq!(store.stream(&stream_id(2)).await.unwrap(), None);
}

/// A response is stored for 24 hours, to the second.
pub async fn a_key_may_be_used_again_when_its_response_has_expired(store: &impl StreamStore) {
    const DAY: i64 = 24 * 60 * 60;
    store.create_stream(keyed(1, "k", "request", t0())).await.unwrap();
    let kept = store.create_stream(keyed(2, "k", "another", t(DAY))).await.unwrap();
    assert_eq!(kept, Created::KeyReused);
    let forgotten = store.create_stream(keyed(3, "k", "another", t(DAY + 1))).await.unwrap();
    assert_eq!(forgotten, Created::Done);
    let again = store.create_stream(keyed(4, "k", "another", t(DAY + 2))).await.unwrap();
    assert_eq!(again, Created::Replayed(response(3)));
}

/// A repetition whose times have passed is answered without a write.
pub async fn the_response_of_a_key_is_read_until_it_expires(store: &(impl StreamStore + IdempotencyStore)) {
    const DAY: i64 = 24 * 60 * 60;
    store.create_stream(keyed(1, "k", "request", t0())).await.unwrap();
    let [k, other] = ["k", "other"].map(|key| crate::IdempotencyKey::parse(key).unwrap());
    let record = store.idempotency_record(SCOPE, &k, t(DAY)).await.unwrap().unwrap();
    assert_eq!((record.scope.as_str(), &record.key, record.at), (SCOPE, &k, t0()));
    assert_eq!((record.request.as_str(), record.response), ("request", response(1)));
    assert_eq!(store.idempotency_record(SCOPE, &k, t(DAY + 1)).await.unwrap(), None);
    assert_eq!(store.idempotency_record(SCOPE, &other, t(1)).await.unwrap(), None);
    assert_eq!(store.idempotency_record("another", &k, t(1)).await.unwrap(), None);
}

/// Housekeeping removes what is old and nothing else.
pub async fn expired_idempotency_records_are_deleted_and_others_kept(
    store: &(impl StreamStore + IdempotencyStore),
) {
    store.create_stream(keyed(1, "old", "request", t0())).await.unwrap();
    store.create_stream(keyed(2, "young", "request", t(10))).await.unwrap();
    assert_eq!(store.delete_expired_idempotency_records(t(10)).await.unwrap(), 1);
    assert_eq!(store.delete_expired_idempotency_records(t(10)).await.unwrap(), 0);
    let young = store.create_stream(keyed(3, "young", "request", t(11))).await.unwrap();
    assert_eq!(young, Created::Replayed(response(2)));
}

/// The key, not luck, decides.
pub async fn one_of_many_concurrent_requests_under_one_key_is_written(store: &impl StreamStore) {
    let outcomes = join_all((1..=32).map(|n| store.create_stream(keyed(n, "k", "request", t0())))).await;
    let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Created::Done))).count();
    let replayed = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Created::Replayed(_)))).count();
    assert_eq!((done, replayed), (1, 31), "{outcomes:?}");
    assert_eq!(walk(store, crate::StreamFilter::default(), 0, 100).await.len(), 1);
}

/// Writers do not undo each other.
pub async fn concurrent_creates_are_all_kept(store: &impl StreamStore) {
    let draft = draft();
    join_all((1..=300).map(|n| put(store, n, &draft, t0()))).await;
    let mut ids = walk(store, crate::StreamFilter::default(), 0, 100).await;
    ids.sort();
    assert_eq!(ids, (1..=300).map(stream_id).collect::<Vec<_>>());
}
