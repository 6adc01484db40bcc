//! Connections are reused, and a closed one costs no delivery.

use std::net::SocketAddr;
use std::time::Duration;

use super::receiver::{Names, Receiver, Script, found, write};
use super::{client, client_with, post};
use crate::Limits;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn requests_to_one_receiver_share_a_connection() {
    let receiver = Receiver::start(write(OK)).await;
    let client = client(Names::default());
    for _ in 0..20 {
        post(&client, &receiver.url()).await.unwrap();
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn the_timings_of_a_request_have_its_phases_and_those_of_a_reused_connection_have_none_of_them() {
    let receiver = Receiver::start(write(OK)).await;
    let client = client(Names::default().with("a.test", vec![found(&["127.0.0.1"])]));
    let target = client.policy().target(&format!("http://a.test:{}/", receiver.port())).unwrap();
    let address = Some(SocketAddr::from(([127, 0, 0, 1], receiver.port())));
    for is_reused in [false, true] {
        let (sent, timings) = client.post_timed(client.limits().total, &target, &[], "{}").await;
        assert_eq!((sent.unwrap().status.as_u16(), timings.address), (200, address));
        assert_eq!((timings.is_reused, timings.tls, timings.handshake), (is_reused, None, None));
        let phases = [timings.resolve, timings.connect, timings.first_byte].map(|time| time.is_some());
        assert_eq!(phases, [!is_reused, !is_reused, true]);
    }
}

#[tokio::test]
async fn a_connection_is_not_shared_by_two_names_of_one_address() {
    let receiver = Receiver::start(write(OK)).await;
    let names = Names::default()
        .with("a.test", vec![found(&["127.0.0.1"])])
        .with("b.test", vec![found(&["127.0.0.1"])]);
    let client = client(names);
    for name in ["a.test", "b.test", "a.test"] {
        post(&client, &format!("http://{name}:{}/", receiver.port())).await.unwrap();
    }
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_the_receiver_has_closed_is_replaced() {
    let receiver = Receiver::start(Script::WriteAndClose(OK.into())).await;
    let client = client(Names::default());
    for _ in 0..20 {
        // The close arrives at any moment: before, while and after the next request is written.
        drop(post(&client, &receiver.url()).await);
        tokio::task::yield_now().await;
    }
    let received = receiver.requests.lock().unwrap().len();
    assert!((10..=20).contains(&received), "{received}");
}

#[tokio::test]
async fn a_connection_whose_answer_was_cut_is_not_reused() {
    let receiver = Receiver::start(write(&format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 20000\r\n\r\n{}",
        "a".repeat(20_000)
    )))
    .await;
    let client = client(Names::default());
    for _ in 0..3 {
        post(&client, &receiver.url()).await.unwrap();
    }
    assert_eq!(receiver.connections(), 3);
}

#[tokio::test]
async fn a_connection_that_was_unused_for_too_long_is_not_reused() {
    let receiver = Receiver::start(write(OK)).await;
    let limits = Limits { idle: Duration::ZERO, ..Limits::default() };
    let client = client_with(Names::default(), "127.0.0.1:*", limits);
    for _ in 0..3 {
        post(&client, &receiver.url()).await.unwrap();
    }
    assert_eq!(receiver.connections(), 3);
}

#[tokio::test]
async fn no_more_connections_are_kept_than_the_limit() {
    let limits = Limits { idle_connections: 1, ..Limits::default() };
    let client = client_with(Names::default(), "127.0.0.1:*", limits);
    let (first, second) = (Receiver::start(write(OK)).await, Receiver::start(write(OK)).await);
    for receiver in [&first, &second, &first, &second] {
        post(&client, &receiver.url()).await.unwrap();
    }
    assert_eq!((first.connections(), second.connections()), (1, 2));
}
