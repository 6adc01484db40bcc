//! What a name resolves to decides whether anything is connected to.

use std::net::{IpAddr, Ipv4Addr};

use super::receiver::{Answer, Names, Receiver, found, write};
use super::{client, client_with, post};
use crate::{AddressKind, Limits, SendError};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Sends to `receiver.test`, whose addresses these are, at the port of a receiver that must not be reached.
async fn check_unreached(answer: Answer, allowed: &str, expect: SendError) {
    let receiver = Receiver::start(write(OK)).await;
    let client =
        client_with(Names::default().with("receiver.test", vec![answer]), allowed, Limits::default());
    let sent = post(&client, &format!("http://receiver.test:{}/", receiver.port())).await;
    assert_eq!(sent.unwrap_err(), expect);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_name_with_a_blocked_address_is_not_connected_to() {
    for (address, kind) in [
        ("127.0.0.1", AddressKind::Loopback),
        ("169.254.169.254", AddressKind::LinkLocal),
        ("::1", AddressKind::Loopback),
        ("::ffff:127.0.0.1", AddressKind::Loopback),
        ("64:ff9b::7f00:1", AddressKind::Translated),
        ("fd00::1", AddressKind::Private),
    ] {
        check_unreached(found(&[address]), "", SendError::Blocked(kind)).await;
    }
}

#[tokio::test]
async fn one_blocked_address_beside_an_open_one_refuses_the_name() {
    for addresses in [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "fe80::1"]] {
        let kind = if addresses[1] == "fe80::1" { AddressKind::LinkLocal } else { AddressKind::Private };
        check_unreached(found(&addresses), "127.0.0.0/8:*", SendError::Blocked(kind)).await;
    }
}

#[tokio::test]
async fn a_name_without_addresses_or_with_too_many_does_not_resolve() {
    let many = (0..512).map(|n: u32| IpAddr::V4(Ipv4Addr::from_bits(0x7f00_0001 + n))).collect();
    for answer in [Answer::Failed, Answer::Found(Vec::new()), Answer::Found(many)] {
        check_unreached(answer, "127.0.0.0/8:*", SendError::Resolve).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_hangs_is_given_up() {
    check_unreached(Answer::Hangs, "127.0.0.0/8:*", SendError::ResolveTimeout).await;
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_at_each_connection() {
    let receiver = Receiver::start(write(OK)).await;
    let answers = vec![found(&["127.0.0.1"]), found(&["10.0.0.1"]), found(&["127.0.0.1"])];
    let client =
        client_with(Names::default().with("receiver.test", answers), "127.0.0.1:*", Limits::default());
    let url = format!("http://receiver.test:{}/", receiver.port());
    assert!(post(&client, &url).await.is_ok());
    assert_eq!(post(&client, &url).await.unwrap_err(), SendError::Blocked(AddressKind::Private));
    assert!(post(&client, &url).await.is_ok());
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn an_address_that_refuses_leaves_the_next_one_to_be_tried() {
    let receiver = Receiver::start(write(OK)).await;
    let names = Names::default().with("receiver.test", vec![found(&["127.0.0.9", "127.0.0.1"])]);
    assert!(post(&client(names), &format!("http://receiver.test:{}/", receiver.port())).await.is_ok());
}

#[tokio::test]
async fn a_closed_port_is_a_failed_connection() {
    let port = {
        let receiver = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        receiver.local_addr().unwrap().port()
    };
    let sent = post(&client(Names::default()), &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(sent.unwrap_err(), SendError::Connect);
}
