//! The replay guard of the example `receive_postgres`, on a PostgreSQL server that exists for this test only.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fluxora_webhook::{
    AsyncReplayGuard, Begun, DedupeKey, LEASE_SECONDS, Lease, RETENTION_SECONDS, Settled, UnixSeconds,
    Verifier,
};
use tokio_postgres::{Client, NoTls};

use crate::{NOW, Parts, SECRET, programs, secret};

#[allow(dead_code, unreachable_pub, reason = "a program of its own, with a main")]
#[path = "../../examples/receive_postgres.rs"]
mod receive_postgres;
use receive_postgres::{PostgresGuard, SCHEMA, receive};

const BODY: &[u8] = br#"{"id":"evt_01","delivery_id":"dlv_01","type":"stream.updated"}"#;

/// A server on a socket in a folder of its own. It ends with this value, or with the process.
struct Server {
    folder: PathBuf,
    guard: Child,
}

impl Server {
    fn start() -> Option<Self> {
        let initdb = programs::require(find_initdb(), "PostgreSQL's initdb")?;
        let folder = PathBuf::from(run(as_postgres("mktemp").args(["-d", "/tmp/fluxora-webhook-XXXXXX"])));
        // It outlives the tests: it waits for its input to end, then stops the server.
        let script =
            "trap '' INT TERM HUP; read -r _; \"$1/pg_ctl\" -D \"$2/data\" -m immediate stop; rm -rf \"$2\"";
        let mut guard = as_postgres("sh");
        guard.args(["-c", script, "guard"]).arg(initdb.parent().unwrap()).arg(&folder);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { guard: guard.spawn().unwrap(), folder };
        let data = server.folder.join("data");
        run(as_postgres(&initdb).arg("-D").arg(&data).args(["-U", "fluxora", "--auth=trust", "--no-sync"]));
        let options = format!("-c listen_addresses='' -c fsync=off -k {}", server.folder.display());
        let mut start = as_postgres(initdb.with_file_name("pg_ctl"));
        start
            .arg("-D")
            .arg(&data)
            .args(["start", "-w", "-o", &options])
            .arg("-l")
            .arg(server.folder.join("log"));
        run(start.stdout(Stdio::null()).stderr(Stdio::null()));
        Some(server)
    }

    async fn connect(&self) -> Client {
        let url = format!("host={} user=fluxora dbname=postgres", self.folder.display());
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        self.guard.wait().ok();
    }
}

/// Debian keeps it out of the path.
fn find_initdb() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        versions.map(|version| version.path().join("bin/initdb")).filter(|path| path.is_file()).max();
    newest.or_else(|| programs::find("initdb"))
}

/// PostgreSQL refuses to run as root. In a group of its own, a program is not interrupted with the tests.
fn as_postgres(program: impl AsRef<Path>) -> Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let mut command = Command::new(if root { Path::new("runuser") } else { program.as_ref() });
    if root {
        command.args(["-u", "postgres", "--"]).arg(program.as_ref());
    }
    command.process_group(0).env("LC_ALL", "C");
    command
}

#[track_caller]
fn run(command: &mut Command) -> String {
    programs::run(command, Path::new("/"), "").trim_end().to_owned()
}

fn key(id: &str) -> DedupeKey {
    DedupeKey::of_delivery(id)
}

async fn fresh(client: &Client, id: &str, now: UnixSeconds) -> Lease {
    match PostgresGuard(client).begin(&key(id), now).await.unwrap() {
        Begun::Fresh(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check(begun: &Begun, expect: &str) {
    let found = match begun {
        Begun::Fresh(_) => "fresh".to_owned(),
        Begun::InFlight { retry_after_seconds } => format!("in flight for {retry_after_seconds}"),
        Begun::Done => "done".to_owned(),
    };
    assert_eq!(found, expect);
}

async fn begin(client: &Client, id: &str, now: UnixSeconds) -> Begun {
    PostgresGuard(client).begin(&key(id), now).await.unwrap()
}

async fn events(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM received_events", &[]).await.unwrap().get(0)
}

/// One server for all claims: to start one takes longer than to check them.
#[tokio::test]
async fn the_postgres_guard_keeps_the_promises_of_the_trait() {
    let Some(server) = Server::start() else { return };
    let (mut client, other) = (server.connect().await, server.connect().await);
    client.batch_execute(SCHEMA).await.unwrap();

    a_delivery_is_in_flight_then_done_then_forgotten(&client).await;
    an_aborted_delivery_is_fresh_and_its_late_holder_has_lost_it(&client).await;
    of_two_concurrent_calls_one_is_fresh(&client, &other).await;
    what_ended_is_deleted_and_a_late_holder_may_still_commit(&client).await;
    a_delivery_is_processed_once(&mut client).await;
    a_handler_that_fails_gives_the_delivery_back(&mut client).await;
    a_handler_that_lost_its_lease_writes_nothing(&mut client, &other).await;
}

async fn a_delivery_is_in_flight_then_done_then_forgotten(client: &Client) {
    let lease = fresh(client, "a", NOW).await;
    check(&begin(client, "a", NOW.plus(20)).await, "in flight for 40");
    let guard = PostgresGuard(client);
    assert_eq!(guard.commit(lease, NOW).await.unwrap(), Settled::Recorded);
    check(&begin(client, "a", NOW.plus(RETENTION_SECONDS - 1)).await, "done");
    check(&begin(client, "a", NOW.plus(RETENTION_SECONDS)).await, "fresh");
    check(&begin(client, "b", NOW).await, "fresh");
}

async fn an_aborted_delivery_is_fresh_and_its_late_holder_has_lost_it(client: &Client) {
    let guard = PostgresGuard(client);
    let slow = fresh(client, "c", NOW).await;
    let later = NOW.plus(LEASE_SECONDS);
    let next = fresh(client, "c", later).await;
    assert!(next.fence() > slow.fence());
    assert_eq!(guard.abort(next).await.unwrap(), Settled::Recorded);
    let third = fresh(client, "c", later).await;
    assert_eq!(guard.commit(slow, later).await.unwrap(), Settled::LeaseLost);
    check(&begin(client, "c", later).await, "in flight for 60");
    assert_eq!(guard.commit(third, later).await.unwrap(), Settled::Recorded);
}

async fn of_two_concurrent_calls_one_is_fresh(client: &Client, other: &Client) {
    for round in 0..50 {
        let key = key(&format!("round {round}"));
        let (one, two) = (PostgresGuard(client), PostgresGuard(other));
        let (one, two) = tokio::join!(one.begin(&key, NOW), two.begin(&key, NOW));
        let fresh =
            [one.unwrap(), two.unwrap()].iter().filter(|begun| matches!(begun, Begun::Fresh(_))).count();
        assert_eq!(fresh, 1, "round {round}");
    }
}

async fn what_ended_is_deleted_and_a_late_holder_may_still_commit(client: &Client) {
    let guard = PostgresGuard(client);
    client.batch_execute("DELETE FROM webhook_deliveries").await.unwrap();
    let (old, late) = (fresh(client, "d", NOW).await, fresh(client, "e", NOW.plus(600)).await);
    assert_eq!(guard.delete_expired(NOW.plus(LEASE_SECONDS + 3_600)).await.unwrap(), 1);
    assert_eq!(guard.commit(old, NOW).await.unwrap(), Settled::LeaseLost);
    assert_eq!(guard.commit(late, NOW).await.unwrap(), Settled::Recorded);
}

/// The answer of the whole receiver.
async fn answer(client: &mut Client, now: UnixSeconds) -> &'static str {
    let (verifier, headers) = (Verifier::new(&secret(SECRET)), Parts::of(BODY).pairs());
    receive(client, &verifier, headers.as_slice(), BODY, now)
        .await
        .map_or_else(|error| error.code(), |()| "ok")
}

async fn a_delivery_is_processed_once(client: &mut Client) {
    assert_eq!(answer(client, NOW).await, "ok");
    assert_eq!(answer(client, NOW).await, "duplicate_delivery");
    assert_eq!(events(client).await, 1);
}

async fn a_handler_that_fails_gives_the_delivery_back(client: &mut Client) {
    // The event is stored already, under a delivery that the guard does not know: the insert fails.
    client.batch_execute("DELETE FROM webhook_deliveries").await.unwrap();
    assert_eq!(answer(client, NOW).await, "dedupe_unavailable");
    client.batch_execute("DELETE FROM received_events").await.unwrap();
    assert_eq!(answer(client, NOW).await, "ok");
}

async fn a_handler_that_lost_its_lease_writes_nothing(client: &mut Client, other: &Client) {
    client.batch_execute("DELETE FROM webhook_deliveries; DELETE FROM received_events").await.unwrap();
    // The handler's insert takes the lease away, as a request that comes after the lease would.
    let take_over = "
        CREATE FUNCTION take_over() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN UPDATE webhook_deliveries SET fence = fence + 1; RETURN NEW; END $$;
        CREATE TRIGGER take_over AFTER INSERT ON received_events EXECUTE FUNCTION take_over();";
    other.batch_execute(take_over).await.unwrap();
    assert_eq!(answer(client, NOW).await, "delivery_in_flight");
    assert_eq!(events(client).await, 0);
}
