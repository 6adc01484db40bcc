use std::time::{Duration, SystemTime};

use rustix::process::Signal;

use super::now;
use super::writers::{Addresses, Writers};
use crate::random::Random;
use crate::server::TestServer;
use crate::webhooks::receiver::Receiver;

/// How long a round waits for requests. None come while a breaker is open: the timeouts of a stopped server open one.
const ARRIVES_WITHIN: Duration = Duration::from_secs(4);
/// Longer than a lease, which is the attempt's second and 12 more.
const LONGER_THAN_A_LEASE: u64 = 14_000;

/// The servers of the test, at most one of them stopped.
pub(super) struct Servers<'t> {
    servers: Vec<TestServer>,
    addresses: &'t Addresses,
    /// Which one is stopped, and until when at least.
    stopped: Option<(usize, SystemTime)>,
}

impl<'t> Servers<'t> {
    pub(super) const fn new(servers: Vec<TestServer>, addresses: &'t Addresses) -> Self {
        Self { servers, addresses, stopped: None }
    }

    pub(super) fn into_inner(self) -> Vec<TestServer> {
        self.servers
    }

    /// Orders writes, waits for an instant that the deliveries themselves choose (before, among or after the attempts of the round), and
    /// kills or stops a server.
    pub(super) fn round(&mut self, random: &mut Random, receiver: &Receiver, writers: &Writers) {
        let before = receiver.count();
        let writes = 1 + random.below(8);
        writers.order(writes);
        // Two clients write, and two endpoints get everything.
        let wanted = usize::try_from(random.below(4 * writes + 1)).unwrap();
        receiver.has_within(before + wanted, ARRIVES_WITHIN);
        if self.stopped.is_some_and(|(_, until)| until <= now()) {
            self.resume_all();
        }
        let count = u64::try_from(self.servers.len()).unwrap();
        let victim = usize::try_from(random.below(count)).unwrap();
        if random.below(2) == 0 {
            self.kill(victim);
        } else if self.stopped.is_none() {
            self.stop(victim, random);
            if self.servers.len() == 1 {
                self.wait_for_the_end_of_the_stop(receiver);
            }
        }
    }

    fn kill(&mut self, victim: usize) {
        self.stopped = self.stopped.filter(|(stopped, _)| *stopped != victim);
        self.servers[victim].kill9();
        self.servers[victim].restart();
        self.addresses.write().unwrap()[victim] = self.servers[victim].address();
    }

    fn stop(&mut self, victim: usize, random: &mut Random) {
        let shortest = if random.below(5) == 0 { LONGER_THAN_A_LEASE } else { 0 };
        let milliseconds = shortest + random.below(1_500);
        self.servers[victim].signal(Signal::STOP);
        self.stopped = Some((victim, now() + Duration::from_millis(milliseconds)));
    }

    /// With one server nothing arrives meanwhile but what was on its way.
    fn wait_for_the_end_of_the_stop(&mut self, receiver: &Receiver) {
        if let Some((_, until)) = self.stopped {
            let left = until.duration_since(now()).unwrap_or_default();
            receiver.has_within(usize::MAX, left);
        }
        self.resume_all();
    }

    pub(super) fn resume_all(&mut self) {
        if let Some((stopped, _)) = self.stopped.take() {
            self.servers[stopped].signal(Signal::CONT);
        }
    }
}
