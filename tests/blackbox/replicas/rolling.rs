//! Servers of the previous version are replaced one by one while all of them are written to.

use std::time::Duration;

use fluxora_store_postgres::testing::Cluster;

use super::contents;
use super::load::{Load, under_load};
use crate::binary;
use crate::random::Random;
use crate::server::{Launch, TestServer};

const REPLICAS: usize = 3;
/// How long a client waits for an answer before it sends the request to another replica.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a client waits at most before its next request: replacing a server takes seconds, and every write is checked at the end.
const THINKS: Duration = Duration::from_millis(400);
/// How many writes show that a replica works.
const WORKS: u64 = 10;

#[test]
fn replicas_of_the_previous_version_work_on_the_migrated_database_until_each_is_replaced() {
    let Some(previous) = binary::previous_server() else { return };
    let Some(cluster) = Cluster::shared() else { return };
    let seed = Random::fresh_seed();
    println!("seed {seed}");
    let database = cluster.database();
    let launch = || {
        Launch::new()
            .binary(previous)
            .set("DATABASE_URL", database.url())
            .set("STREAM_CLOCK_INTERVAL_MS", "100")
    };
    let mut replicas: Vec<_> = (0..REPLICAS).map(|_| TestServer::launch(launch())).collect();
    let logs = under_load(&mut Random::seeded(seed), &mut replicas, PATIENCE, THINKS, replace_one_by_one);
    contents::check(logs, &database, &replicas);
    replicas.iter_mut().for_each(TestServer::terminate);
}

/// The first replacement migrates the database. After each one, every replica of either version acknowledges writes.
fn replace_one_by_one(_: &mut Random, replicas: &mut [TestServer], load: &Load<'_>) {
    for (replaced, server) in replicas.iter_mut().enumerate() {
        (0..REPLICAS).for_each(|replica| load.acknowledges_by(replica, WORKS));
        server.upgrade();
        load.moved(replaced, server.address());
    }
    (0..REPLICAS).for_each(|replica| load.acknowledges_by(replica, WORKS));
}
