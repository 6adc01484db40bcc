//! Commands that only read neither create nor migrate a database.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::{run, run_in};

/// Every file below a directory, with its content.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push((path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
    files.sort();
    files
}

/// Runs a command on `fluxora.db`, which must stay as it is: exit code, standard output, standard error.
#[track_caller]
fn reads(directory: &Path, options: &[&str]) -> (Option<i32>, String, String) {
    let before = files(directory);
    let target = tempfile::tempdir().unwrap();
    let target = format!("sqlite://{}", target.path().join("target.db").display());
    let environment =
        [("DATABASE_URL", "sqlite://fluxora.db"), ("COPY_FROM", "sqlite://fluxora.db"), ("COPY_TO", &target)]
            .map(|(name, value)| (name, OsStr::new(value)));
    let ended = run_in(directory, options, &environment);
    assert!(files(directory) == before, "{options:?} wrote something: {ended:?}");
    ended
}

const CHECK: [&str; 2] = ["migrate", "--check"];
const VERIFY: [&str; 2] = ["reindex", "--verify"];
const COPY: [&str; 1] = ["copy"];

#[test]
fn a_missing_database_is_refused_and_not_created() {
    let directory = tempfile::tempdir().unwrap();
    for (options, code) in
        [(&CHECK[..], 1), (&VERIFY, 1), (&["reindex"], 1), (&COPY, 66), (&["healthcheck"], 1)]
    {
        let (ended, out, err) = reads(directory.path(), options);
        assert_eq!((ended, out.as_str()), (Some(code), ""), "{options:?}: {err}");
        if options != ["healthcheck"] {
            assert!(err.contains("there is no") && err.contains("fluxora.db"), "{options:?}: {err}");
        }
    }
}

#[test]
fn an_empty_database_is_refused_and_stays_empty() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("fluxora.db"), "").unwrap();
    for (options, code) in [(&CHECK[..], 1), (&VERIFY, 1), (&COPY, 66)] {
        let (ended, out, err) = reads(directory.path(), options);
        assert_eq!(ended, Some(code), "{options:?}: {out}{err}");
        assert!((out + &err).contains("the database is empty"), "{options:?}");
    }
}

#[test]
fn a_current_database_is_read_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let url = [("DATABASE_URL", OsStr::new("sqlite://fluxora.db"))];
    assert_eq!(run_in(directory.path(), &["migrate"], &url).0, Some(0));
    for options in [&CHECK[..], &VERIFY, &COPY] {
        let (ended, out, err) = reads(directory.path(), options);
        assert_eq!(ended, Some(0), "{options:?}: {out}{err}");
    }
    assert_eq!(reads(directory.path(), &CHECK).1, "the schema is up to date\n");
}

#[test]
fn a_failed_migration_is_reported_on_standard_error() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("fluxora.db"), "a diary, and not a short one: ".repeat(100)).unwrap();
    for options in [&["migrate"][..], &CHECK] {
        let (ended, out, err) = reads(directory.path(), options);
        assert_eq!((ended, out.as_str()), (Some(1), ""), "{err}");
        assert!(err.starts_with("fluxora-server migrate: "), "{err}");
    }
}

#[test]
fn both_spellings_of_a_database_in_memory_are_understood() {
    for url in ["sqlite::memory:", "sqlite://:memory:"] {
        let url = [("DATABASE_URL", OsStr::new(url))];
        assert_eq!(
            run(&["migrate"], &url),
            (Some(0), "the schema is up to date\n".to_owned(), String::new())
        );
        let (code, out, err) = run(&CHECK, &url);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    }
}
