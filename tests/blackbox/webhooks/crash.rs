//! The server is killed at random while the receiver misbehaves.

use std::time::Duration;

use super::receiver::Receiver;
use super::{check, check_log, events, has_all, launch, settled};
use crate::random::Random;
use crate::sample;
use crate::server::TestServer;

const ROUNDS: u32 = 20;
/// Longer than a claim and the longest pause of a breaker that has opened once.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn every_event_is_delivered_in_order_although_the_server_is_killed_and_the_receiver_fails() {
    let seed = Random::fresh_seed();
    println!("seed {seed}");
    let mut random = Random::seeded(seed);
    let receiver = Receiver::hostile(Random::seeded(random.next()));
    let mut server = TestServer::launch(launch(&receiver));
    let mut running = Vec::new();
    for round in 0..ROUNDS {
        let before = receiver.arrivals().len();
        let created = 1 + random.below(12);
        for _ in 0..created {
            if let Some(id) = running.pop().filter(|_| random.below(2) == 0) {
                let id: String = id;
                server.cancel(&id);
            }
            let stream = server.create(&sample::stream_between(random.next(), u64::from(round) + 1));
            running.push(stream["id"].as_str().unwrap().to_owned());
        }
        // A moment that the deliveries themselves choose: before, among and after the attempts of this round.
        let wanted = before + usize::try_from(random.below(created.min(8) + 1)).unwrap();
        receiver.wait_until(PATIENCE, "some requests", |arrivals| arrivals.len() >= wanted);
        server.kill9();
        server.restart();
    }
    let events = events(&server);
    receiver.wait_until(PATIENCE, "every event", |arrivals| has_all(&events, arrivals));
    settled(&server, events.len());
    let arrivals = receiver.arrivals();
    println!("{} events, {} requests, {ROUNDS} kills", events.len(), arrivals.len());
    check(&arrivals, &events);
    check_log(&server, &arrivals);
    server.terminate();
}
