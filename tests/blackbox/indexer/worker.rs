use serde_json::{Value, json};

use super::{EVENTS, OPERATOR_TOKEN, REWIND, WORKER_TOKEN};
use crate::http::{Connection, Request, Response};
use crate::server::TestServer;

/// Who pushes contract events, and reads what became of them.
pub(super) struct Worker {
    connection: Connection,
}

/// A push with these bytes as its body.
pub(crate) fn push(body: impl Into<Vec<u8>>) -> Request {
    Request::post(EVENTS, body).header("x-indexer-worker-token", WORKER_TOKEN)
}

/// A request for stored events.
pub(super) fn events(query: &str) -> Request {
    let target = format!("/internal/indexer/events?{query}");
    Request::get(&target).header("x-indexer-worker-token", WORKER_TOKEN)
}

pub(super) fn rewind(body: &Value) -> Request {
    Request::post(REWIND, body.to_string()).header("x-operator-token", OPERATOR_TOKEN)
}

impl Worker {
    pub(super) fn of(server: &TestServer) -> Self {
        Self { connection: server.connect() }
    }

    #[track_caller]
    pub(super) fn send(&mut self, request: &Request) -> Response {
        self.connection.send(request).unwrap_or_else(|error| panic!("{error} for {request:?}"))
    }

    /// Pushes a batch, which must be taken.
    #[track_caller]
    pub(super) fn push(&mut self, batch: &Value) -> Value {
        let answer = self.send(&push(batch.to_string())).expect(200);
        assert_eq!(answer["outcome"], "persisted", "{answer}");
        answer
    }

    /// Undoes every ledger after this one.
    #[track_caller]
    pub(super) fn rewind(&mut self, to_ledger: u32) -> Value {
        let reason = "a test goes on with another chain";
        self.send(&rewind(&json!({ "toLedger": to_ledger, "reason": reason }))).expect(200)
    }

    #[track_caller]
    pub(super) fn get(&mut self, target: &str) -> Value {
        self.send(&Request::get(target)).expect(200)
    }

    /// A stream at the second `at`.
    #[track_caller]
    pub(super) fn stream(&mut self, id: &str, at: u64) -> Value {
        self.get(&format!("/api/streams/{id}?at={at}"))
    }

    /// The ids of all chain streams, in order.
    #[track_caller]
    pub(super) fn stream_ids(&mut self) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/api/streams?origin=chain&limit=100{cursor}"));
            ids.extend(page["streams"].as_array().unwrap().iter().map(|stream| {
                assert_eq!(stream["origin"], "chain", "{stream}");
                stream["id"].as_str().unwrap().to_owned()
            }));
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        ids.sort_unstable();
        ids
    }

    /// Every chain stream at the second `at`, in the order of their ids.
    #[track_caller]
    pub(super) fn streams(&mut self, at: u64) -> Vec<Value> {
        self.stream_ids().iter().map(|id| self.stream(id, at)).collect()
    }

    /// Every stored event, page by page.
    #[track_caller]
    pub(super) fn events(&mut self, limit: usize) -> Vec<Value> {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.send(&events(&format!("limit={limit}{cursor}"))).expect(200);
            let events = page["events"].as_array().unwrap();
            assert!(events.len() <= limit, "{} events in a page of {limit}", events.len());
            found.extend(events.iter().cloned());
            if page["hasMore"] == false {
                return found;
            }
            cursor = format!("&cursor={}", page["nextCursor"].as_str().expect("a next page has a cursor"));
        }
    }
}
