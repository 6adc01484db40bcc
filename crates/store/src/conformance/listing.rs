use fluxora_stream::{Origin, StatusName, TermsDraft};
use jiff::SignedDuration;

use super::fixtures::*;
use crate::{StreamFilter, StreamStore};

/// The order of creation, backwards.
pub async fn streams_are_listed_newest_first(store: &impl StreamStore) {
    for n in [3, 1, 2] {
        put(store, n, &draft(), t0()).await;
    }
    let expect: Vec<_> = [2, 1, 3].map(stream_id).into();
    assert_eq!(walk(store, StreamFilter::default(), 0, 100).await, expect);
    assert_eq!(walk(store, StreamFilter::default(), 0, 1).await, expect);
}

/// Pages are cut by sequence, not by count.
pub async fn a_walk_sees_each_old_stream_once_while_others_are_created(store: &impl StreamStore) {
    for n in 1..=25 {
        put(store, n, &draft(), t0()).await;
    }
    let mut query = query(StreamFilter::default(), 0, 4);
    let mut seen = Vec::new();
    for n in 100.. {
        let page = store.list_streams(&query).await.unwrap();
        seen.extend(page.streams.into_iter().map(|stream| stream.id()));
        put(store, n, &draft(), t0()).await;
        query.before = page.next;
        if query.before.is_none() {
            break;
        }
    }
    let expect: Vec<_> = (1..=25).rev().map(stream_id).collect();
    assert_eq!(seen, expect);
}

/// Each condition alone, and together.
pub async fn filters_leave_in_what_they_name(store: &impl StreamStore) {
    for n in 1..=12_u8 {
        let draft = TermsDraft {
            sender: Some(account(10 + n % 2)),
            recipient: Some(account(20 + n % 3)),
            start: Some(second(if n % 4 == 0 { 50 } else { 0 })),
            ..draft()
        };
        put(store, n.into(), &draft, t0()).await;
    }
    let all = StreamFilter::default();
    let sender = StreamFilter { sender: Some(address(10)), ..all.clone() };
    let recipient = StreamFilter { recipient: Some(address(20)), ..all.clone() };
    let scheduled = StreamFilter { status: Some(StatusName::Scheduled), ..all.clone() };
    let both = StreamFilter { recipient: Some(address(20)), ..sender.clone() };
    let three = StreamFilter { status: Some(StatusName::Scheduled), ..both.clone() };
    for (filter, expect) in [
        (
            StreamFilter { origin: Some(Origin::Api), ..all.clone() },
            vec![12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
        ),
        (StreamFilter { origin: Some(Origin::Chain), ..all.clone() }, vec![]),
        (StreamFilter { contract: Some("C1".into()), ..all }, vec![]),
        (sender, vec![12, 10, 8, 6, 4, 2]),
        (recipient, vec![12, 9, 6, 3]),
        (scheduled, vec![12, 8, 4]),
        (both, vec![12, 6]),
        (three, vec![12]),
    ] {
        let expect: Vec<_> = expect.into_iter().map(stream_id).collect();
        for limit in [1, 2, 100] {
            assert_eq!(walk(store, filter.clone(), 0, limit).await, expect, "{filter:?} by {limit}");
        }
    }
}

/// An instant that is the one of a stream's last change lets the stream in, the next millisecond leaves it out.
pub async fn updated_since_leaves_in_what_changed_at_or_after_the_instant(store: &impl StreamStore) {
    for n in 1..=6 {
        put(store, n, &draft(), t(i64::try_from(n).unwrap())).await;
    }
    store.cancel_stream(&stream_id(2), still(t(10))).await.unwrap();
    let millisecond = SignedDuration::from_millis(1);
    for (since, expect) in [
        (t(0), vec![6, 5, 4, 3, 2, 1]),
        (t(4), vec![6, 5, 4, 2]),
        (t(4) + millisecond, vec![6, 5, 2]),
        (t(10), vec![2]),
        (t(10) + millisecond, vec![]),
    ] {
        let expect: Vec<_> = expect.into_iter().map(stream_id).collect();
        let filter = StreamFilter { updated_since: Some(since), ..StreamFilter::default() };
        assert_eq!(walk(store, filter.clone(), 20, 2).await, expect, "since {since}");
        let count = store.count_streams(&filter, second(20)).await.unwrap().total().unwrap();
        assert_eq!(count, u64::try_from(expect.len()).unwrap(), "since {since}");
        let active = StreamFilter { status: Some(StatusName::Active), ..filter };
        let active_ones: Vec<_> = expect.into_iter().filter(|id| *id != stream_id(2)).collect();
        assert_eq!(walk(store, active.clone(), 20, 2).await, active_ones, "since {since}");
        let count = store.count_streams(&active, second(20)).await.unwrap().total().unwrap();
        assert_eq!(count, u64::try_from(active_ones.len()).unwrap(), "since {since}");
    }
}

/// A list at an instant agrees with the streams at that instant, also before the stream clock has recorded what fell due.
pub async fn a_status_filter_counts_what_has_fallen_due(store: &impl StreamStore) {
    for n in 0..10_u64 {
        let start = i64::try_from(n).unwrap() * 10;
        put(store, n, &TermsDraft { start: Some(second(start)), ..draft() }, t0()).await;
    }
    store.cancel_stream(&stream_id(9), still(t(1))).await.unwrap();
    store.record_due(t(20), 100).await.unwrap();
    for at in [21, 35, 99, 100, 105, 145, 500] {
        for status in StatusName::ALL {
            let mut expect = Vec::new();
            for n in (0..10).rev() {
                let stream = read(store, n).await;
                if stream.status_at(second(at)) == status {
                    expect.push(stream.id());
                }
            }
            let filter = StreamFilter { status: Some(status), ..StreamFilter::default() };
            assert_eq!(walk(store, filter.clone(), at, 2).await, expect, "{status} at {at}");
            let count = store.count_streams(&filter, second(at)).await.unwrap().total().unwrap();
            assert_eq!(count, u64::try_from(expect.len()).unwrap());
        }
    }
}

/// The last page says that it is the last.
pub async fn a_page_that_is_exactly_full_has_no_next(store: &impl StreamStore) {
    for n in 1..=4 {
        put(store, n, &draft(), t0()).await;
    }
    let page = store.list_streams(&query(StreamFilter::default(), 0, 4)).await.unwrap();
    assert_eq!((page.streams.len(), page.next), (4, None));
    let page = store.list_streams(&query(StreamFilter::default(), 0, 3)).await.unwrap();
    assert_eq!(page.streams.len(), 3);
    assert!(page.next.is_some());
}

/// `total` is the length of the walk.
pub async fn streams_are_counted_as_they_are_listed(store: &impl StreamStore) {
    for n in 1..=7_u8 {
        let sender = Some(account(10 + n % 2));
        put(store, n.into(), &TermsDraft { sender, ..draft() }, t0()).await;
    }
    let filter = StreamFilter { sender: Some(address(11)), ..StreamFilter::default() };
    assert_eq!(store.count_streams(&filter, second(0)).await.unwrap().total().unwrap(), 4);
    assert_eq!(store.count_streams(&StreamFilter::default(), second(0)).await.unwrap().total().unwrap(), 7);
}
