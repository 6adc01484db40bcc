use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::sleep;

use super::*;
use crate::metrics::ConnectionMetrics;

const HEAD: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
/// The bytes that the kernel would take before the peer reads.
const ROOM: usize = 64;
/// Well beyond every time limit of a connection.
const LONG: Duration = Duration::from_secs(600);

fn registry_of(open: usize) -> Rc<Registry> {
    Registry::new(Bounds { open, reserved: 1 }, Arc::default())
}

/// What one more connection counts as, for a moment.
fn next(registry: &Rc<Registry>) -> Option<Class> {
    registry.open().map(|connection| connection.class.get())
}

/// The two ends of a connection.
fn connect(registry: &Rc<Registry>) -> (GuardedStream<DuplexStream>, DuplexStream) {
    let (here, there) = duplex(ROOM);
    (GuardedStream::open(here, registry).unwrap(), there)
}

/// A connection whose request is being answered.
async fn asked(registry: &Rc<Registry>) -> (GuardedStream<DuplexStream>, DuplexStream) {
    let (mut server, mut client) = connect(registry);
    client.write_all(HEAD).await.unwrap();
    let mut head = [0; HEAD.len()];
    server.read_exact(&mut head).await.unwrap();
    server.connection().begin(Body::NONE);
    (server, client)
}

/// Writes an answer and reports how long that took, and whether it succeeded.
async fn answer(server: &mut GuardedStream<DuplexStream>, bytes: &[u8]) -> (Duration, bool) {
    let began = tokio::time::Instant::now();
    let written = async {
        server.write_all(bytes).await?;
        server.flush().await
    };
    let written: std::io::Result<()> = written.await;
    (began.elapsed(), written.is_ok())
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_being_flushed_is_not_cut_for_another_connection() {
    let registry = registry_of(1);
    let (mut server, mut client) = asked(&registry).await;
    let connection = server.connection();
    // Everything was handed over; the peer has not read.
    connection.answered();
    let flush = async { answer(&mut server, &[b'a'; 4 * ROOM]).await.1 };
    let read = async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(next(&registry), Some(Class::Reserved), "nothing can be closed for it");
        let mut answer = [0; 4 * ROOM];
        client.read_exact(&mut answer).await.is_ok()
    };
    assert_eq!(tokio::join!(flush, read), (true, true));
    assert_eq!(next(&registry), Some(Class::Open), "the connection waits for its next request");
    assert_eq!(connection.phase.get(), Phase::Evicted);
    assert!(server.read_u8().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_waits_longest_is_closed_first() {
    let registry = registry_of(2);
    let (mut first, _client) = connect(&registry);
    let (_second, _other) = connect(&registry);
    assert_eq!(next(&registry), Some(Class::Open));
    assert_eq!(first.read_u8().await.unwrap_err().kind(), std::io::ErrorKind::ConnectionAborted);
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_those_for_probes_are_refused() {
    let registry = registry_of(2);
    let _asked = (asked(&registry).await, asked(&registry).await);
    let reserved = registry.open().unwrap();
    assert_eq!(reserved.class.get(), Class::Reserved);
    assert_eq!(next(&registry), None);
    drop(reserved);
    assert_eq!(next(&registry), Some(Class::Reserved));
}

#[tokio::test(start_paused = true)]
async fn connections_are_counted_in_the_class_that_they_have() {
    let metrics = Arc::<ConnectionMetrics>::default();
    let registry = Registry::new(Bounds { open: 2, reserved: 1 }, Arc::clone(&metrics));
    let open = || metrics.open().map(|(_, count)| count).collect::<Vec<_>>();
    let (first, second) = (asked(&registry).await, asked(&registry).await);
    let reserved = registry.open().unwrap();
    assert_eq!(open(), [2, 1, 0]);
    assert!(registry.open().is_none());
    assert_eq!((metrics.refused(), metrics.evicted()), (1, 0));
    first.0.connection().follow();
    assert_eq!(open(), [1, 1, 1]);
    drop((first, second, reserved));
    assert_eq!(open(), [0, 0, 0]);
    let _waiting = (connect(&registry), connect(&registry));
    let _newest = connect(&registry);
    assert_eq!((metrics.refused(), metrics.evicted()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_client_of_the_feed_leaves_its_place_to_others_and_counts_again_after_its_answer() {
    let registry = registry_of(1);
    let (mut server, _client) = asked(&registry).await;
    server.connection().follow();
    let (_other, _its_client) = asked(&registry).await;
    assert_eq!(next(&registry), Some(Class::Reserved));
    server.connection().answered();
    assert!(answer(&mut server, b"the last event").await.1);
    drop(server);
    assert_eq!(next(&registry), Some(Class::Reserved), "the other connection counts");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_lasts_while_its_peer_reads() {
    let registry = registry_of(1);
    let (mut server, mut client) = asked(&registry).await;
    let frames = async {
        for _ in 0..40 {
            sleep(Duration::from_secs(15)).await;
            assert!(answer(&mut server, b": heartbeat\n\n").await.1);
        }
        drop(server);
    };
    let mut read = Vec::new();
    tokio::join!(frames, async { client.read_to_end(&mut read).await.unwrap() });
    assert_eq!(read.len(), 40 * b": heartbeat\n\n".len());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_long_to_begin_is_not_cut() {
    let registry = registry_of(1);
    let (mut server, mut client) = asked(&registry).await;
    let mut byte = [0];
    tokio::select! {
        read = server.read(&mut byte) => panic!("nothing is passed on: {read:?}"),
        () = sleep(LONG) => {}
    }
    assert!(answer(&mut server, b"late").await.1);
    let mut answer = [0; 4];
    client.read_exact(&mut answer).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_cut_after_ten_seconds() {
    let registry = registry_of(1);
    let (mut server, _client) = asked(&registry).await;
    let (took, is_written) = answer(&mut server, &[b'a'; 4 * ROOM]).await;
    assert!(!is_written);
    assert_eq!(took.as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_byte_by_byte_is_cut_after_a_minute() {
    let registry = registry_of(1);
    let (mut server, mut client) = asked(&registry).await;
    let drip = async {
        loop {
            sleep(Duration::from_secs(2)).await;
            client.read_u8().await.unwrap();
        }
    };
    tokio::select! {
        (took, is_written) = answer(&mut server, &[b'a'; 4 * ROOM]) => {
            assert!(!is_written);
            assert!((60..=62).contains(&took.as_secs()), "{took:?}");
        }
        () = drip => {}
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_sees_that_its_peer_has_gone() {
    let registry = registry_of(1);
    let (mut server, client) = asked(&registry).await;
    drop(client);
    let mut byte = [0];
    assert_eq!(server.read(&mut byte).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_next_request_is_read_after_the_answer() {
    let registry = registry_of(1);
    let (mut server, mut client) = asked(&registry).await;
    client.write_all(HEAD).await.unwrap();
    let mut head = [0; HEAD.len()];
    tokio::select! {
        _ = server.read(&mut head) => panic!("the first request is not answered"),
        () = sleep(LONG) => {}
    }
    server.connection().answered();
    assert!(answer(&mut server, b"answer").await.1);
    server.read_exact(&mut head).await.unwrap();
    assert_eq!(head, HEAD);
}
