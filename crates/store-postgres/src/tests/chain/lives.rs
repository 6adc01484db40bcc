//! Random lives of a chain, as many as one wants.

use fluxora_store::conformance::{chain_seeds, random_chains_end_as_a_rebuild_from_scratch_does};

use super::*;

/// As the suite's test of random chains, but made for many thousands of them: on one thread that the store's connections share, so
/// that nobody waits for another thread to wake up, and without a word to the disk at each commit.
#[tokio::test(flavor = "current_thread")]
#[ignore = "for many: FLUXORA_CHAIN_SEEDS=from..to says which; the suite runs a few each time"]
async fn random_lives_end_as_a_rebuild_from_scratch_does() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let name = database.sql("SELECT current_database()");
    database.sql(&format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    let store = open(&database).await;
    random_chains_end_as_a_rebuild_from_scratch_does(&store, chain_seeds()).await;
}
