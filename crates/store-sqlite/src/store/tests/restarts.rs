//! What was acknowledged is there when the file is opened again.

use super::*;

impl Kept {
    async fn closed_and_opened_again(self) -> Self {
        self.close().await;
        self.dropped_and_opened_again()
    }

    fn dropped_and_opened_again(self) -> Self {
        let Self { store, folder } = self;
        drop(store);
        let store =
            SqliteStore::open(&Location::File(folder.path().join("fluxora.db")), Options::default()).unwrap();
        Self { store, folder }
    }
}

#[tokio::test]
async fn streams_and_their_events_outlive_the_store() {
    let store = Kept::open(Options::default());
    store.put(1..=3).await;
    store.record_due(t(20), 10).await.unwrap();
    let cancelled = store.cancel_stream(&id(2), fluxora_store::still(t(30))).await.unwrap();
    let listed = store.list_streams(&page(None, 10)).await.unwrap();
    let history = store.stream_events(&id(2), 0, 100).await.unwrap().unwrap().events;
    let store = store.closed_and_opened_again().await;
    assert_eq!(store.list_streams(&page(None, 10)).await.unwrap(), listed);
    assert_eq!(store.stream_events(&id(2), 0, 100).await.unwrap().unwrap().events, history);
    assert_eq!(store.stream(&id(2)).await.unwrap().map(Outcome::Done), Some(cancelled));
}

#[tokio::test]
async fn a_keyed_request_is_answered_as_before_by_a_store_opened_again() {
    let store = Kept::open(Options::default());
    let request = keyed(1, "a-key");
    assert_eq!(store.create_stream(request.clone()).await.unwrap(), Created::Done);
    let store = store.closed_and_opened_again().await;
    let again = CreateStream { keyed: request.keyed.clone(), ..create(2) };
    let answer = request.keyed.unwrap().response;
    assert_eq!(store.create_stream(again).await.unwrap(), Created::Replayed(answer));
    assert!(!store.has(2).await);
}

#[tokio::test]
async fn a_store_that_is_dropped_without_closing_loses_nothing() {
    let mut store = Kept::open(Options::default());
    for round in 0..5 {
        store.put([round]).await;
        store = store.dropped_and_opened_again();
        for n in 0..=round {
            assert!(store.has(n).await, "stream {n} after round {round}");
        }
    }
}

/// The state that a killed process leaves: the file and its log, copied while the store is at work.
#[tokio::test]
async fn what_is_acknowledged_is_in_the_files_at_that_moment() {
    let store = Kept::open(Options::default());
    store.put(1..=10).await;
    let copy = tempfile::tempdir().unwrap();
    for name in ["fluxora.db", "fluxora.db-wal"] {
        std::fs::copy(store.folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let location = Location::File(copy.path().join("fluxora.db"));
    let found = SqliteStore::open(&location, Options::default()).unwrap();
    for n in 1..=10 {
        assert_eq!(found.stream(&id(n)).await.unwrap(), store.stream(&id(n)).await.unwrap());
    }
}
