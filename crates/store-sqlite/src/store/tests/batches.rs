//! Units that are committed together: a failed unit does not affect the others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::Notify;

use super::*;

/// Blocks the writer. Units queued during that time make the next batch.
struct Gate {
    entered: Arc<Notify>,
    opened: Receiver<()>,
}

fn gate() -> (Gate, Sender<()>) {
    let (open, opened) = channel();
    (Gate { entered: Arc::new(Notify::new()), opened }, open)
}

impl Kept {
    /// Runs `meanwhile` while the writer is blocked, until it drops or uses the sender.
    async fn held_up<T>(&self, gate: Gate, meanwhile: impl Future<Output = T>) -> T {
        let Gate { entered, opened } = gate;
        let inside = Arc::clone(&entered);
        let hold = self.writer.run(move |_| {
            inside.notify_one();
            opened.recv().ok();
            Ok(())
        });
        let (held, answer) = tokio::join!(hold, async {
            entered.notified().await;
            meanwhile.await
        });
        held.unwrap();
        answer
    }
}

fn defect() -> StoreError {
    StoreError::Internal { reason: "meant to".to_owned(), source: None }
}

#[tokio::test]
async fn a_unit_that_fails_does_not_undo_its_neighbours() {
    let store = Kept::open(Options::default());
    let (gate, open) = gate();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let answers = store
        .held_up(gate, async {
            tokio::join!(
                biased;
                store.create_stream(create(1)),
                store.writer.run(move |connection| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    streams::create(connection, &create(2))
                }),
                store.writer.run(|connection| {
                    streams::create(connection, &create(3))?;
                    Err::<(), _>(defect())
                }),
                store.create_stream(create(4)),
                async { drop(open) },
            )
        })
        .await;
    assert!(matches!(answers.0, Ok(Created::Done)), "{:?}", answers.0);
    assert!(matches!(answers.1, Ok(Created::Done)), "{:?}", answers.1);
    assert!(matches!(answers.2, Err(StoreError::Internal { .. })), "{:?}", answers.2);
    assert!(matches!(answers.3, Ok(Created::Done)), "{:?}", answers.3);
    assert_eq!(runs.load(Ordering::Relaxed), 2, "they were one batch, which was run once more");
    for (n, expect) in [(1, true), (2, true), (3, false), (4, true)] {
        assert_eq!(store.has(n).await, expect, "stream {n}");
    }
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_unit_that_panics_fails_alone_and_the_writer_goes_on() {
    let store = Kept::open(Options::default());
    let (gate, open) = gate();
    let (first, panicked, last, ()) = store
        .held_up(gate, async {
            tokio::join!(
                biased;
                store.create_stream(create(1)),
                store.writer.run(|connection| -> Result<(), _> {
                    streams::create(connection, &create(2))?;
                    panic!("meant to")
                }),
                store.create_stream(create(3)),
                async { drop(open) },
            )
        })
        .await;
    assert!(matches!(panicked, Err(StoreError::Internal { .. })), "{panicked:?}");
    assert_eq!((first.unwrap(), last.unwrap()), (Created::Done, Created::Done));
    assert!(!store.has(2).await);
    store.put([4]).await;
}

#[tokio::test]
async fn a_unit_is_committed_also_when_its_caller_has_gone_away() {
    let store = Kept::open(Options::default());
    let (gate, open) = gate();
    store
        .held_up(gate, async {
            tokio::select! {
                biased;
                _ = store.create_stream(create(1)) => unreachable!("the writer is held up"),
                () = async {} => {}
            }
            drop(open);
        })
        .await;
    store.put([2]).await;
    assert!(store.has(1).await);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let store = Kept::open(Options { queue: 2, ..Options::default() });
    let (gate, open) = gate();
    let (first, second, ()) = store
        .held_up(gate, async {
            tokio::join!(
                biased;
                store.create_stream(create(1)),
                store.create_stream(create(2)),
                async {
                    let refused = store.create_stream(create(3)).await;
                    assert!(matches!(refused, Err(StoreError::Overloaded)), "{refused:?}");
                    drop(open);
                },
            )
        })
        .await;
    assert_eq!((first.unwrap(), second.unwrap()), (Created::Done, Created::Done));
    assert!(!store.has(3).await);
    store.put([3]).await;
}

#[tokio::test]
async fn closing_finishes_what_is_queued_and_refuses_what_comes_later() {
    let store = Kept::open(Options { batch: 1, ..Options::default() });
    let (gate, open) = gate();
    let (first, second, (), ()) = store
        .held_up(gate, async {
            tokio::join!(
                biased;
                store.create_stream(create(1)),
                store.create_stream(create(2)),
                store.close(),
                async { drop(open) },
            )
        })
        .await;
    assert_eq!((first.unwrap(), second.unwrap()), (Created::Done, Created::Done));
    assert_unavailable(store.create_stream(create(3)).await);
    assert_unavailable(store.cancel_stream(&id(1), fluxora_store::still(t(1))).await);
    assert_unavailable(store.record_due(t(1), 1).await);
    assert_unavailable(store.stream(&id(1)).await);
    assert_unavailable(store.count_streams(&StreamFilter::default(), UnixTime::EPOCH).await);
    assert_unavailable(store.check().await);
    store.close().await;
    let files: Vec<_> =
        std::fs::read_dir(store.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["fluxora.db"], "nothing lies beside the database");
}

#[tokio::test]
async fn more_records_than_one_unit_deletes_are_deleted() {
    let store = Kept::open(Options::default());
    let many = u64::from(DELETED_AT_ONCE) + 1;
    let all = (0..many).map(|n| {
        let store = &store;
        async move { store.create_stream(keyed(n, &format!("key-{n}"))).await.unwrap() }
    });
    futures_util::future::join_all(all.take(1_000)).await;
    for n in 1_000..many {
        store.create_stream(keyed(n, &format!("key-{n}"))).await.unwrap();
    }
    assert_eq!(store.delete_expired_idempotency_records(t(1)).await.unwrap(), many);
    assert_eq!(store.delete_expired_idempotency_records(t(1)).await.unwrap(), 0);
}

/// A clock that is moved on by hand.
struct ManualClock(std::sync::Mutex<Timestamp>);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[tokio::test]
async fn what_streams_while_a_cancellation_waits_stays_streamed() {
    let store = Kept::open(Options::default());
    store.create_stream(create(1)).await.unwrap();
    let clock = Arc::new(ManualClock(std::sync::Mutex::new(t(10))));
    let (gate, open) = gate();
    let cancelled = store
        .held_up(gate, async {
            let id = id(1);
            let (cancelled, ()) = tokio::join!(biased; store.cancel_stream(&id, clock.clone()), async {
                *clock.0.lock().unwrap() = t(13);
                drop(open);
            });
            cancelled
        })
        .await;
    let Outcome::Done(stream) = cancelled.unwrap() else { panic!("an active stream can be cancelled") };
    assert_eq!(stream.status, fluxora_stream::Status::Cancelled { at: t(13) });
}
