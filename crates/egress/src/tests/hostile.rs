//! A receiver cannot hold a request, grow the memory or choose where it goes.

use std::time::Duration;

use super::receiver::{Names, Receiver, Script, write};
use super::{client, post};
use crate::{Response, SendError};

async fn answer(script: Script) -> (Result<Response, SendError>, Receiver) {
    let receiver = Receiver::start(script).await;
    (post(&client(Names::default()), &receiver.url()).await, receiver)
}

#[track_caller]
fn check_status(sent: &Result<Response, SendError>, status: u16, body: &str, is_whole: bool) {
    let response = sent.as_ref().unwrap();
    let read = String::from_utf8_lossy(&response.body);
    assert_eq!((response.status.as_u16(), read.as_ref(), response.is_whole), (status, body, is_whole));
}

#[tokio::test]
async fn the_request_is_what_was_asked_for() {
    let (sent, receiver) = answer(write("HTTP/1.1 204 No Content\r\n\r\n")).await;
    check_status(&sent, 204, "", true);
    let request = receiver.requests.lock().unwrap().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    let mut expect = vec![
        "POST /hook?a=b HTTP/1.1".to_owned(),
        format!("host: 127.0.0.1:{}", receiver.port()),
        "accept-encoding: identity".to_owned(),
        "x-test: 1".to_owned(),
        "content-length: 2".to_owned(),
    ];
    expect.sort_unstable();
    assert_eq!((lines, body), (expect, "{}"));
}

#[tokio::test]
async fn every_status_is_an_answer_and_no_redirect_is_followed() {
    for status in [200, 201, 202, 204, 299, 300, 304, 400, 401, 404, 408, 409, 410, 425, 429, 500, 503] {
        let (sent, _receiver) =
            answer(write(&format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"))).await;
        check_status(&sent, status, "", true);
    }
    for status in [301, 302, 307, 308] {
        let elsewhere = Receiver::start(write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
        let location = format!("location: {}\r\ncontent-length: 0", elsewhere.url());
        let (sent, _receiver) = answer(write(&format!("HTTP/1.1 {status} X\r\n{location}\r\n\r\n"))).await;
        check_status(&sent, status, "", true);
        assert_eq!(elsewhere.connections(), 0);
    }
}

#[tokio::test]
async fn a_body_beyond_16_kib_is_cut_and_its_connection_closed() {
    let endless = Script::Repeat(b"HTTP/1.1 200 OK\r\n\r\n".into(), vec![b'a'; 1 << 16]);
    let (sent, _receiver) = answer(endless).await;
    check_status(&sent, 200, &"a".repeat(16_384), false);
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n{}", "a".repeat(20_000));
    let (sent, _receiver) = answer(Script::Hang(long.into())).await;
    check_status(&sent, 200, &"a".repeat(16_384), false);
    let exact = format!("HTTP/1.1 200 OK\r\ncontent-length: 16384\r\n\r\n{}", "a".repeat(16_384));
    let (sent, _receiver) = answer(write(&exact)).await;
    check_status(&sent, 200, &"a".repeat(16_384), true);
}

#[tokio::test]
async fn a_compressed_body_is_not_decompressed() {
    let gzip = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd";
    check_status(&answer(write(gzip)).await.0, 200, "abcd", true);
}

#[tokio::test]
async fn a_body_that_hangs_or_drips_does_not_undo_the_status() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n";
    let (sent, _receiver) = answer(Script::Hang(format!("{head}ab").into())).await;
    check_status(&sent, 200, "ab", false);
    let (sent, _receiver) = answer(Script::Drip(head.into(), vec![b'a'; 100])).await;
    assert!(sent.is_ok_and(|response| response.status == 200 && !response.is_whole));
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_head_does_not_undo_the_status() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nab".to_vec();
    for script in [Script::WriteAndClose(head.clone()), Script::WriteAndReset(head)] {
        let (sent, _receiver) = answer(script).await;
        // A reset may overtake the bytes that were written before it.
        assert!(
            matches!(&sent, Ok(response) if response.status == 200)
                || sent.is_err_and(|e| e == SendError::Broken)
        );
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_head_is_broken() {
    for script in [
        Script::WriteAndClose(Vec::new()),
        Script::WriteAndReset(Vec::new()),
        Script::WriteAndClose(b"HTTP/1.1 200 OK\r\n".to_vec()),
    ] {
        assert_eq!(answer(script).await.0.unwrap_err(), SendError::Broken);
    }
}

#[tokio::test]
async fn a_head_that_hangs_or_drips_is_a_timeout() {
    for script in [
        Script::Hang(Vec::new()),
        Script::Hang(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Script::Hang(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Script::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-header: value\r\n".repeat(50)),
    ] {
        let started = tokio::time::Instant::now();
        assert_eq!(answer(script).await.0.unwrap_err(), SendError::Timeout);
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_head_beyond_its_limits_is_invalid() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(40_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(65));
    for head in
        [long.as_str(), many.as_str(), "SMTP ready\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "\0\0\0\0\r\n\r\n"]
    {
        assert_eq!(answer(write(head)).await.0.unwrap_err(), SendError::InvalidResponse);
    }
}

#[tokio::test]
async fn informational_answers_are_skipped_up_to_a_limit() {
    let hint = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    check_status(&answer(write(&format!("{}{ok}", hint.repeat(100)))).await.0, 200, "ok", true);
    let endless = Script::Repeat(Vec::new(), hint.repeat(100).into());
    assert_eq!(answer(endless).await.0.unwrap_err(), SendError::InvalidResponse);
}

#[tokio::test]
async fn an_answer_of_http_1_0_and_one_without_a_length_are_read_to_their_end() {
    for head in ["HTTP/1.0 200 OK", "HTTP/1.1 200 OK"] {
        let script = Script::WriteAndClose(format!("{head}\r\n\r\nok").into());
        check_status(&answer(script).await.0, 200, "ok", true);
    }
}

#[tokio::test]
async fn a_header_that_breaks_lines_is_never_written() {
    let receiver = Receiver::start(write("HTTP/1.1 200 OK\r\n\r\n")).await;
    let client = client(Names::default());
    let target = client.policy().target(&receiver.url()).unwrap();
    for (name, value) in
        [("x", "a\r\nhost: evil"), ("x", "a\nb"), ("x", "a\0"), ("x\r\ny", "a"), ("", "a"), ("x y", "a")]
    {
        let sent = client.post(&target, &[(name, value)], "").await;
        assert_eq!(sent.unwrap_err(), SendError::InvalidRequest);
    }
    assert_eq!(receiver.connections(), 0);
}
