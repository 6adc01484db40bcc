//! Outages of the machine: writes are refused, reads are served, and writes work again after the outage.

use std::time::Duration;

use super::*;

const IMPATIENT: Options = Options { batch: 256, queue: 1_024, lock_wait: Duration::from_millis(5) };

async fn reads_work(store: &Kept) {
    assert!(store.has(1).await);
    assert_eq!(store.list_streams(&page(None, 10)).await.unwrap().streams.len(), 1);
    assert_eq!(store.stream_events(&id(1), 0, 10).await.unwrap().unwrap().events.len(), 1);
    assert_eq!(store.count_streams(&StreamFilter::default(), UnixTime::EPOCH).await.unwrap().count, 1);
}

async fn writes_do_not(store: &Kept) {
    assert_unavailable(store.create_stream(create(2)).await);
    assert_unavailable(store.cancel_stream(&id(1), fluxora_store::still(t(1))).await);
    assert_unavailable(store.record_due(t(20), 10).await);
    assert_unavailable(store.check().await);
    reads_work(store).await;
}

async fn everything_works(store: &Kept) {
    store.check().await.unwrap();
    assert!(!store.has(2).await, "what was refused was not written");
    store.put([2]).await;
    assert_eq!(store.record_due(t(20), 10).await.unwrap().streams, 2);
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_lock_held_by_another_program_stops_writes_until_it_is_released() {
    for lock in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        let store = Kept::open(IMPATIENT);
        store.put([1]).await;
        let other = store.other();
        other.execute_batch(lock).unwrap();
        writes_do_not(&store).await;
        other.execute_batch("ROLLBACK").unwrap();
        everything_works(&store).await;
    }
}

#[tokio::test]
async fn one_wait_for_a_lock_answers_all_who_are_queued() {
    let store = Kept::open(Options { batch: 1, ..IMPATIENT });
    let other = store.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answers = futures_util::future::join_all((0..50).map(|n| store.create_stream(create(n)))).await;
    answers.into_iter().for_each(assert_unavailable);
    other.execute_batch("ROLLBACK").unwrap();
    store.put(0..50).await;
}

impl Kept {
    /// Lets the file have `pages` more pages than it has.
    async fn room_for(&self, pages: i64) {
        let limit = move |connection: &Connection| {
            let used: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
            connection.pragma_update(None, "max_page_count", used + pages).unwrap();
            Ok(())
        };
        self.writer.run(limit).await.unwrap();
    }
}

async fn reads_go_on(store: &Kept) {
    assert!(store.has(1).await);
    assert!(!store.list_streams(&page(None, 10)).await.unwrap().streams.is_empty());
}

#[tokio::test]
async fn a_full_disk_stops_writes_until_there_is_room() {
    let store = Kept::open(Options::default());
    store.put([1]).await;
    store.room_for(0).await;
    let mut taken = 2..;
    let refused = loop {
        let answer = store.create_stream(create(taken.next().unwrap())).await;
        if answer.is_err() {
            break answer;
        }
    };
    assert_unavailable(refused);
    let last = taken.start - 1;
    assert!(store.has(last - 1).await && !store.has(last).await);
    reads_go_on(&store).await;
    for _ in 0..3 {
        // Neither a step of the clock that finds nothing to write nor a look at the health makes it well again.
        assert_eq!(store.record_due(t(0), 10).await.unwrap(), Recorded::default());
        assert_unavailable(store.check().await);
    }
    store.room_for(1_000).await;
    store.check().await.unwrap();
    store.put([last]).await;
    let proofs: i64 =
        store.other().query_row("SELECT count(*) FROM write_proofs", [], |row| row.get(0)).unwrap();
    assert_eq!(proofs, 0, "a proof leaves nothing behind");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_was_moved_away_is_not_written_to_until_it_is_back() {
    let store = Kept::open(Options::default());
    store.put([1]).await;
    let away = store.folder.path().join("away.db");
    std::fs::rename(store.path(), &away).unwrap();
    assert_unavailable(store.create_stream(create(2)).await);
    assert_unavailable(store.check().await);
    std::fs::write(store.path(), "another file under its name").unwrap();
    assert_unavailable(store.create_stream(create(2)).await);
    std::fs::rename(&away, store.path()).unwrap();
    everything_works(&store).await;
}

/// What a server does to a file, and what an operator or a script does to it meanwhile.
#[cfg(unix)]
mod files {
    use std::os::unix::fs::FileExt;
    use std::path::Path;

    use super::*;

    fn beside(path: &Path, suffix: &str) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    }

    async fn refuses_writes(store: &Kept) {
        for n in 100..140 {
            assert_unavailable(store.create_stream(create(n)).await);
        }
        assert_unavailable(store.check().await);
    }

    /// What a start finds after the process was killed: the files by their names, in another folder.
    fn found_by_the_next_start(store: &Kept) -> i64 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fluxora.db");
        for suffix in ["", "-wal"] {
            std::fs::copy(beside(&store.path(), suffix), beside(&path, suffix)).ok();
        }
        let next = Connection::open(&path).unwrap();
        next.query_row("SELECT count(*) FROM streams", [], |row| row.get(0)).unwrap()
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_into_a_log_without_a_name() {
        for suffix in ["-wal", "-shm"] {
            let store = Kept::open(Options::default());
            store.put(1..=40).await;
            std::fs::remove_file(beside(&store.path(), suffix)).unwrap();
            refuses_writes(&store).await;
            assert_eq!(found_by_the_next_start(&store), 40, "{suffix}: what was acknowledged before is kept");
        }
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_into_a_log_that_was_replaced() {
        let store = Kept::open(Options::default());
        store.put([1]).await;
        let log = beside(&store.path(), "-wal");
        std::fs::remove_file(&log).unwrap();
        std::fs::write(&log, "").unwrap();
        refuses_writes(&store).await;
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_into_a_database_that_was_written_over() {
        let store = Kept::open(Options::default());
        store.put(1..=40).await;
        let backup = store.folder.path().join("backup.db");
        store.other().execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
        store.put(41..=80).await;
        std::fs::copy(&backup, store.path()).unwrap();
        refuses_writes(&store).await;
        refuses_writes(&store).await;
    }

    /// Damage to a file by a program that does not use SQLite.
    fn damage(path: &Path, with: fn(&std::fs::File)) {
        with(&std::fs::File::options().write(true).open(path).unwrap());
    }

    const CUT: fn(&std::fs::File) = |file| file.set_len(0).unwrap();
    const SHORTEN: fn(&std::fs::File) = |file| file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    const ZERO_START: fn(&std::fs::File) = |file| file.write_all_at(&[0; 64], 0).unwrap();
    const GARBLE: fn(&std::fs::File) = |file| {
        let garbage = vec![0x5a; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.write_all_at(&garbage, 0).unwrap();
    };
    const CHANGE_HEADER: fn(&std::fs::File) = |file| file.write_all_at(&[0x5a; 8], 24).unwrap();
    const ZERO_END: fn(&std::fs::File) =
        |file| file.write_all_at(&[0; 4_120], file.metadata().unwrap().len() - 4_120).unwrap();

    #[tokio::test]
    async fn nothing_is_acknowledged_into_a_log_that_was_written_over_or_cut() {
        for (suffix, with) in [
            ("-wal", CUT),
            ("-wal", SHORTEN),
            ("-wal", ZERO_START),
            ("-wal", GARBLE),
            ("-wal", CHANGE_HEADER),
            ("-wal", ZERO_END),
            ("-shm", GARBLE),
        ] {
            let store = Kept::open(Options::default());
            store.put(1..=40).await;
            damage(&beside(&store.path(), suffix), with);
            refuses_writes(&store).await;
            refuses_writes(&store).await;
        }
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_after_an_earlier_copy_of_all_files_was_put_over_them() {
        let store = Kept::open(Options::default());
        store.put(1..=40).await;
        let earlier =
            ["", "-wal", "-shm"].map(|suffix| std::fs::read(beside(&store.path(), suffix)).unwrap());
        store.put(41..=80).await;
        for (suffix, bytes) in ["", "-wal", "-shm"].into_iter().zip(earlier) {
            let file = std::fs::File::options().write(true).open(beside(&store.path(), suffix)).unwrap();
            file.write_all_at(&bytes, 0).unwrap();
        }
        refuses_writes(&store).await;
    }

    #[tokio::test]
    async fn a_stop_leaves_the_files_of_a_damaged_database_unchanged() {
        let store = Kept::open(Options::default());
        store.put(1..=40).await;
        damage(&beside(&store.path(), "-wal"), ZERO_START);
        let files = || ["", "-wal"].map(|suffix| std::fs::read(beside(&store.path(), suffix)).unwrap());
        let before = files();
        store.close().await;
        assert!(before == files(), "the database or its log was changed");
    }

    #[tokio::test]
    async fn a_database_that_was_written_over_is_not_changed_by_the_stop() {
        let store = Kept::open(Options::default());
        store.put(1..=40).await;
        let backup = store.folder.path().join("backup.db");
        store.other().execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
        store.put(41..=80).await;
        std::fs::copy(&backup, store.path()).unwrap();
        store.close().await;
        assert_eq!(std::fs::read(store.path()).unwrap(), std::fs::read(&backup).unwrap());
    }

    #[tokio::test]
    async fn a_database_that_was_cut_ends_in_an_error() {
        let store = Kept::open(Options::default());
        store.put(1..=200).await;
        store.other().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        store.put([201]).await;
        std::fs::File::options().write(true).open(store.path()).unwrap().set_len(4_096).unwrap();
        refuses_writes(&store).await;
        // An error or what is still in a cache, and no signal that ends the process.
        drop(store.list_streams(&page(None, 100)).await);
    }

    #[tokio::test]
    async fn another_program_that_uses_sqlite_stops_nothing() {
        let store = Kept::open(Options::default());
        for n in 0..4 {
            store.put([n * 2]).await;
            let other = store.other();
            other.execute("INSERT INTO write_proofs (bytes) VALUES (zeroblob(9000))", []).unwrap();
            other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
            store.put([n * 2 + 1]).await;
        }
        store.check().await.unwrap();
    }
}
