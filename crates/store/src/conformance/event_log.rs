use fluxora_stream::{EventKind, StreamId, TermsDraft};
use futures_util::future::{join, join_all};

use super::chain::{MAIN, a_chain_and_a_fork, contract, removed_stream};
use super::fixtures::*;
use crate::{EventFilter, EventLogPage, Sequence, Store};

/// All positions after one that a filter leaves in, page by page, with the streams and kinds of their events.
async fn follow(
    store: &impl Store,
    filter: &EventFilter,
    after: Sequence,
    limit: u32,
) -> Vec<(u64, StreamId, EventKind)> {
    let (mut found, mut after) = (Vec::new(), after);
    loop {
        let EventLogPage { events, next, head } = store.events_after(after, filter, limit).await.unwrap();
        assert!(events.len() <= usize::try_from(limit).unwrap());
        assert!(events.iter().all(|logged| after < logged.sequence && logged.sequence <= next), "{events:?}");
        assert!(next <= head && (next > after || next == head), "a page advances, and ends at the head");
        found.extend(events.iter().map(|logged| (logged.sequence.0, logged.event.stream, logged.event.kind)));
        after = next;
        if next == head {
            return found;
        }
    }
}

async fn everything(store: &impl Store) -> Vec<(u64, StreamId, EventKind)> {
    follow(store, &EventFilter::default(), Sequence(0), 1_000).await
}

/// Nothing has been written.
pub async fn an_empty_event_log_has_head_0(store: &impl Store) {
    assert_eq!(store.head().await.unwrap(), Sequence(0));
    assert_eq!(store.oldest().await.unwrap(), Sequence(0));
    let page = store.events_after(Sequence(0), &EventFilter::default(), 10).await.unwrap();
    assert_eq!(page, EventLogPage::default());
}

/// Events of all streams in the order in which they were committed, with the positions that the histories show.
pub async fn the_event_log_is_in_commit_order_without_gaps(store: &impl Store) {
    for n in [2, 1] {
        put(store, n, &TermsDraft { start: Some(second(10)), ..draft() }, t0()).await;
    }
    store.cancel_stream(&stream_id(2), still(t(5))).await.unwrap();
    assert!(store.cancel_stream(&stream_id(2), still(t(6))).await.is_ok(), "refused: it is cancelled");
    store.record_due(t(10), 10).await.unwrap();
    let [one, two] = [1, 2].map(stream_id);
    let expect = [
        (1, two, EventKind::Created),
        (2, one, EventKind::Created),
        (3, two, EventKind::Cancelled),
        (4, one, EventKind::Started),
    ];
    assert_eq!(everything(store).await, expect);
    assert_eq!(store.head().await.unwrap(), Sequence(4));
    assert_eq!(store.oldest().await.unwrap(), Sequence(1));
    let history = store.stream_events(&one, 0, 10).await.unwrap().unwrap().events;
    assert_eq!(history.iter().map(|logged| logged.sequence.0).collect::<Vec<_>>(), [2, 4]);
}

/// An event never becomes visible before a position that a reader has passed.
pub async fn a_reader_of_the_event_log_misses_nothing_while_others_write(store: &impl Store) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 25;
    let writer = |writer: u64| async move {
        for n in 0..EACH {
            let id = 1 + writer * EACH + n;
            put(store, id, &draft(), t0()).await;
            store.cancel_stream(&stream_id(id), still(t(1))).await.unwrap();
        }
    };
    let reader = async {
        let (mut seen, mut after) = (0, Sequence(0));
        while seen < 2 * WRITERS * EACH {
            let page = store.events_after(after, &EventFilter::default(), 7).await.unwrap();
            for logged in &page.events {
                seen += 1;
                assert_eq!(logged.sequence, Sequence(seen), "a reader sees every position once and in order");
            }
            after = page.next;
            give_way().await;
        }
        assert_eq!(store.head().await.unwrap(), Sequence(seen));
    };
    join(join_all((0..WRITERS).map(writer)), reader).await;
}

/// Lets the other futures of a task run: a backend may answer a read without waiting.
async fn give_way() {
    let mut polled = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// The next page begins after the last event of a full one.
pub async fn a_page_of_the_event_log_is_cut_by_its_limit(store: &impl Store) {
    for n in 1..=5 {
        put(store, n, &draft(), t0()).await;
    }
    let page = store.events_after(Sequence(1), &EventFilter::default(), 2).await.unwrap();
    let positions: Vec<_> = page.events.iter().map(|logged| logged.sequence.0).collect();
    assert_eq!((positions, page.next, page.head), (vec![2, 3], Sequence(3), Sequence(5)));
    let full = store.events_after(Sequence(3), &EventFilter::default(), 2).await.unwrap();
    assert_eq!((full.events.len(), full.next), (2, Sequence(5)));
    for beyond in [5, 6, u64::MAX] {
        let page = store.events_after(Sequence(beyond), &EventFilter::default(), 2).await.unwrap();
        assert_eq!((page.events, page.next, page.head), (vec![], Sequence(beyond), Sequence(5)));
    }
    let all = everything(store).await;
    for limit in [1, 2, 3, 5] {
        assert_eq!(follow(store, &EventFilter::default(), Sequence(0), limit).await, all, "by {limit}");
    }
}

/// Each condition alone and together, from any position: what is left out still advances the reader.
pub async fn filters_of_the_event_log_leave_events_out_and_still_advance(store: &impl Store) {
    for n in 1..=6_u8 {
        let draft =
            TermsDraft { sender: Some(account(10 + n % 2)), recipient: Some(account(20 + n % 3)), ..draft() };
        put(store, n.into(), &draft, t0()).await;
    }
    MAIN.push(store, &[], Some(5)).await;
    for batch in a_chain_and_a_fork() {
        store.ingest(batch, fluxora_indexer::Rules::default(), t(1)).await.unwrap().unwrap();
    }
    store.cancel_stream(&stream_id(3), still(t(5))).await.unwrap();
    let all = everything(store).await;
    let on_chain = |id: &StreamId| id.contract() == Some(contract());
    assert!(all.iter().any(|(_, id, _)| on_chain(id)) && all.iter().any(|(_, id, _)| !on_chain(id)));
    let none = EventFilter::default();
    let cancelled = vec![EventKind::Cancelled];
    for (filter, matches) in [
        (none.clone(), None),
        (EventFilter { stream: Some(stream_id(3)), ..none.clone() }, Some(vec![3, all.last().unwrap().0])),
        (EventFilter { stream: Some(stream_id(99)), ..none.clone() }, Some(vec![])),
        (EventFilter { sender: Some(address(10)), ..none.clone() }, Some(vec![2, 4, 6])),
        (
            EventFilter { recipient: Some(address(20)), ..none.clone() },
            Some(vec![3, 6, all.last().unwrap().0]),
        ),
        (EventFilter { kinds: cancelled.clone(), ..none.clone() }, Some(vec![all.last().unwrap().0])),
        (
            EventFilter { stream: Some(stream_id(3)), kinds: cancelled, ..none.clone() },
            Some(vec![all.last().unwrap().0]),
        ),
        (
            EventFilter { contract: Some(contract()), ..none.clone() },
            Some(all.iter().filter(|(_, id, _)| on_chain(id)).map(|(sequence, ..)| *sequence).collect()),
        ),
    ] {
        let expect: Vec<_> = all
            .iter()
            .filter(|(sequence, ..)| matches.as_ref().is_none_or(|matches| matches.contains(sequence)))
            .copied()
            .collect();
        for after in [0, 2, 3, u64::try_from(all.len()).unwrap()] {
            let expect: Vec<_> = expect.iter().filter(|(sequence, ..)| *sequence > after).copied().collect();
            for limit in [1, 2, 100] {
                let found = follow(store, &filter, Sequence(after), limit).await;
                assert_eq!(found, expect, "{filter:?} after {after} by {limit}");
            }
        }
    }
}

/// The event that says that a stream was removed reaches those who follow its parties, its contract or its id.
pub async fn events_of_a_removed_stream_stay_in_the_event_log(store: &impl Store) {
    let [chain, fork] = a_chain_and_a_fork();
    let rules = fluxora_indexer::Rules::default();
    store.ingest(chain, rules, t(1)).await.unwrap().unwrap();
    let parties = store.stream(&removed_stream()).await.unwrap().unwrap();
    store.ingest(fork, rules, t(2)).await.unwrap().unwrap();
    assert_eq!(store.stream(&removed_stream()).await.unwrap(), None);
    let none = EventFilter::default();
    for filter in [
        EventFilter { stream: Some(removed_stream()), ..none.clone() },
        EventFilter { contract: Some(contract()), ..none.clone() },
        EventFilter { sender: Some(parties.sender), ..none.clone() },
        EventFilter { recipient: Some(parties.recipient), ..none.clone() },
    ] {
        let found = follow(store, &filter, Sequence(0), 3).await;
        let kinds: Vec<_> =
            found.iter().filter(|(_, id, _)| *id == removed_stream()).map(|(.., kind)| *kind).collect();
        assert_eq!(kinds, [EventKind::Created, EventKind::Removed], "{filter:?}");
    }
}
