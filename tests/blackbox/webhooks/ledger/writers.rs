use std::net::SocketAddr;
use std::sync::RwLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::PATIENCE;
use crate::http::{Connection, Request, Response};
use crate::indexer::{self, Chain, ChainPosition, FIRST};
use crate::random::Random;
use crate::sample;

/// How long a client of streams waits for an answer before it asks another server.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// How deep a fork is at most, in ledgers.
const DEEPEST_FORK: u64 = 8;

/// Where the servers are.
pub(super) type Addresses = RwLock<Vec<SocketAddr>>;

/// Two clients that create and cancel streams, and one that pushes a chain that forks. Each works through its orders until they end.
pub(super) struct Writers(Vec<Sender<u64>>);

impl Writers {
    /// Starts the clients in a scope.
    pub(super) fn start<'scope, 'env>(
        scope: &'scope thread::Scope<'scope, 'env>,
        addresses: &'env Addresses,
        random: &mut Random,
    ) -> Self {
        let mut orders = Vec::new();
        for number in 1..=2 {
            let (sender, receiver) = channel();
            orders.push(sender);
            let (random, running) = (Random::seeded(random.next()), Vec::new());
            let client = Client { number, addresses, random, running, creates: 0 };
            scope.spawn(move || client.work(&receiver));
        }
        let (sender, receiver) = channel();
        orders.push(sender);
        let pusher =
            Pusher { addresses, random: Random::seeded(random.next()), chain: Chain::of(0), branch: 0 };
        scope.spawn(move || pusher.work(&receiver));
        Self(orders)
    }

    /// Orders so many writes of each client.
    pub(super) fn order(&self, writes: u64) {
        self.0.iter().for_each(|client| client.send(writes).expect("a client meets no fault"));
    }
}

struct Client<'t> {
    number: u64,
    addresses: &'t Addresses,
    random: Random,
    running: Vec<String>,
    creates: u64,
}

impl Client<'_> {
    fn work(mut self, orders: &Receiver<u64>) {
        for writes in orders {
            for _ in 0..writes {
                let cancels = self.random.below(2) == 0;
                match self.running.pop().filter(|_| cancels) {
                    Some(id) => self.cancel(&id),
                    None => self.create(),
                }
            }
        }
    }

    fn create(&mut self) {
        // It outlasts the test: no event follows the last write.
        let terms = json!({ "depositAmount": "1000000.0000000", "ratePerSecond": "0.25" });
        let terms = sample::with(sample::stream_between(self.number, 1_000), &terms);
        let key = format!("client-{}-{}", self.number, self.creates);
        self.creates += 1;
        let request = Request::create_json(&terms).header("idempotency-key", key);
        let stream = self.send(&request).expect(201);
        self.running.push(stream["id"].as_str().unwrap().to_owned());
    }

    fn cancel(&mut self, id: &str) {
        let answer = self.send(&Request::delete(&format!("/api/streams/{id}")));
        assert!([200, 409].contains(&answer.status), "{answer:?}");
    }

    fn send(&mut self, request: &Request) -> Response {
        let begin = usize::try_from(self.random.below(8)).unwrap();
        let answer = (begin..).find_map(|server| send(self.addresses, server, ANSWERED_WITHIN, request));
        answer.expect("the servers are asked for ever")
    }
}

/// The answer of one server; none if there is none, or it is that storage is not available or that a stop took longer than a request may.
fn send(addresses: &Addresses, server: usize, patience: Duration, request: &Request) -> Option<Response> {
    let address = {
        let addresses = addresses.read().unwrap();
        addresses[server % addresses.len()]
    };
    let answer = Connection::open(address).and_then(|it| it.with_patience(patience)?.send(request));
    answer.ok().filter(|answer| ![408, 503].contains(&answer.status))
}

struct Pusher<'t> {
    addresses: &'t Addresses,
    random: Random,
    chain: Chain,
    /// How often the chain has forked.
    branch: u32,
}

impl Pusher<'_> {
    fn work(mut self, orders: &Receiver<u64>) {
        for writes in orders {
            for _ in 0..writes {
                let depth = u64::from(self.chain.tip().saturating_sub(FIRST)).min(DEEPEST_FORK);
                if depth > 1 && self.random.below(12) == 0 {
                    self.branch += 1;
                    let depth = u32::try_from(1 + self.random.below(depth - 1)).unwrap();
                    self.chain.fork(self.chain.tip() - depth);
                } else {
                    self.chain.grow();
                }
                self.push();
            }
        }
    }

    /// Pushes the newest ledger: a stream is made in an even one and paid out of in an odd one.
    fn push(&mut self) {
        let ledger = self.chain.tip();
        let stream = u64::from(ledger - FIRST) / 2;
        let payload = match (ledger - FIRST).is_multiple_of(2) {
            true => indexer::created(stream, ledger),
            false => indexer::withdrawn_to(stream, 1 + self.branch),
        };
        let place = ChainPosition { transaction: 1, event: 0 };
        let event = self.chain.event(ledger, place, &payload);
        let batch = indexer::batch(&[event], Some(&self.chain.newest()));
        self.send(&indexer::push(batch.to_string()));
    }

    /// Sends to one server until that has answered or ended: a request that a stopped server answers later must not follow later ones.
    fn send(&mut self, request: &Request) -> Value {
        let begin = usize::try_from(self.random.below(8)).unwrap();
        let answer = (begin..).find_map(|server| send(self.addresses, server, PATIENCE, request));
        answer.expect("the servers are asked for ever").expect(200)
    }
}
