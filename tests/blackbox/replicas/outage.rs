//! PostgreSQL goes away while requests come in, and comes back.

use std::time::{Duration, Instant};

use fluxora_store_postgres::testing::{Cluster, Settings};

use super::client::{Cancel, Create, Log};
use super::load::{Load, under_load};
use super::{THINKS, contents, id, now, outage};
use crate::http::Request;
use crate::random::Random;
use crate::server::{Launch, TestServer};

const REPLICAS: usize = 2;
const POOL_WAIT: Duration = Duration::from_millis(500);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest that a request may take: the wait for a connection, making it (3 seconds), the time of a unit of work (a second more
/// than a statement), and for a create as much again for the batch before its own.
const LIMIT: Duration = Duration::from_millis(7_500);
/// How long a server may take to find its database again.
const RECOVERY: Duration = Duration::from_secs(5);
/// How many writes show that a replica works.
const WORKS: u64 = 10;

#[test]
fn while_postgres_is_down_requests_get_a_503_and_all_works_when_it_is_back_without_a_restart() {
    goes_away_and_comes_back(Cluster::stop, Cluster::restart);
}

#[test]
fn while_postgres_does_not_answer_requests_get_a_503_in_time_and_all_works_when_it_does_again() {
    goes_away_and_comes_back(Cluster::freeze, Cluster::thaw);
}

fn goes_away_and_comes_back(leave: fn(&Cluster), come_back: fn(&Cluster)) {
    let Some(cluster) = Cluster::start(Settings::default()) else { return };
    let seed = Random::fresh_seed();
    println!("seed {seed}");
    let database = cluster.database();
    let launch = || {
        Launch::new()
            .set("DATABASE_URL", database.url())
            .set("DB_POOL_WAIT_MS", POOL_WAIT.as_millis().to_string())
            .set("DB_STATEMENT_TIMEOUT_MS", STATEMENT_TIMEOUT.as_millis().to_string())
            .set("STREAM_CLOCK_INTERVAL_MS", "100")
    };
    let mut replicas: Vec<_> = (0..REPLICAS).map(|_| TestServer::launch(launch())).collect();
    let (mut own, mut away) = (Own::default(), None);
    let mut logs =
        under_load(&mut Random::seeded(seed), &mut replicas, 2 * LIMIT, THINKS, |_, replicas, load| {
            works(load);
            let before = own.create("before");
            let answer = replicas[0].send(&before).expect(201);
            own.0.creates[0].answer = Some(answer.clone());
            let before = id(&answer);
            leave(&cluster);
            let since = now();
            replicas.iter().for_each(|replica| refuses(replica, &mut own, &before));
            load.acknowledges_nothing_for(outage().saturating_sub(since.elapsed()));
            // A request in flight when the outage began may last as long as the outage.
            load.refuses_one_sent_after(since);
            replicas.iter().for_each(assert_unavailable);
            let until = now();
            come_back(&cluster);
            let back = now();
            for replica in replicas.iter() {
                recovers(replica, &mut own, &before, back);
            }
            works(load);
            away = Some((since, until, back));
        });
    let (since, until, back) = away.unwrap();
    for replica in &replicas {
        let health = replica.get("/health").expect(200);
        assert_eq!(health["status"], "ok");
        for worker in health["workers"].as_array().unwrap() {
            assert_eq!(worker["restarts"], 0, "an outage is no failure of a worker: {worker}");
        }
    }
    judge(&logs, since, until, back);
    logs.push(own.0);
    contents::check(logs, &database, &replicas);
    replicas.iter_mut().for_each(TestServer::terminate);
}

/// What the test itself has asked for.
#[derive(Default)]
struct Own(Log);

impl Own {
    fn create(&mut self, key: &str) -> Request {
        let create = Create::long(key.to_owned(), 2);
        let request = create.request();
        self.0.creates.push(create);
        request
    }

    fn cancel(&mut self, id: &str) -> Request {
        self.0.cancels.push(Cancel { id: id.to_owned(), answer: None });
        Request::delete(&format!("/api/streams/{id}"))
    }
}

fn works(load: &Load<'_>) {
    (0..REPLICAS).for_each(|replica| load.acknowledges_by(replica, WORKS));
}

/// Every kind of request is refused, in time and with advice.
fn refuses(server: &TestServer, own: &mut Own, stream: &str) {
    for request in [
        Request::get(&format!("/api/streams/{stream}")),
        Request::get("/api/streams?includeTotal=true"),
        Request::get(&format!("/api/streams/{stream}/events")),
        own.create(&format!("refused-by-{}", server.address())),
        own.cancel(stream),
    ] {
        let sent = now();
        let refused = server.send(&request);
        assert!(sent.elapsed() < LIMIT, "{request:?} took {:?}", sent.elapsed());
        assert_eq!(refused.expect(503)["error"]["code"], "SERVICE_UNAVAILABLE");
        assert!(refused.header("retry-after").is_some());
    }
    assert_unavailable(server);
    assert_eq!(server.get("/health/live").expect(200)["status"], "alive");
}

fn assert_unavailable(server: &TestServer) {
    assert_eq!(server.get("/health").expect(503)["status"], "unavailable");
}

/// Health, reads and writes are what they were.
fn recovers(server: &TestServer, own: &mut Own, stream: &str, back: Instant) {
    let again = |what: &str, request: Request, status: u16| {
        while server.send(&request).status != status {
            assert!(back.elapsed() < RECOVERY, "{what} does not work again");
        }
    };
    again("/health", Request::get("/health"), 200);
    again("reading", Request::get(&format!("/api/streams/{stream}")), 200);
    again("listing", Request::get("/api/streams?includeTotal=true"), 200);
    again("creating", own.create(&server.address().to_string()), 201);
}

/// No request took longer than the limits; all were refused during the outage and none long after it.
fn judge(logs: &[Log], since: Instant, until: Instant, back: Instant) {
    let (mut meanwhile, mut longest) = (0, Duration::ZERO);
    for exchange in logs.iter().flat_map(|log| &log.exchanges) {
        let took = exchange.ended - exchange.sent;
        assert!(took < LIMIT && exchange.status.is_some(), "a request hangs for {took:?}");
        longest = longest.max(took);
        if exchange.sent > since && exchange.ended < until {
            meanwhile += 1;
            assert_eq!(exchange.status, Some(503), "served by whom?");
        }
        if exchange.sent > back + RECOVERY {
            assert_ne!(exchange.status, Some(503), "{:?} after its return", exchange.sent - back);
        }
    }
    assert!(meanwhile > 0, "no request was sent during the outage");
    println!("{meanwhile} requests while it was away, all refused; none took longer than {longest:?}");
}
