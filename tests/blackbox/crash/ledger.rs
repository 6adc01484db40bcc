use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::writer::{self, Log, Unanswered};
use crate::balance;
use crate::server::TestServer;
use crate::walk::{ids, walk};

/// Every answer that clients got, over all rounds.
#[derive(Default)]
pub(super) struct Ledger {
    /// The last answer about each stream, by its id.
    answered: BTreeMap<String, Value>,
    unanswered: Vec<Unanswered>,
    resent: usize,
    found_done: usize,
}

impl Ledger {
    /// The streams that have not been cancelled.
    pub(super) fn running(&self) -> Vec<String> {
        self.answered.iter().filter(|(_, stream)| !is_cancelled(stream)).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn streams(&self) -> usize {
        self.answered.len()
    }

    pub(super) fn cancels(&self) -> usize {
        self.answered.values().filter(|stream| is_cancelled(stream)).count()
    }

    pub(super) fn note(&mut self, logs: Vec<Log>) {
        for Log { created, cancelled, unanswered } in logs {
            for stream in created.into_iter().chain(cancelled) {
                self.record(stream);
            }
            self.unanswered.extend(unanswered);
        }
    }

    fn record(&mut self, stream: Value) {
        self.answered.insert(stream["id"].as_str().unwrap().to_owned(), stream);
    }

    /// Finds out what became of the writes that were never answered: creates are sent again under their keys, which makes one
    /// stream of both; cancelled streams are read.
    pub(super) fn settle(&mut self, server: &TestServer) {
        let mut connection = server.connect();
        for unanswered in std::mem::take(&mut self.unanswered) {
            let stream = match unanswered {
                Unanswered::Create { key, terms } => {
                    let answer = connection.send(&writer::create(&key, &terms)).unwrap();
                    self.found_done += usize::from(answer.header("idempotency-replayed").is_some());
                    answer.expect(201)
                }
                Unanswered::Cancel { id } => {
                    let stream = server.stream(&id);
                    self.found_done += usize::from(is_cancelled(&stream));
                    stream
                }
            };
            self.resent += 1;
            self.record(stream);
        }
    }

    /// The server lists exactly the streams of this ledger, each as in its last answer.
    pub(super) fn check(&self, server: &TestServer) {
        let listed = walk(server, "", 100, |_| ());
        listed.iter().for_each(|stream| self.check_one(stream));
        let found = ids(&listed);
        let distinct: BTreeSet<_> = found.iter().collect();
        assert_eq!(distinct.len(), found.len(), "streams are repeated");
        let lost: Vec<_> = self.answered.keys().filter(|id| !distinct.contains(id)).collect();
        assert_eq!(lost, [""; 0], "acknowledged streams are lost");
    }

    pub(super) fn check_one_by_one(&self, server: &TestServer) {
        self.answered.keys().for_each(|id| self.check_one(&server.stream(id)));
    }

    fn check_one(&self, stream: &Value) {
        let id = stream["id"].as_str().unwrap();
        let answered = self.answered.get(id).unwrap_or_else(|| panic!("no answer was about {stream}"));
        balance::check(stream);
        let mut expect = answered.clone();
        expect["asOf"] = stream["asOf"].clone();
        if !is_cancelled(answered) {
            for flowing in ["streamedAmount", "withdrawableAmount", "remainingAmount"] {
                expect[flowing] = stream[flowing].clone();
            }
        }
        assert_eq!(*stream, expect);
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (streams, cancels) = (self.streams(), self.cancels());
        let (resent, done) = (self.resent, self.found_done);
        write!(
            f,
            "{streams} streams and {cancels} cancels found, {resent} writes cut off ({done} of them done)"
        )
    }
}

fn is_cancelled(stream: &Value) -> bool {
    stream["status"] == "cancelled"
}
