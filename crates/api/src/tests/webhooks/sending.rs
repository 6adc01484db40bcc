//! The test request of an endpoint, over a real socket.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use fluxora_webhook::{Secret, UnixSeconds, Verifier};

use super::*;

/// A server that may send to one address of this machine.
fn server() -> Server {
    let unlimited = Limits::new(None, None, TrustedProxies::default(), RandomState::new());
    let policy = Policy { allowed: "127.0.0.2:*".parse().unwrap(), plain_http: true };
    Server::with_webhooks(Arc::new(Model::default()), Writes::Open, None, unlimited, Some(policy))
}

/// Answers one request with a status and a body. Returns the URL, and the head and the body of the request.
fn receiver(status: u16) -> (String, JoinHandle<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let receiving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4_096]);
        let (head, body) = loop {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "the request ends early");
            bytes.extend_from_slice(&buffer[..read]);
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length: usize = header(&head, "content-length").unwrap().parse().unwrap();
            if let Some(body) = bytes.get(end + 4..end + 4 + length) {
                break (head, body.to_vec());
            }
        };
        write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 7\r\n\r\nprivate").unwrap();
        (head, body)
    });
    (url, receiving)
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[actix_web::test]
async fn a_test_is_one_signed_request_whose_outcome_is_answered_without_what_the_receiver_wrote() {
    for (status, delivered, outcome) in [(204, true, "delivered"), (500, false, "http_status")] {
        let server = server();
        let (url, receiving) = receiver(status);
        let created =
            server.endpoint(json!({ "url": url, "secret": SECRET, "headers": { "x-a": "1" } })).await;
        let tested = server.act(&format!("{}/test", path(&created))).await;
        assert_eq!(tested.status, StatusCode::OK);
        let (head, body) = receiving.join().unwrap();
        let id = tested.body["deliveryId"].as_str().unwrap();
        assert_eq!(
            tested.body,
            json!({
                "deliveryId": id,
                "delivered": delivered,
                "outcome": outcome,
                "status": status,
                "startedAt": "2026-01-01T00:00:00.250Z",
                "durationMs": tested.body["durationMs"],
            })
        );
        assert_eq!(header(&head, "x-a"), Some("1"));
        assert_eq!(header(&head, "x-fluxora-event"), Some("webhook.test"));
        let headers: fluxora_webhook::HeaderFields = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name, value.as_bytes()))
            .collect();
        let verifier = Verifier::new(&Secret::new(SECRET).unwrap());
        verifier.verify(&headers, &body, UnixSeconds::new(START)).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let expect = json!({
            "delivery_id": id,
            "id": format!("evt_test_{id}"),
            "type": "webhook.test",
            "occurredAt": "2026-01-01T00:00:00.250Z",
            "data": {},
        });
        assert_eq!(body, expect);
        assert_eq!(server.get(DELIVERIES).await.body["deliveries"], json!([]), "a test is not kept");
    }
}

#[actix_web::test]
async fn a_receiver_that_cannot_be_reached_is_an_outcome() {
    let server = server();
    let closed = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    for (url, outcome) in
        [(format!("http://{closed}/"), "connect"), ("https://receiver.invalid/".to_owned(), "dns")]
    {
        let created = server.endpoint(json!({ "url": url })).await;
        let tested = server.act(&format!("{}/test", path(&created))).await.body;
        assert_eq!((&tested["delivered"], &tested["outcome"]), (&json!(false), &json!(outcome)), "{url}");
        assert_eq!(tested["status"], json!(null));
    }
}

#[actix_web::test]
async fn a_paused_endpoint_can_be_tested() {
    let server = server();
    let (url, receiving) = receiver(200);
    let created = path(&server.endpoint(json!({ "url": url })).await);
    server.act(&format!("{created}/pause")).await;
    assert_eq!(server.act(&format!("{created}/test")).await.body["delivered"], true);
    receiving.join().unwrap();
    assert_eq!(server.get(&created).await.body["status"], "paused");
}
