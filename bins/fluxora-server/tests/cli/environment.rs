//! Values that almost match: white space, empty variables, the file `.env`, and misspelt names.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::{SETTINGS, named, run_in};

/// Runs `migrate`, whose output does not name the database, and lists the files in its directory.
fn migrate(directory: &Path, environment: &[(&str, &str)]) -> (Option<i32>, String, Vec<String>) {
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect();
    let (code, out, err) = run_in(directory, &["migrate"], &environment);
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".env")
        .collect();
    files.sort();
    (code, out + &err, files)
}

#[track_caller]
fn check(environment: &[(&str, &str)], expect: Option<&[&str]>) {
    let directory = tempfile::tempdir().unwrap();
    let (code, said, files) = migrate(directory.path(), environment);
    match expect {
        Some(expect) => {
            assert_eq!((code, files), (Some(0), expect.iter().map(ToString::to_string).collect()), "{said}");
        }
        None => assert_eq!((code, files), (Some(78), vec![]), "{said}"),
    }
}

#[test]
fn white_space_around_a_database_url_does_not_open_another_database() {
    for url in ["sqlite://a.db", "sqlite://a.db\n", " sqlite://a.db\r\n", "sqlite://a.db \t"] {
        check(&[("DATABASE_URL", url)], Some(&["a.db"]));
    }
}

#[test]
fn a_blank_database_url_is_refused() {
    for url in [" ", "\n", "\r\n\t"] {
        check(&[("DATABASE_URL", url)], None);
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let empty = SETTINGS.map(|name| (name, ""));
    check(&empty, Some(&["data"]));
    let files =
        ["DATABASE_URL_FILE", "INDEXER_WORKER_TOKEN_FILE", "OPERATOR_TOKEN_FILE"].map(|name| (name, ""));
    check(&files, Some(&["data"]));
    check(&[("DATABASE_URL", "sqlite://a.db"), ("DATABASE_URL_FILE", "")], Some(&["a.db"]));
}

#[test]
fn white_space_around_any_setting_is_ignored() {
    let values = [
        ("HOST", " localhost\n"),
        ("PORT", "0\n"),
        ("OPEN_WRITES", "true "),
        ("OPERATOR_TOKEN", "oooooooooooooooooooooooooooooooo\n"),
        ("LOG_LEVEL", "warn\n"),
        ("LOG_FORMAT", "pretty\n"),
        ("DB_POOL_SIZE", " 3\n"),
        ("INDEXER_ENABLED", "false\n"),
        ("DATABASE_URL", "sqlite://a.db"),
    ];
    check(&values, Some(&["a.db"]));
}

/// Writes a file `.env` and runs `migrate`.
fn with_file(file: &[u8], environment: &[(&str, &str)]) -> (Option<i32>, String, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(".env"), file).unwrap();
    migrate(directory.path(), environment)
}

#[test]
fn a_variable_wins_over_the_file_unless_it_is_empty() {
    let file = b"DATABASE_URL=sqlite://file.db\n";
    for (environment, database) in [
        (&[][..], "file.db"),
        (&[("DATABASE_URL", "")], "file.db"),
        (&[("DATABASE_URL", "sqlite://variable.db")], "variable.db"),
    ] {
        let (code, said, files) = with_file(file, environment);
        assert_eq!((code, files), (Some(0), vec![database.to_owned()]), "{said}");
    }
}

#[test]
fn a_dollar_sign_in_the_file_is_literal() {
    for line in ["DATABASE_URL=sqlite://a$HOME$$.db", "DATABASE_URL=\"sqlite://a$HOME$$.db\""] {
        let (code, said, files) = with_file(line.as_bytes(), &[("HOME", "home")]);
        assert_eq!((code, files), (Some(0), vec!["a$HOME$$.db".to_owned()]), "{said}");
    }
}

#[test]
fn a_bad_line_of_the_file_is_named_by_its_number_and_not_repeated() {
    for line in ["JWT_SECRET hunter2", "PORT='hunter2", "OPEN_WRITES=hunter2\nOPEN_WRITES=hunter2"] {
        let (code, said, files) = with_file(format!("# settings\n\n{line}\n").as_bytes(), &[]);
        let number = 2 + line.lines().count();
        assert_eq!((code, files, named(&said)), (Some(78), vec![], vec![".env"]), "{said}");
        assert!(said.contains(&format!("line {number} ")) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_secret_of_the_file_is_not_shown_by_help() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(".env"), "OPERATOR_TOKEN=hunter2\nPORT=8080\nCOPY_FROM=hunter2\n")
        .unwrap();
    for options in [&["--help"][..], &["copy", "--help"]] {
        let (code, out, err) = run_in(directory.path(), options, &[]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert!(!out.contains("hunter2"), "{out}");
    }
}

#[test]
fn misspelt_names_are_warned_about_with_the_nearest_name() {
    let file = b"DATABASE_URI=sqlite://hunter2.db\nHORIZON_URL=https://hunter2.example\n";
    let environment = [("DB_POOLSIZE", "hunter2"), ("FLUXORA_OPEN_WRITES", "hunter2"), ("DB", "hunter2")];
    let (code, said, files) = with_file(file, &environment);
    assert_eq!((code, files), (Some(0), vec!["data".to_owned()]), "{said}");
    let warnings: Vec<_> = said.lines().filter(|line| line.contains("unknown setting")).collect();
    for (name, source, nearest) in [
        ("DB_POOLSIZE", "environment", "DB_POOL_SIZE"),
        ("FLUXORA_OPEN_WRITES", "environment", "OPEN_WRITES"),
        ("DATABASE_URI", ".env", "DATABASE_URL"),
    ] {
        let warning = format!("unknown setting {name} ({source}) ignored; the nearest name is {nearest}");
        assert!(warnings.iter().any(|line| line.ends_with(&warning)), "{said}");
    }
    assert_eq!(warnings.len(), 3, "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_variable_that_lacks_the_last_letter_of_any_setting_is_warned_about() {
    let names: Vec<_> = SETTINGS.iter().filter(|name| name.len() >= 8 && name.contains('_')).collect();
    let cut: Vec<_> = names.iter().map(|name| (name.split_at(name.len() - 1).0, "hunter2")).collect();
    let (code, said, _) = with_file(b"", &cut);
    assert_eq!(code, Some(0), "{said}");
    for (name, cut) in names.iter().zip(&cut) {
        let warning = format!("unknown setting {} (environment) ignored; the nearest name is {name}", cut.0);
        assert!(said.lines().any(|line| line.ends_with(&warning)), "{warning} is not in\n{said}");
    }
    assert!(names.len() > 20 && !said.contains("hunter2"), "{said}");
}

#[test]
fn every_name_of_the_template_is_known() {
    let template = include_str!("../../../../.env.example");
    let assignments = template.lines().map(|line| line.trim_start_matches('#'));
    let assignments: Vec<_> = assignments
        .filter(|line| line.split_once('=').is_some_and(|(name, _)| !name.contains(' ')))
        .collect();
    assert!(assignments.len() > 15, "{assignments:?}");
    let names: Vec<_> = assignments.iter().map(|line| line.split_once('=').unwrap().0).collect();
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    let file: String = unique.iter().map(|name| format!("{name}=\n")).collect();
    let (code, said, _) = with_file(file.as_bytes(), &[]);
    assert_eq!((code, said.as_str()), (Some(0), "the schema is up to date\n"));
}
