//! Secret settings from files.

use std::ffi::OsStr;
use std::fs;

use super::{SECRETS, named, run};

/// Runs `migrate` with a DATABASE_URL from a file: exit code and output.
fn migrate(database_url: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("database_url");
    fs::write(&file, database_url).unwrap();
    let (code, out, err) = run(&["migrate"], &[("DATABASE_URL_FILE", file.as_os_str())]);
    (code, out + &err)
}

#[test]
fn a_database_url_file_may_end_in_a_line_break() {
    for end in ["", "\n", "\r\n", " \n\n"] {
        let (code, said) = migrate(&format!("sqlite::memory:{end}"));
        assert_eq!((code, said.as_str()), (Some(0), "the schema is up to date\n"), "{end:?}");
    }
}

#[test]
fn the_content_of_a_file_is_checked_like_the_setting_and_not_repeated() {
    for wrong in ["hunter2", "", "\n", " \n", "postgres://user:hunter2@", "sqlite: :memory:"] {
        let (code, said) = migrate(wrong);
        assert_eq!((code, said.contains("hunter2")), (Some(78), false), "{wrong:?}: {said}");
        assert!(said.contains("\n  DATABASE_URL"), "{wrong:?}: {said}");
    }
}

#[test]
fn a_secret_given_by_value_and_by_file_is_refused() {
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
fn a_file_that_cannot_be_read_is_a_fault_among_the_others() {
    for name in SECRETS {
        let file = format!("{name}_FILE");
        for path in ["hunter2", "/"] {
            let wrong = [(file.as_str(), OsStr::new(path)), ("PORT", OsStr::new("hunter2"))];
            let (code, out, err) = run(&[], &wrong);
            let named = named(&err);
            assert_eq!((code, out.as_str(), named.len()), (Some(78), "", 2), "{err}");
            assert!(named.contains(&"PORT") && named.contains(&file.as_str()), "{err}");
            assert!(!err.contains("hunter2"), "{err}");
        }
    }
}
