use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Answered, Client, Log};
use super::now;
use crate::random::Random;
use crate::server::TestServer;

const CLIENTS_OF_A_REPLICA: usize = 2;
/// How long an answer may be on its way to those who count.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// Ends all clients.
#[derive(Default)]
pub(super) struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Waits for the stop; whether it came.
    pub(super) fn comes_within(&self, limit: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap();
        *self.changed.wait_timeout_while(stopped, limit, |stopped| !*stopped).unwrap().0
    }
}

/// Stops the clients when the test is through with them, and also when it fails.
struct StopsAtTheEnd<'t>(&'t Stop);

impl Drop for StopsAtTheEnd<'_> {
    fn drop(&mut self) {
        *self.0.stopped.lock().unwrap() = true;
        self.0.changed.notify_all();
    }
}

/// What a test sees of the load while it lasts.
pub(super) struct Load<'t> {
    answers: Receiver<Answered>,
    replicas: &'t RwLock<Vec<SocketAddr>>,
}

impl Load<'_> {
    /// Waits until this many more writes have been acknowledged by any replica.
    #[track_caller]
    pub(super) fn acknowledges(&self, writes: u64) {
        for _ in 0..writes {
            self.one_more();
        }
    }

    /// Waits until this replica has acknowledged so many more.
    #[track_caller]
    pub(super) fn acknowledges_by(&self, replica: usize, writes: u64) {
        let mut left = writes;
        while left > 0 {
            left -= u64::from(self.one_more() == replica);
        }
    }

    #[track_caller]
    pub(super) fn one_more(&self) -> usize {
        self.next_answer(|answer| answer.served).replica
    }

    /// Waits until a request that was sent after this instant has been refused.
    #[track_caller]
    pub(super) fn refuses_one_sent_after(&self, instant: Instant) {
        self.next_answer(|answer| !answer.served && answer.sent > instant);
    }

    #[track_caller]
    fn next_answer(&self, wanted: impl Fn(&Answered) -> bool) -> Answered {
        let begun = now();
        loop {
            let left = crate::PATIENCE.saturating_sub(begun.elapsed());
            let answer = self.answers.recv_timeout(left).expect("the answer that the test waits for");
            if wanted(&answer) {
                return answer;
            }
        }
    }

    /// Waits, and checks that no request is served meanwhile, except by answers in flight.
    #[track_caller]
    pub(super) fn acknowledges_nothing_for(&self, time: Duration) {
        let begun = now();
        while let Some(left) = time.checked_sub(begun.elapsed()) {
            let served = self.answers.recv_timeout(left).is_ok_and(|answer| answer.served);
            assert!(!served || begun.elapsed() < ON_ITS_WAY, "somebody is served");
        }
    }

    /// Points the clients to the new address of this replica.
    pub(super) fn moved(&self, replica: usize, address: SocketAddr) {
        self.replicas.write().unwrap()[replica] = address;
    }
}

/// Has clients of each replica write while the test does something; what they know in the end.
pub(super) fn under_load(
    random: &mut Random,
    replicas: &mut [TestServer],
    patience: Duration,
    most_thought: Duration,
    meanwhile: impl FnOnce(&mut Random, &mut [TestServer], &Load<'_>),
) -> Vec<Log> {
    let addresses = RwLock::new(replicas.iter().map(TestServer::address).collect());
    let stop = Stop::default();
    let (answers, receiver) = channel();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..replicas.len() * CLIENTS_OF_A_REPLICA)
            .map(|number| {
                let client = Client {
                    name: format!("client-{number}"),
                    random: Random::seeded(random.next()),
                    replicas: &addresses,
                    home: number % replicas.len(),
                    patience,
                    most_thought,
                    stop: &stop,
                    answers: answers.clone(),
                    log: Log::default(),
                };
                scope.spawn(move || client.run())
            })
            .collect();
        let stopping = StopsAtTheEnd(&stop);
        meanwhile(random, replicas, &Load { answers: receiver, replicas: &addresses });
        drop(stopping);
        clients.into_iter().map(|client| client.join().expect("a client meets no fault")).collect()
    })
}
