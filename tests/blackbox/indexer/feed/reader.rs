use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, RwLock};

use serde_json::Value;

use crate::http::{Connection, EventStream, Request};
use crate::random::Random;

/// A client that follows the log, loses its connection at random, and goes on after the last event it has.
pub(super) struct Reader<'t> {
    pub(super) name: String,
    pub(super) replicas: &'t RwLock<Vec<SocketAddr>>,
    pub(super) random: Random,
    /// The last position of the log, once nothing more is written.
    pub(super) end: &'t Mutex<Option<u64>>,
    /// By long polls, not by a stream.
    pub(super) polls: bool,
}

impl Reader<'_> {
    /// Every event, in the order in which it came.
    pub(super) fn follow(mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while !self.is_done(&events) {
            let limit = 1 + self.random.below(40);
            // A broken connection is what the test is about: the next one goes on.
            let session = if self.polls { self.poll(&mut events) } else { self.stream(limit, &mut events) };
            if let Err(error) = session {
                assert_ne!(error.kind(), io::ErrorKind::InvalidData, "{}: {error}", self.name);
            }
        }
        events
    }

    fn address(&mut self) -> SocketAddr {
        let replicas = self.replicas.read().unwrap();
        let count = u64::try_from(replicas.len()).unwrap();
        replicas[usize::try_from(self.random.below(count)).unwrap()]
    }

    fn last(events: &[Value]) -> u64 {
        events.last().map_or(0, |event| event["sequence"].as_u64().unwrap())
    }

    fn is_done(&self, events: &[Value]) -> bool {
        self.end.lock().unwrap().is_some_and(|end| Self::last(events) >= end)
    }

    /// A stream that the reader drops after some events.
    fn stream(&mut self, limit: u64, events: &mut Vec<Value>) -> io::Result<()> {
        let request =
            Request::get("/api/events?after=0").header("last-event-id", Self::last(events).to_string());
        let mut stream = EventStream::open(self.address(), request)?;
        let hello = stream.next()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        assert_eq!((hello.name.as_str(), hello.id), ("hello", Some(Self::last(events))), "{}", self.name);
        for _ in 0..limit {
            if self.is_done(events) {
                break;
            }
            let Some(frame) = stream.next()? else { break };
            if frame.name == "message" {
                let event: Value = serde_json::from_str(&frame.data).unwrap();
                assert_eq!(event["sequence"].as_u64(), frame.id, "{}", self.name);
                events.push(event);
            }
        }
        Ok(())
    }

    fn poll(&mut self, events: &mut Vec<Value>) -> io::Result<()> {
        let target = format!("/api/events?after={}&wait=1&limit=7", Self::last(events));
        let answer = Connection::open(self.address())?.send(&Request::get(&target))?;
        if answer.status != 503 {
            let page = answer.expect(200);
            events.extend(page["events"].as_array().unwrap().iter().cloned());
        }
        Ok(())
    }
}
