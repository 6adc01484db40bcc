//! An operator moves house, and the chain moves along.

use std::process::Command;

use fluxora_store_postgres::testing::Cluster;
use serde_json::{Value, json};

use super::chain::{Chain, ChainPosition, FIRST, created, stream_id, unlinked, withdrawn_to};
use super::state::state;
use super::worker::Worker;
use super::{batch, indexing};
use crate::binary;
use crate::copy::{copied, url_of};
use crate::sample;
use crate::server::TestServer;
use crate::walk::{ids, walk};

const PLACE: ChainPosition = ChainPosition { transaction: 1, event: 0 };

/// A chain that forks: the new branch lacks the stream of the fifth ledger. The batches of both branches.
fn two_ways() -> [Value; 2] {
    let mut chain = Chain::of(8);
    let noise = json!({ "topic": ["noise"], "value": 1 });
    let events = [
        (FIRST, created(0, FIRST)),
        (FIRST + 1, noise),
        (FIRST + 4, created(1, FIRST + 4)),
        (FIRST + 5, withdrawn_to(1, 5)),
    ]
    .map(|(ledger, payload)| unlinked(chain.event(ledger, PLACE, &payload)));
    let one = batch(&events, Some(&unlinked(chain.newest())));
    chain.fork(FIRST + 4);
    (0..3).for_each(|_| _ = chain.grow());
    // The last of these waits for its ledger to be safe.
    let events = [
        (FIRST + 4, withdrawn_to(0, 7)),
        (FIRST + 5, created(2, FIRST + 5)),
        (FIRST + 7, withdrawn_to(0, 1)),
    ]
    .map(|(ledger, payload)| unlinked(chain.event(ledger, PLACE, &payload)));
    [one, batch(&events, Some(&unlinked(chain.newest())))]
}

/// Builds everything again from the events, and finds it as it is.
#[track_caller]
pub(crate) fn verified(url: &str) {
    let mut command = Command::new(binary::server());
    command.env_clear().args(["reindex", "--verify"]).env("DATABASE_URL", url).current_dir("/");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Both servers show the same; what that is.
#[track_caller]
fn alike(one: &TestServer, other: &TestServer) -> Value {
    let [shown, same] = [one, other].map(|server| state(&mut Worker::of(server)));
    assert_eq!(shown, same);
    let [listed, same] = [one, other].map(|server| ids(&walk(server, "", 2, |_| ())));
    assert_eq!(listed, same, "each in its place");
    shown
}

/// Both servers take a batch, and give the same answer.
#[track_caller]
fn taken(one: &TestServer, other: &TestServer, batch: &Value) -> Value {
    let [answer, same] = [one, other].map(|server| Worker::of(server).push(batch));
    assert_eq!(answer, same);
    answer
}

#[test]
fn a_copied_chain_is_shown_as_before_and_goes_on_as_it_would_have_on_postgres_and_back_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let [one_way, the_other] = two_ways();
    let mut original = TestServer::launch(indexing());
    original.create(&sample::stream());
    Worker::of(&original).push(&one_way);
    Worker::of(&original).push(&the_other);
    original.create(&sample::stream());
    let was = state(&mut Worker::of(&original));
    original.terminate();

    let database = cluster.database();
    let output = copied(&url_of(&original), &database.url());
    for count in
        ["streams: 4,", "removed streams: 1,", "contract events: 5,", "reorgs: 1,", "states of the chain: 1,"]
    {
        assert!(output.lines().any(|line| line.starts_with(count)), "{count} {output}");
    }
    verified(&database.url());
    original.restart();
    let mut moved = TestServer::launch(indexing().set("DATABASE_URL", database.url()));
    assert_eq!(alike(&original, &moved), was);

    let known = taken(&original, &moved, &the_other);
    assert_eq!((&known["insertedCount"], &known["duplicateCount"]), (&json!(0), &json!(3)));
    let back = taken(&original, &moved, &one_way);
    assert_eq!(back["reorg"]["forkLedger"], FIRST + 4);
    let shown = alike(&original, &moved);
    assert_eq!(shown["chain"]["lastReorg"]["number"], 2);
    // It was removed before the copy and comes back after it.
    let events = moved.get(&format!("/api/streams/{}/events", stream_id(1))).expect(200);
    let types: Vec<_> = events["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    let before = ["stream.created", "stream.withdrawn", "stream.removed"];
    assert_eq!(types, [&before[..], &["stream.created", "stream.withdrawn"]].concat());
    moved.terminate();

    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("back.db").display());
    copied(&database.url(), &url);
    verified(&url);
    let mut back_again = TestServer::launch(indexing().set("DATABASE_URL", url));
    assert_eq!(alike(&original, &back_again), shown);
    taken(&original, &back_again, &the_other);
    alike(&original, &back_again);
    original.terminate();
    back_again.terminate();
}
