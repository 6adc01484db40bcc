//! One replica is killed and one is stopped where it stands while all of them are written to.

use std::time::Duration;

use fluxora_store_postgres::testing::Cluster;
use rustix::process::Signal;

use super::load::{Load, under_load};
use super::{THINKS, contents, now, outage};
use crate::random::Random;
use crate::server::{Launch, TestServer};

const REPLICAS: usize = 3;
/// After how many acknowledged writes at most the next thing happens.
const MOST_WRITES: u64 = 100;
/// How long a client waits for an answer before it turns to another replica.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many writes show that a replica works.
const WORKS: u64 = 10;

#[test]
fn nothing_acknowledged_is_lost_or_done_twice_while_replicas_are_killed_and_stopped() {
    let Some(cluster) = Cluster::shared() else { return };
    let seed = Random::fresh_seed();
    println!("seed {seed}");
    let mut random = Random::seeded(seed);
    let database = cluster.database();
    let launch = || Launch::new().set("DATABASE_URL", database.url()).set("STREAM_CLOCK_INTERVAL_MS", "100");
    let mut replicas: Vec<_> = (0..REPLICAS).map(|_| TestServer::launch(launch())).collect();
    let logs = under_load(&mut random, &mut replicas, PATIENCE, THINKS, kill_one_and_stop_another);
    contents::check(logs, &database, &replicas);
    replicas.iter_mut().for_each(TestServer::terminate);
}

fn kill_one_and_stop_another(random: &mut Random, replicas: &mut [TestServer], load: &Load<'_>) {
    let choose = |random: &mut Random, among| usize::try_from(random.below(among)).unwrap();
    let killed = choose(random, 3);
    let stopped = (killed + 1 + choose(random, 2)) % REPLICAS;
    (0..REPLICAS).for_each(|replica| load.acknowledges_by(replica, WORKS));
    load.acknowledges(random.below(MOST_WRITES));
    let killed_first = random.below(2) == 0;
    if killed_first {
        replicas[killed].kill9();
        load.acknowledges(random.below(MOST_WRITES));
    }
    replicas[stopped].signal(Signal::STOP);
    let since = now();
    if !killed_first {
        load.acknowledges(random.below(MOST_WRITES));
        replicas[killed].kill9();
    }
    println!("replica {killed} was killed, {stopped} stopped, and the other goes on");
    while since.elapsed() < outage() {
        load.one_more();
    }
    replicas[stopped].signal(Signal::CONT);
    replicas[killed].restart();
    load.moved(killed, replicas[killed].address());
    load.acknowledges_by(stopped, WORKS);
    load.acknowledges_by(killed, WORKS);
}
