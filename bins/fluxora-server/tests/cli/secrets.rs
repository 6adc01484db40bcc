//! Secret settings that come from files.

use std::ffi::OsStr;
use std::fs;

use super::{SECRETS, named, run};

/// Starts the server with a database that a file names: exit code and standard error.
fn starts(database_url: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("database_url");
    fs::write(&file, database_url).unwrap();
    let (code, out, err) = run(&["migrate"], &[("DATABASE_URL_FILE", file.as_os_str())]);
    (code, out + &err)
}

#[test]
fn a_database_url_may_stand_in_a_file_that_ends_in_a_line_break() {
    for end in ["", "\n", "\r\n"] {
        let (code, said) = starts(&format!("sqlite::memory:{end}"));
        assert_eq!((code, said.as_str()), (Some(0), "the schema is up to date\n"), "{end:?}");
    }
}

#[test]
fn what_stands_in_the_file_is_checked_like_the_setting_and_not_repeated() {
    for wrong in ["hunter2", "", "\n", "postgres://user:hunter2@", " sqlite::memory:", "sqlite::memory:\n\n"]
    {
        let (code, said) = starts(wrong);
        assert_eq!((code, said.contains("hunter2")), (Some(78), false), "{wrong:?}: {said}");
        assert!(said.contains("\n  DATABASE_URL"), "{wrong:?}: {said}");
    }
}

#[test]
fn a_secret_given_twice_is_refused_and_neither_is_repeated() {
    for name in SECRETS {
        let file = format!("{name}_FILE");
        let hunter2 = OsStr::new("hunter2");
        let (code, out, err) = run(&[], &[(name, hunter2), (&file, hunter2)]);
        assert_eq!((code, out.as_str(), named(&err)), (Some(78), "", vec![name]), "{err}");
        assert!(
            err.contains(&format!("{name} and {file} are both given")) && !err.contains("hunter2"),
            "{err}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_by_its_setting_with_every_other_fault() {
    for name in SECRETS {
        let file = format!("{name}_FILE");
        for path in ["hunter2", "", "/"] {
            let wrong = [(file.as_str(), OsStr::new(path)), ("PORT", OsStr::new("hunter2"))];
            let (code, out, err) = run(&[], &wrong);
            let named = named(&err);
            assert_eq!((code, out.as_str(), named.len()), (Some(78), "", 2), "{err}");
            assert!(named.contains(&"PORT") && named.contains(&file.as_str()), "{err}");
            assert!(!err.contains("hunter2"), "{err}");
        }
    }
}
