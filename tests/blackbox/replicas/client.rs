use std::net::SocketAddr;
use std::sync::RwLock;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load::Stop;
use super::now;
use crate::http::{Connection, Request};
use crate::random::Random;
use crate::sample;

/// How long it waits before it repeats a request that was not answered.
const PAUSES: Duration = Duration::from_millis(20);

/// One client: it creates streams under keys, cancels some of them and reads them, until it is stopped. It asks its own replica first
/// and turns to the others for as long as that one does not answer, with the same key.
pub(super) struct Client<'t> {
    pub(super) name: String,
    pub(super) random: Random,
    /// Where the replicas are.
    pub(super) replicas: &'t RwLock<Vec<SocketAddr>>,
    /// Its own.
    pub(super) home: usize,
    /// How long it waits for an answer before it turns to another replica.
    pub(super) patience: Duration,
    /// How long it waits at most before its next request.
    pub(super) most_thought: Duration,
    pub(super) stop: &'t Stop,
    /// Receives every answer.
    pub(super) answers: Sender<Answered>,
    pub(super) log: Log,
}

/// An answer that a client received from a replica.
pub(super) struct Answered {
    pub(super) replica: usize,
    /// When the request was sent.
    pub(super) sent: Instant,
    /// Whether it was served, not refused with 503.
    pub(super) served: bool,
}

/// What a client knows in the end.
#[derive(Default)]
pub(super) struct Log {
    pub(super) creates: Vec<Create>,
    pub(super) cancels: Vec<Cancel>,
    pub(super) exchanges: Vec<Exchange>,
}

pub(super) struct Create {
    pub(super) key: String,
    pub(super) terms: Value,
    /// Whether it starts and ends within seconds, and is not cancelled.
    pub(super) short: bool,
    /// `None` if it was never answered: it happened or it did not.
    pub(super) answer: Option<Value>,
}

pub(super) struct Cancel {
    pub(super) id: String,
    /// `None` if it was never answered.
    pub(super) answer: Option<Value>,
}

/// One request, answered or not.
pub(super) struct Exchange {
    pub(super) sent: Instant,
    pub(super) ended: Instant,
    pub(super) status: Option<u16>,
}

impl Create {
    /// One that is not answered yet, of a stream that outlasts the test.
    pub(super) fn long(key: String, sender: u64) -> Self {
        Self { key, terms: long(sender), short: false, answer: None }
    }

    pub(super) fn request(&self) -> Request {
        Request::create_json(&self.terms).header("idempotency-key", &self.key)
    }
}

impl Client<'_> {
    pub(super) fn run(mut self) -> Log {
        let mut second = None;
        let mut to_cancel = Vec::new();
        let most = u64::try_from(self.most_thought.as_millis()).unwrap();
        while !self.stop.comes_within(Duration::from_millis(self.random.below(most))) {
            match (self.random.below(6), second) {
                (0, Some(second)) => _ = self.create(short(second), true),
                (1, _) if !to_cancel.is_empty() => self.cancel(to_cancel.swap_remove(0)),
                (2, _) if !to_cancel.is_empty() => self.read(&to_cancel[to_cancel.len() - 1]),
                _ => {
                    let terms = long(self.random.next());
                    if let Some(stream) = self.create(terms, false) {
                        second = stream["asOf"].as_u64();
                        to_cancel.push(stream["id"].as_str().unwrap().to_owned());
                    }
                }
            }
        }
        self.log
    }

    /// Sends a create until it is answered, wherever.
    fn create(&mut self, terms: Value, short: bool) -> Option<Value> {
        let key = format!("{}-{}", self.name, self.log.creates.len());
        let mut create = Create { key, terms, short, answer: None };
        let request = create.request();
        for replica in self.home.. {
            create.answer = self.send(replica, &request, 201);
            if create.answer.is_some() || self.stop.comes_within(PAUSES) {
                break;
            }
        }
        let answer = create.answer.clone();
        self.log.creates.push(create);
        answer
    }

    /// Sends a cancel once, to any replica: only reading the stream shows whether an unanswered one was done.
    fn cancel(&mut self, id: String) {
        let replica = usize::from(self.random.next().to_le_bytes()[0]);
        let answer = self.send(replica, &Request::delete(&format!("/api/streams/{id}")), 200);
        self.log.cancels.push(Cancel { id, answer });
    }

    /// What one replica has acknowledged any other finds.
    fn read(&mut self, id: &str) {
        let elsewhere = self.home + 1;
        if let Some(stream) = self.send(elsewhere, &Request::get(&format!("/api/streams/{id}")), 200) {
            assert_eq!(stream["id"], id);
        }
    }

    /// The answer; `None` if there is none, or it is that storage is not available. Any other answer is a fault.
    fn send(&mut self, replica: usize, request: &Request, status: u16) -> Option<Value> {
        let (replica, address) = {
            let replicas = self.replicas.read().unwrap();
            let replica = replica % replicas.len();
            (replica, replicas[replica])
        };
        let sent = now();
        let response = Connection::open(address)
            .and_then(|connection| connection.with_patience(self.patience)?.send(request))
            .ok();
        let exchange = Exchange { sent, ended: now(), status: response.as_ref().map(|answer| answer.status) };
        self.log.exchanges.push(exchange);
        let response = response?;
        let served = response.status != 503;
        let body = served.then(|| response.expect(status));
        // The test no longer receives once it has seen everything.
        self.answers.send(Answered { replica, sent, served }).ok();
        body
    }
}

/// A stream that outlasts the test.
fn long(sender: u64) -> Value {
    let terms = json!({ "depositAmount": "1000000.0000000", "ratePerSecond": "0.25" });
    sample::with(sample::stream_between(sender, 1), &terms)
}

/// A stream that starts in the next second and ends in the one after it.
fn short(second: u64) -> Value {
    let terms = json!({ "depositAmount": "10", "ratePerSecond": "1", "startTime": second + 1, "endTime": second + 2 });
    sample::with(sample::stream(), &terms)
}
