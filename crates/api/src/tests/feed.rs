//! The event feed: pages, long polls, and the answers that come before a stream begins.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;

use actix_web::body::{MessageBody, to_bytes};
use fluxora_auth::Role;
use fluxora_store::{EventFilter, EventLog, EventLogPage, KeyStore, Sequence};
use fluxora_supervise::{ShutdownToken, Worker};

use super::*;

async fn positions(server: &Server, path: &str) -> (Vec<u64>, Value) {
    let mut body = server.get(path).await.body;
    let events = body["events"].as_array().unwrap_or_else(|| panic!("{path}: {body}"));
    let found = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    body.as_object_mut().unwrap().remove("events");
    (found, body)
}

/// The text of a stream up to its end, which a stop of the feed brings about.
async fn stream_of(server: &Server, request: TestRequest) -> (http::header::HeaderMap, String) {
    server.feed.stop();
    let app = App::new().configure(|config| configure(config, &server.api)).wrap(from_fn(answer));
    let response = init_service(app).await.call(request.to_request()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    let body = to_bytes(response.into_body()).await.unwrap_or_else(|error| panic!("{error}"));
    (headers, String::from_utf8(body.to_vec()).unwrap())
}

#[actix_web::test]
async fn pages_follow_the_log_by_position() {
    let server = Server::new();
    for _ in 0..3 {
        server.create(json!({})).await;
    }
    let bounds = |next: u64, more: bool| json!({ "next": next, "hasMore": more, "head": 3, "oldest": 1 });
    assert_eq!(positions(&server, "/api/events?limit=2").await, (vec![1, 2], bounds(2, true)));
    assert_eq!(positions(&server, "/api/events?after=2&limit=2").await, (vec![3], bounds(3, false)));
    assert_eq!(positions(&server, "/api/events?after=3").await, (vec![], bounds(3, false)));
    assert_eq!(positions(&server, "/api/events?after=now").await, (vec![], bounds(3, false)));
    let one = server.get("/api/events?limit=1").await.body["events"][0].clone();
    let path = format!("/api/streams/{}/events", one["streamId"].as_str().unwrap());
    assert_eq!(server.get(&path).await.body["events"], json!([one]), "one shape in every list");
    assert_eq!(positions(&server, &format!("{path}?after=0")).await, (vec![1], bounds(3, false)));
}

#[actix_web::test]
async fn a_filter_leaves_events_out_and_still_advances() {
    let server = Server::new();
    let path = server.create(json!({})).await;
    server.send(TestRequest::delete().uri(&path)).await;
    let sender = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
    let recipient = "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H";
    let id = path.rsplit('/').next().unwrap().to_ascii_uppercase();
    for (query, expect) in [
        ("type=stream.cancelled".to_owned(), vec![2]),
        ("type=stream.created,stream.cancelled".to_owned(), vec![1, 2]),
        (format!("sender={sender}"), vec![1, 2]),
        (format!("sender={recipient}"), vec![]),
        (format!("recipient={recipient}&type=stream.created"), vec![1]),
        (format!("streamId={id}"), vec![1, 2]),
        ("streamId=01930000-0000-7000-8000-00000000ffff".to_owned(), vec![]),
        ("contractId=CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE".to_owned(), vec![]),
    ] {
        let (found, body) = positions(&server, &format!("/api/events?{query}")).await;
        assert_eq!((found, &body["next"]), (expect, &json!(2)), "{query}");
    }
}

#[actix_web::test]
async fn each_fault_of_a_request_has_its_code_before_a_stream_begins() {
    let server = Server::new();
    let path = server.create(json!({})).await;
    for (query, field, code) in [
        ("after=2", "after", "CURSOR_AHEAD"),
        ("after=99999999999999999999", "after", "INVALID_CURSOR"),
        ("after=-1", "after", "INVALID_CURSOR"),
        ("after=", "after", "INVALID_CURSOR"),
        ("after=1&after=1", "after", "DUPLICATE_FIELD"),
        ("wait=31", "wait", "INVALID_VALUE"),
        ("limit=0", "limit", "INVALID_VALUE"),
        ("limit=1001", "limit", "INVALID_VALUE"),
        ("type=created", "type", "INVALID_VALUE"),
        ("sender=me", "sender", "INVALID_ADDRESS"),
        ("contractId=me", "contractId", "INVALID_ADDRESS"),
        ("streamId=1", "streamId", "INVALID_VALUE"),
        ("cursor=1", "query", "UNKNOWN_FIELD"),
    ] {
        let answered = server.get(&format!("/api/events?{query}")).await;
        let detail = &answered.body["error"]["details"][0];
        assert_eq!(
            (&detail["field"], &detail["code"]),
            (&json!(field), &json!(code)),
            "{query}: {}",
            answered.body
        );
    }
    for (path, header, code) in [
        ("/api/events".to_owned(), "2", "CURSOR_AHEAD"),
        ("/api/events".to_owned(), "abc", "INVALID_CURSOR"),
        ("/api/events?limit=1".to_owned(), "1", "UNKNOWN_FIELD"),
        ("/api/events?wait=1".to_owned(), "1", "UNKNOWN_FIELD"),
        (format!("{path}/events?sender=x"), "1", "UNKNOWN_FIELD"),
    ] {
        for accept in ["text/event-stream", "application/x-ndjson"] {
            let request = TestRequest::get().uri(&path).insert_header(("accept", accept));
            let answered = server.send(request.insert_header(("last-event-id", header))).await;
            assert_eq!(answered.body["error"]["details"][0]["code"], code, "{path}: {}", answered.body);
        }
    }
    let unknown = "/api/streams/01930000-0000-7000-8000-00000000ffff/events";
    for request in [
        TestRequest::get().uri(unknown).insert_header(("accept", "text/event-stream")),
        TestRequest::get().uri(&format!("{unknown}?after=0")),
    ] {
        assert_eq!(server.send(request).await.status, StatusCode::NOT_FOUND);
    }
}

#[actix_web::test]
async fn a_long_poll_is_answered_by_the_next_commit_or_when_its_wait_is_over() {
    let server = Server::new();
    let (_stop, shutdown) = ShutdownToken::pair();
    let reader = actix_web::rt::spawn(server.feed.reader().run(shutdown));
    let path = server.create(json!({})).await;
    let poll = server.get("/api/events?after=1&wait=30&type=stream.cancelled");
    let cancel = async {
        server.create(json!({})).await;
        server.send(TestRequest::delete().uri(&path)).await
    };
    let (answered, _) = futures_util::future::join(poll, cancel).await;
    assert_eq!(answered.body["events"][0]["sequence"], 3, "{}", answered.body);
    assert_eq!((&answered.body["next"], &answered.body["hasMore"]), (&json!(3), &json!(false)));
    let (found, body) = positions(&server, "/api/events?after=3&wait=1").await;
    assert_eq!((found, &body["next"]), (vec![], &json!(3)));
    reader.abort();
}

#[actix_web::test]
async fn one_client_too_many_is_refused_and_pages_are_not() {
    let server = Server::new();
    let follow = || server.feed.subscribe(Sequence(0), EventFilter::default(), fluxora_feed::Form::Stream);
    let _clients = [follow().unwrap(), follow().unwrap()];
    for request in [
        TestRequest::get().uri("/api/events?wait=1"),
        TestRequest::get().uri("/api/events").insert_header(("accept", "text/event-stream")),
    ] {
        let answered = server.send(request).await;
        assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answered.body["error"]["code"], "FEED_FULL");
        assert_eq!(answered.headers.get("retry-after").unwrap(), "5");
    }
    assert_eq!(server.get("/api/events").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_stream_opens_with_its_position_and_ends_with_a_bye() {
    let server = Server::new();
    server.create(json!({})).await;
    let request = TestRequest::get().uri("/api/events").insert_header(("accept", "text/event-stream"));
    let (headers, text) = stream_of(&server, request.insert_header(("last-event-id", ""))).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store, no-transform"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(headers.get(name).unwrap(), value);
    }
    let hello = "retry: 3000\nevent: hello\nid: 1\ndata: {\"cursor\":1,\"head\":1,\"oldest\":1,";
    assert!(text.starts_with(hello), "{text}");
    assert!(
        text.ends_with("event: bye\nid: 1\ndata: {\"cursor\":1,\"reason\":\"restart\",\"retryMs\":1000}\n\n")
    );
    let request = TestRequest::get().uri("/api/events?after=0");
    let (headers, text) = stream_of(&server, request.insert_header(("accept", "application/x-ndjson"))).await;
    assert_eq!(headers.get("content-type").unwrap(), "application/x-ndjson");
    let types: Vec<_> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone()).collect();
    assert_eq!(types, ["feed.hello", "feed.bye"]);
}

#[actix_web::test]
async fn a_head_request_for_a_stream_is_answered_with_its_headers_alone() {
    let server = Server::new();
    let request = TestRequest::default().method(Method::HEAD).uri("/api/events");
    let answered = server.send(request.insert_header(("accept", "text/event-stream"))).await;
    assert_eq!(answered.headers.get("content-type").unwrap(), "text/event-stream");
    let head = TestRequest::default().method(Method::HEAD).uri("/api/events?wait=30");
    assert_eq!(server.send(head).await.status, StatusCode::OK);
}

/// The next frame of a stream as text; `None` at its end.
async fn next_frame(body: &mut (impl MessageBody<Error: fmt::Debug> + Unpin)) -> Option<String> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_next(cx)).await?;
    Some(String::from_utf8(frame.unwrap().to_vec()).unwrap())
}

#[actix_web::test]
async fn a_stream_ends_before_the_next_frame_once_its_credential_has_expired_or_was_revoked() {
    for (reads, is_key) in [
        (Reads::Public, false),
        (Reads::Authenticated, false),
        (Reads::Public, true),
        (Reads::Authenticated, true),
    ] {
        let store = Arc::new(Model::default());
        let server = access::with_reads(store.clone(), reads);
        let (_stop, shutdown) = ShutdownToken::pair();
        let reader = actix_web::rt::spawn(server.feed.reader().run(shutdown));
        let (id, credential) = match is_key {
            true => server.create_key(&json!({"name": "a", "role": "reader"})).await,
            false => (String::new(), access::token("acme", Role::Reader)),
        };
        let request = TestRequest::get().uri("/api/events").insert_header(("accept", "text/event-stream"));
        let request = request.insert_header(("authorization", format!("Bearer {credential}")));
        let app = App::new().configure(|config| configure(config, &server.api)).wrap(from_fn(answer));
        let response = init_service(app).await.call(request.to_request()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = response.into_body();
        assert!(next_frame(&mut body).await.unwrap().contains("event: hello"));
        let create = || {
            let request = TestRequest::post().uri("/api/streams").set_json(stream(json!({})));
            server.send(request.insert_header(("x-operator-token", access::SECRET)))
        };
        assert_eq!(create().await.status, StatusCode::CREATED);
        assert!(next_frame(&mut body).await.unwrap().contains("stream.created"), "{reads:?} {is_key}");
        if is_key {
            let id = fluxora_auth::KeyId::parse(&id).unwrap();
            store.revoke_key(id, server.clock.now()).await.unwrap();
            server.clock.advance(1);
        } else {
            server.clock.advance(3_600 + 60);
        }
        create().await;
        assert_eq!(next_frame(&mut body).await, None, "{reads:?} {is_key}");
        reader.abort();
    }
}

/// A log that begins at position 5 and ends at 9.
struct Trimmed;

#[async_trait]
impl EventLog for Trimmed {
    async fn events_after(
        &self,
        after: Sequence,
        _: &EventFilter,
        _: u32,
    ) -> Result<EventLogPage, StoreError> {
        Ok(EventLogPage { events: Vec::new(), next: after.max(Sequence(9)), head: Sequence(9) })
    }
    async fn head(&self) -> Result<Sequence, StoreError> {
        Ok(Sequence(9))
    }
    async fn oldest(&self) -> Result<Sequence, StoreError> {
        Ok(Sequence(5))
    }
}

#[actix_web::test]
async fn a_position_whose_events_are_not_kept_is_gone_for_pages_and_resynced_in_streams() {
    let server = Server::over(Arc::new(FailingStore::with_log(Trimmed)), Writes::Refused);
    for (after, status) in [(0, 410), (3, 410), (4, 200), (9, 200)] {
        let answered = server.get(&format!("/api/events?after={after}")).await;
        assert_eq!(answered.status.as_u16(), status, "{after}: {}", answered.body);
        if status == 410 {
            assert_eq!(answered.body["error"]["code"], "CURSOR_EXPIRED");
        }
    }
    for (after, is_resync) in [(3, true), (4, false)] {
        let request = TestRequest::get().uri("/api/events").insert_header(("accept", "text/event-stream"));
        let (_, text) = stream_of(&server, request.insert_header(("last-event-id", after.to_string()))).await;
        assert_eq!(text.contains("event: resync\nid: 9\n"), is_resync, "{text}");
        assert!(
            text.contains(&format!("event: hello\nid: {}\n", if is_resync { 9 } else { after })),
            "{text}"
        );
    }
}
