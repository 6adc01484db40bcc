//! Several servers on one PostgreSQL.
//!
//! `FLUXORA_OUTAGE_SECONDS` says for how long a replica is stopped and PostgreSQL is away: 3 seconds unless it is set, so that a run of
//! all tests stays short. Before a release, run them with 20.

mod chaos;
mod client;
mod contents;
mod load;
mod outage;
mod rolling;

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use fluxora_store_postgres::testing::{Cluster, Database};

use crate::http::Request;
use crate::sample;
use crate::server::{Launch, TestServer};

/// How long a client waits at most before its next request.
const THINKS: Duration = Duration::from_millis(20);

fn on(database: &Database) -> TestServer {
    TestServer::launch(Launch::new().set("DATABASE_URL", database.url()))
}

fn id(stream: &serde_json::Value) -> String {
    stream["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_one_replica_acknowledges_the_others_have_also_when_it_is_killed() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let mut replicas: Vec<_> = (0..3).map(|_| on(&database)).collect();
    let acknowledged: Vec<_> = thread::scope(|scope| {
        let writers: Vec<_> = replicas
            .iter()
            .map(|replica| {
                scope.spawn(|| (0..40).map(|_| replica.create(&sample::stream())).collect::<Vec<_>>())
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let cancelled = replicas[0].cancel(&id(&acknowledged[100]));
    replicas[1].kill9();
    for replica in [&replicas[0], &replicas[2]] {
        let total = replica.get("/api/streams?limit=1&includeTotal=true").expect(200)["total"].clone();
        assert_eq!(total, 120);
        for stream in &acknowledged {
            assert_eq!(replica.stream(&id(stream))["createdAt"], stream["createdAt"]);
        }
        assert_eq!(replica.stream(&id(&cancelled))["cancelledAt"], cancelled["cancelledAt"]);
    }
    replicas[1].restart();
    for replica in &mut replicas {
        assert_eq!(replica.stream(&id(&cancelled))["status"], "cancelled");
        replica.terminate();
    }
}

#[test]
fn a_key_makes_one_stream_whichever_replicas_are_asked() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let mut replicas: Vec<_> = (0..3).map(|_| on(&database)).collect();
    let request = Request::create_json(&sample::stream()).header("idempotency-key", "once");
    let made: BTreeSet<_> = thread::scope(|scope| {
        let askers: Vec<_> = (0..24)
            .map(|n| (&replicas[n % 3], &request))
            .map(|(replica, request)| scope.spawn(move || id(&replica.send(request).expect(201))))
            .collect();
        askers.into_iter().map(|asker| asker.join().unwrap()).collect()
    });
    assert_eq!(made.len(), 1, "{made:?}");
    let total = replicas[0].get("/api/streams?includeTotal=true").expect(200)["total"].clone();
    assert_eq!(total, 1);
    replicas.iter_mut().for_each(TestServer::terminate);
}

#[test]
fn a_database_that_cannot_be_had_is_named_and_its_password_is_not() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let unknown = database.for_role("unknown", "hunter2");
    for (url, says) in [
        (unknown.url(), "user and password"),
        (database.named("nowhere").url(), "nowhere"),
        (database.url_with("127.0.0.1", "sslmode=verify-full"), "sslmode"),
    ] {
        let ended = Launch::new().set("DATABASE_URL", url).ends();
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        assert!(ended.stdout.contains(says), "{says} is not in {}", ended.stdout);
        for secret in ["hunter2", database.password()] {
            assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{}", ended.stdout);
        }
    }
}

#[test]
fn what_was_repeated_inside_and_what_may_lose_writes_is_shown_to_the_operator() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let mut server = on(&database);
    let warning = server.wait_for_line("a warning", |line| line["level"] == "WARN");
    assert_eq!(warning["settings"], "fsync, full_page_writes", "{warning}");
    let retries = || server.get("/health").expect(200)["dependencies"]["storage"]["retries"].clone();
    assert_eq!(retries(), 0);
    database.sql(
        "CREATE SEQUENCE faults; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('faults') <= 3 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; RETURN NULL; END $$; \
         CREATE TRIGGER fail BEFORE INSERT ON stream_events FOR EACH STATEMENT EXECUTE FUNCTION fail()",
    );
    server.create(&sample::stream());
    assert_eq!(retries(), 3);
    server.terminate();
}

#[expect(clippy::disallowed_methods, reason = "this is what measures how long something takes")]
fn now() -> Instant {
    Instant::now()
}

/// How long a replica is stopped, and PostgreSQL away.
#[expect(clippy::disallowed_methods, reason = "the environment sets the duration of the test")]
fn outage() -> Duration {
    let seconds = std::env::var("FLUXORA_OUTAGE_SECONDS");
    Duration::from_secs(
        seconds.map_or(3, |seconds| seconds.parse().expect("FLUXORA_OUTAGE_SECONDS is a number")),
    )
}
