use std::path::PathBuf;

use fluxora_store::{IdempotencyKey, IdempotencyStore, KeyedResponse};
use fluxora_stream::{AccountId, TermsDraft};
use jiff::SignedDuration;
use uuid::Uuid;

use super::*;

mod appending;
mod batches;
mod corruption;
mod fault_injection;
mod outages;
mod rebuilding;
mod restarts;
mod webhooks;

mod in_a_file {
    use super::*;

    fluxora_store::conformance_suite!(*Kept::open(Options::default()));
}

mod in_memory {
    use super::*;

    fluxora_store::conformance_suite!(SqliteStore::open(&Location::Memory, Options::default()).unwrap());

    #[tokio::test]
    async fn a_closed_store_refuses_everything() {
        let store = SqliteStore::open(&Location::Memory, Options::default()).unwrap();
        store.check().await.unwrap();
        store.close().await;
        assert_unavailable(store.create_stream(create(1)).await);
        assert_unavailable(store.stream(&id(1)).await);
        assert_unavailable(store.check().await);
    }
}

mod copies {
    use super::*;
    use fluxora_store::conformance::copy::Records;

    fluxora_store::copy_suite!(Some(Records::default()), fresh());
    fluxora_store::copy_suite!(target fresh());
    fluxora_store::copy_suite!(chain fresh(), fresh());

    #[test]
    fn every_table_is_copied_or_holds_nothing_to_keep() {
        let kept = Kept::open(Options::default());
        let mut known = crate::copy::copied_tables();
        // The counts in `contracts` follow from the copied events and streams. A lease belongs to a running process.
        // Nor are the sums of treasuries.
        known.extend(["contracts", "leases", "refinery_schema_history", "sqlite_sequence", "write_proofs"]);
        known.extend(["treasury_contributions", "treasury_marks", "treasury_progress", "treasury_sums"]);
        known.push("treasury_unreadable");
        // The instants of streams follow from the event log, runways from the sums.
        known.extend(["stream_instants", "time_events_cursor", "treasury_runways"]);
        known.sort_unstable();
        let tables = "SELECT group_concat(name, ' ' ORDER BY name) FROM sqlite_schema WHERE type = 'table'";
        let found: String = kept.other().query_row(tables, [], |row| row.get(0)).unwrap();
        assert_eq!(found, known.join(" "));
    }

    fn fresh() -> Option<SqliteStore> {
        Some(SqliteStore::open(&Location::Memory, Options::default()).unwrap())
    }
}

/// A store in a folder that goes away with it.
struct Kept {
    store: SqliteStore,
    folder: tempfile::TempDir,
}

impl Kept {
    fn open(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&Location::File(folder.path().join("fluxora.db")), options).unwrap();
        Self { store, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("fluxora.db")
    }

    /// Another program's connection to the file.
    fn other(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    async fn put(&self, numbers: impl IntoIterator<Item = u64>) {
        for n in numbers {
            assert_eq!(self.create_stream(create(n)).await.unwrap(), Created::Done);
        }
    }

    async fn has(&self, n: u64) -> bool {
        self.stream(&id(n)).await.unwrap().is_some()
    }
}

impl std::ops::Deref for Kept {
    type Target = SqliteStore;

    fn deref(&self) -> &SqliteStore {
        &self.store
    }
}

/// `seconds` after the beginning of 2026.
fn t(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap() + SignedDuration::from_secs(seconds)
}

fn id(n: u64) -> StreamId {
    StreamId::api(uuid(n))
}

fn uuid(n: u64) -> Uuid {
    Uuid::from_u128(n.into())
}

/// Stream `n` is made at 0 and flows from second 10 for 100 seconds.
fn create(n: u64) -> CreateStream {
    let draft = TermsDraft {
        sender: Some(AccountId::from_public_key([1; 32])),
        recipient: Some(AccountId::from_public_key([2; 32])),
        deposit: Some("100".parse().unwrap()),
        rate: Some("1".parse().unwrap()),
        start: Some(UnixTime::of(t(10))),
        ..TermsDraft::default()
    };
    let (stream, event) = Stream::create(uuid(n), &draft.settle(t(0)).unwrap(), t(0));
    CreateStream { stream, event, keyed: None, owner: None }
}

fn keyed(n: u64, key: &str) -> CreateStream {
    let keyed = KeyedResponse {
        scope: "POST /api/streams".to_owned(),
        key: IdempotencyKey::parse(key).unwrap(),
        request: "the request".to_owned(),
        response: format!("/{n}").into_bytes(),
        at: t(0),
        expired_before: expired_before(t(0)),
    };
    CreateStream { keyed: Some(keyed), ..create(n) }
}

fn page(before: Option<Sequence>, limit: u32) -> StreamQuery {
    StreamQuery { filter: StreamFilter::default(), at: UnixTime::of(t(0)), before, limit }
}

#[track_caller]
fn assert_unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    match answer {
        Err(StoreError::Unavailable { .. }) => {}
        other => panic!("{other:?} is not a refusal for want of storage"),
    }
}
