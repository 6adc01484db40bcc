//! Several servers on one PostgreSQL.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use fluxora_store_postgres::testing::{Cluster, Database, Settings};

use crate::http::Request;
use crate::sample;
use crate::server::{Launch, TestServer};

/// How long a server may take to find its database again.
const RECOVERY: Duration = Duration::from_secs(5);

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
fn while_postgres_is_away_requests_get_a_503_and_it_recovers_without_a_restart() {
    let Some(cluster) = Cluster::start(Settings::default()) else { return };
    let mut server = on(&cluster.database());
    let before = server.create(&sample::stream());
    cluster.stop();
    for request in [
        Request::get(&format!("/api/streams/{}", id(&before))),
        Request::get("/api/streams"),
        Request::create_json(&sample::stream()),
        Request::delete(&format!("/api/streams/{}", id(&before))),
    ] {
        let refused = server.send(&request);
        assert_eq!(refused.expect(503)["error"]["code"], "SERVICE_UNAVAILABLE");
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(server.get("/health").expect(503)["status"], "unavailable");
    assert_eq!(server.get("/health/live").expect(200)["status"], "alive");
    cluster.restart();
    let back = now();
    while server.get("/health").status == 503 {
        assert!(back.elapsed() < RECOVERY, "it does not find its database again");
    }
    assert_eq!(server.stream(&id(&before))["status"], "active");
    server.create(&sample::stream());
    server.terminate();
}

#[test]
fn a_database_that_cannot_be_had_is_named_and_its_password_is_not() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let nobody = database.for_role("nobody", "hunter2");
    for (url, says) in [
        (nobody.url(), "user and password"),
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

#[expect(clippy::disallowed_methods, reason = "this is what measures how long a recovery takes")]
fn now() -> Instant {
    Instant::now()
}
