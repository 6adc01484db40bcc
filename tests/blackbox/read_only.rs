//! Commands that only read refuse an older schema, and `migrate --check` means the same on both backends.

use std::process::{Command, Output};

use fluxora_store_postgres::testing::Cluster;
use rusqlite::Connection;

use crate::binary;
use crate::server::{Launch, TestServer};

/// Runs a command on this database: exit code, standard output, standard error.
fn run(options: &[&str], url: &str) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let target = format!("sqlite://{}", directory.path().join("target.db").display());
    let mut command = Command::new(binary::server());
    command.args(options).env_clear().current_dir(directory.path());
    command.env("DATABASE_URL", url).env("COPY_FROM", url).env("COPY_TO", target);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [out, err] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    (status.code(), out, err)
}

#[test]
fn an_older_schema_is_named_and_not_migrated() {
    let mut server = TestServer::start();
    server.terminate();
    let database = Connection::open(server.database()).unwrap();
    database.execute("DELETE FROM refinery_schema_history WHERE version > 1", []).unwrap();
    database.close().unwrap();
    let url = format!("sqlite://{}", server.database().display());
    names_the_missing_migration(&url, &|| std::fs::read(server.database()).unwrap());
}

#[test]
fn an_older_schema_on_postgres_is_named_and_not_migrated() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    TestServer::launch(Launch::new().set("DATABASE_URL", database.url())).terminate();
    database.sql("DELETE FROM fluxora_schema_history WHERE version > 1");
    let contents = "SELECT (SELECT string_agg(version || checksum, ' ' ORDER BY version) FROM fluxora_schema_history), \
                    (SELECT string_agg(oid || ':' || relfilenode, ' ' ORDER BY oid) FROM pg_class)";
    names_the_missing_migration(&database.url(), &|| database.sql(contents).into_bytes());
}

fn names_the_missing_migration(url: &str, contents: &dyn Fn() -> Vec<u8>) {
    let before = contents();
    for (options, code) in
        [(&["migrate", "--check"][..], 1), (&["reindex", "--verify"], 1), (&["reindex"], 1), (&["copy"], 65)]
    {
        let (ended, out, err) = run(options, url);
        assert_eq!(ended, Some(code), "{options:?}: {out}{err}");
        assert!((out + &err).contains("V2__chain"), "{options:?}: the missing migration is named");
        assert!(contents() == before, "{options:?} wrote something");
    }
}

#[test]
fn migrate_check_means_the_same_on_both_backends() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("fluxora.db");
    std::fs::write(&file, "").unwrap();
    for url in [database.url(), format!("sqlite://{}", file.display())] {
        let check = || run(&["migrate", "--check"], &url);
        let empty =
            (Some(1), "the database is empty: every migration is missing\n".to_owned(), String::new());
        assert_eq!(check(), empty);
        assert_eq!(check(), empty, "it changes nothing");
        assert_eq!(run(&["reindex", "--verify"], &url).0, Some(1));
        assert_eq!(run(&["copy"], &url).0, Some(66));
        assert_eq!(check(), empty, "the others change nothing either");
        assert_eq!(run(&["migrate"], &url).0, Some(0));
        assert_eq!(check(), (Some(0), "the schema is up to date\n".to_owned(), String::new()));
    }
}
