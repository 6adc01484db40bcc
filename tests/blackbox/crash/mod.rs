//! Invariant 1: no acknowledged write is lost, when the server is killed at any instant.

mod file;
mod ledger;
mod writer;

use std::sync::mpsc::channel;
use std::thread;

use crate::random::Random;
use crate::server::TestServer;
use crate::{audit, copy};
use ledger::Ledger;

const ROUNDS: u32 = 32;
const CONNECTIONS: u64 = 8;
/// A round is cut off after at most this many acknowledged writes.
const MOST_WRITES: u64 = 70;

#[test]
fn no_acknowledged_write_is_lost_and_none_is_half_written_whenever_the_server_is_killed() {
    let seed = Random::fresh_seed();
    println!("seed {seed}");
    let mut random = Random::seeded(seed);
    let mut ledger = Ledger::default();
    let mut server = TestServer::start();
    for round in 0..ROUNDS {
        let writes = 1 + random.below(MOST_WRITES);
        let cut_off = write_until_killed(&mut server, &mut random, &ledger, round, writes);
        ledger.note(cut_off);
        server.restart();
        ledger.settle(&server);
        ledger.check(&server);
        file::check(&server.database(), ledger.streams(), ledger.cancels());
    }
    ledger.check_one_by_one(&server);
    server.terminate();
    audit::verify(&copy::url_of(&server));
    file::check(&server.database(), ledger.streams(), ledger.cancels());
    println!("{ROUNDS} kills with {CONNECTIONS} connections: {ledger}");
}

/// Lets every connection write, kills the server after `writes` answers, and gives what each connection knows.
fn write_until_killed(
    server: &mut TestServer,
    random: &mut Random,
    ledger: &Ledger,
    round: u32,
    writes: u64,
) -> Vec<writer::Log> {
    let earlier = ledger.running();
    let share = earlier.len() / usize::try_from(CONNECTIONS).unwrap() + 1;
    let mut earlier = earlier.chunks(share);
    let (acknowledged, answers) = channel();
    thread::scope(|scope| {
        let writers: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let writer = writer::Writer {
                    connection: server.connect(),
                    random: Random::seeded(random.next()),
                    name: format!("round-{round}-connection-{number}"),
                    to_cancel: earlier.next().unwrap_or_default().to_vec(),
                    acknowledged: acknowledged.clone(),
                };
                scope.spawn(move || writer.write())
            })
            .collect();
        for _ in 0..writes {
            answers.recv_timeout(crate::PATIENCE).expect("writes are answered");
        }
        server.kill9();
        writers.into_iter().map(|writer| writer.join().expect("a connection that is cut off ends")).collect()
    })
}
