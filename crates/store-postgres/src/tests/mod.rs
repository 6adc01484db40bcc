//! Against a real server. Where PostgreSQL is not installed, each test says so in one line and ends.

use fluxora_store::{CreateStream, Created, IdempotencyKey, IdempotencyStore, KeyedResponse, StreamStore};
use fluxora_stream::{AccountId, Stream, StreamId, TermsDraft, UnixTime};
use jiff::{SignedDuration, Timestamp};

use crate::testing::{Cluster, Database};
use crate::{Location, Options, PostgresStore};

mod announcing;
mod chain;
mod conflicts;
mod corrupt;
mod limits;
mod list_plans;
mod opening;
mod outage;
mod plans;
mod replicas;
mod skewed;
mod stored_form;
mod suite;
mod tls;
mod webhooks;

/// A store in a fresh database.
async fn fresh() -> Option<PostgresStore> {
    let cluster = Cluster::shared()?;
    let database = cluster.database();
    let opened = PostgresStore::open(&location(&database), patient()).await;
    let store =
        opened.unwrap_or_else(|error| panic!("{error:?}; log of the server: {}", cluster.last_log_lines()));
    cluster.release(&database);
    Some(store)
}

async fn open(database: &Database) -> PostgresStore {
    open_with(database, patient()).await
}

/// The limits of a test that is not about them: a busy machine may take its time.
fn patient() -> Options {
    let long = std::time::Duration::from_secs(30);
    Options {
        wait: long,
        connect_timeout: long,
        statement_timeout: long,
        callers_time: true,
        ..Options::default()
    }
}

async fn open_with(database: &Database, options: Options) -> PostgresStore {
    PostgresStore::open(&location(database), options).await.unwrap()
}

fn location(database: &Database) -> Location {
    Location::parse(&database.url()).unwrap()
}

/// `seconds` after 2026-01-01T00:00:00.250Z.
fn t(seconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_767_225_600_250).unwrap() + SignedDuration::from_secs(seconds)
}

fn id(n: u64) -> StreamId {
    StreamId::api(uuid(n))
}

fn uuid(n: u64) -> uuid::Uuid {
    uuid::Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + u128::from(n))
}

/// Account 1 pays account 2 one unit each second for 100 seconds, from second 10 on.
fn create(n: u64) -> CreateStream {
    let draft = TermsDraft {
        sender: Some(AccountId::from_public_key([1; 32])),
        recipient: Some(AccountId::from_public_key([2; 32])),
        deposit: Some("100.00".parse().unwrap()),
        rate: Some("1".parse().unwrap()),
        start: Some(UnixTime::of(t(10))),
        ..TermsDraft::default()
    };
    let (stream, event) = Stream::create(uuid(n), &draft.settle(t(0)).unwrap(), t(0));
    CreateStream { stream, event, keyed: None, owner: None }
}

fn keyed(n: u64, key: &str, request: &str) -> CreateStream {
    let keyed = KeyedResponse {
        scope: "POST /api/streams".to_owned(),
        key: IdempotencyKey::parse(key).unwrap(),
        request: request.to_owned(),
        response: id(n).to_string().into_bytes(),
        at: t(0),
        expired_before: fluxora_store::expired_before(t(0)),
    };
    CreateStream { keyed: Some(keyed), ..create(n) }
}

async fn put(store: &PostgresStore, numbers: impl IntoIterator<Item = u64>) {
    for n in numbers {
        assert_eq!(store.create_stream(create(n)).await.unwrap(), Created::Done);
    }
}

/// Asks the server until it says what is expected.
fn until(database: &Database, sql: &str, expect: &str) {
    while database.sql(sql) != expect {}
}

/// Asks a future once.
async fn poll<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context)))
        .await
}
