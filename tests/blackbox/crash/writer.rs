use std::sync::mpsc::Sender;

use serde_json::{Value, json};

use crate::http::{Connection, Request, Response};
use crate::random::Random;
use crate::sample;

/// One client that creates streams and cancels earlier ones until its connection breaks.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) random: Random,
    pub(super) name: String,
    /// Streams that no other client touches.
    pub(super) to_cancel: Vec<String>,
    /// Hears of each answer.
    pub(super) acknowledged: Sender<()>,
}

/// What a client knows in the end.
#[derive(Default)]
pub(super) struct Log {
    /// Streams as they were answered.
    pub(super) created: Vec<Value>,
    /// Cancelled streams as they were answered.
    pub(super) cancelled: Vec<Value>,
    /// What was sent last and never answered: it happened or it did not.
    pub(super) unanswered: Option<Unanswered>,
}

pub(super) enum Unanswered {
    Create { key: String, terms: Value },
    Cancel { id: String },
}

impl Writer {
    pub(super) fn write(mut self) -> Log {
        let mut log = Log::default();
        while log.unanswered.is_none() {
            let cancels = self.random.below(3) == 0;
            match self.to_cancel.pop().filter(|_| cancels) {
                Some(id) => self.cancel(id, &mut log),
                None => self.create(&mut log),
            }
        }
        log
    }

    fn create(&mut self, log: &mut Log) {
        let key = format!("{}-{}", self.name, log.created.len());
        let terms = json!({ "depositAmount": "1000000.0000000", "ratePerSecond": "0.25" });
        let terms = sample::with(sample::stream_between(self.random.next(), 1), &terms);
        let request = create(&key, &terms);
        match self.send(&request, 201) {
            Some(stream) => {
                self.to_cancel.push(stream["id"].as_str().unwrap().to_owned());
                log.created.push(stream);
            }
            None => log.unanswered = Some(Unanswered::Create { key, terms }),
        }
    }

    fn cancel(&mut self, id: String, log: &mut Log) {
        match self.send(&Request::delete(&format!("/api/streams/{id}")), 200) {
            Some(stream) => log.cancelled.push(stream),
            None => log.unanswered = Some(Unanswered::Cancel { id }),
        }
    }

    /// The answer, unless the connection has broken.
    fn send(&mut self, request: &Request, status: u16) -> Option<Value> {
        let response: Response = self.connection.send(request).ok()?;
        let body = response.expect(status);
        // Writes are not counted once the server is to be killed.
        self.acknowledged.send(()).ok();
        Some(body)
    }
}

pub(super) fn create(key: &str, terms: &Value) -> Request {
    Request::create_json(terms).header("idempotency-key", key)
}
