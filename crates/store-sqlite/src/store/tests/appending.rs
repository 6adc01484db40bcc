//! The hint that wakes the reader of the event log.

use std::time::Duration;

use super::*;

/// Whether the wait for appended events ends.
async fn is_woken(store: &SqliteStore) -> bool {
    tokio::time::timeout(Duration::from_millis(1), store.appended()).await.is_ok()
}

#[tokio::test]
async fn a_commit_that_appends_wakes_a_reader_that_waits_later_and_a_read_does_not() {
    let store = SqliteStore::open(&Location::Memory, Options::default()).unwrap();
    assert!(!is_woken(&store).await);
    store.create_stream(create(1)).await.unwrap();
    assert!(is_woken(&store).await, "the commit came before the wait");
    assert!(!is_woken(&store).await, "one commit wakes once");
    store.stream(&id(1)).await.unwrap();
    assert!(!is_woken(&store).await);
    store.record_due(Timestamp::MAX, 10).await.unwrap();
    assert!(is_woken(&store).await);
}
