//! How often a batch waits for the server.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// So often everything else on the thread has its turn, and the sockets are looked at, before the store counts as silent.
const SILENCE: usize = 100;
/// The channel of `LISTEN` and `NOTIFY`.
const NOTIFIED: &[u8] = b"fluxora_events";
/// What a fresh connection asks first.
const OPENED: &[u8] = b"SHOW transaction_read_only";

/// Stands between a store and its server, and counts how often the store speaks after the server has spoken. Opening a
/// connection and announcing a commit on the connection that is kept for it do not count: no batch waits for them.
async fn counting(server: u16, turns: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            tokio::spawn(relay(client, server, Arc::clone(&turns)));
        }
    });
    port
}

/// Whether a batch may wait for the answer: neither the start of a connection nor a notification.
fn is_of_a_batch(message: &[u8]) -> bool {
    let has = |text: &[u8]| message.windows(text.len()).any(|part| part == text);
    !has(NOTIFIED) && !has(OPENED) && !matches!(message.first(), Some(0 | b'p'))
}

async fn relay(mut client: TcpStream, mut server: TcpStream, turns: Arc<AtomicUsize>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut answers = true;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                let is_turn = std::mem::take(&mut answers) && is_of_a_batch(&asked[..read]);
                turns.fetch_add(usize::from(is_turn), Ordering::Relaxed);
                server.write_all(&asked[..read]).await.unwrap();
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                // The answer is held until the store has said all that it says without it.
                let mut silence = 0;
                while silence < SILENCE {
                    silence += 1;
                    if let Ok(said @ 1..) = client.try_read(&mut asked) {
                        silence = 0;
                        let is_turn = std::mem::take(&mut answers) && is_of_a_batch(&asked[..said]);
                        turns.fetch_add(usize::from(is_turn), Ordering::Relaxed);
                        server.write_all(&asked[..said]).await.unwrap();
                    }
                    tokio::task::yield_now().await;
                }
                answers = true;
                client.write_all(&answered[..read]).await.unwrap();
            }
        }
    }
}

/// On one thread, so that what is sent together leaves together.
#[tokio::test(flavor = "current_thread")]
async fn a_batch_of_new_ledgers_takes_four_round_trips_however_many_events_it_has() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let turns = Arc::new(AtomicUsize::new(0));
    let port = counting(cluster.port(), Arc::clone(&turns)).await;
    let [from, to] = [cluster.port(), port].map(|port| format!(":{port}/"));
    let location = Location::parse(&database.url().replace(&from, &to)).unwrap();
    let store = PostgresStore::open(&location, patient()).await.unwrap();
    let first = |ledger: u32, streams: u32| {
        (0..streams).map(|n| created(ledger, n, u64::from(ledger * 100 + n))).collect()
    };
    let next = |ledger: u32, streams: u32| {
        (0..streams).map(|n| withdrew(ledger + 3, n, u64::from(ledger * 100 + n), 1)).collect()
    };
    // Statements are prepared once.
    push(&store, "a", first(10, 3)).await;
    push(&store, "a", next(10, 3)).await;
    for streams in [1, 100] {
        let ledger = 20 + streams;
        for events in [first(ledger, streams), next(ledger, streams)] {
            let before = turns.load(Ordering::Relaxed);
            push(&store, "a", events).await;
            assert_eq!(turns.load(Ordering::Relaxed) - before, 4, "{streams}");
        }
    }
}
