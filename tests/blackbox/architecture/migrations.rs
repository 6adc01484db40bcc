//! A migration leaves the servers of the previous version working: it adds, and a later version removes.

use std::fs;
use std::path::Path;

/// The last migration that may do anything: 0.1.0 does not work beside the servers of this version.
const FREE_UP_TO: u32 = 10;

/// Triggers that write nothing but a column which their migration adds.
const HARMLESS_TRIGGERS: [&str; 2] =
    ["webhook_endpoints_followers_added", "webhook_endpoints_followers_changed"];

/// What a statement does that a server of the previous version would notice, if anything.
fn breaks(statement: &str) -> Option<&'static str> {
    let statement = statement.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let actions = actions(&statement);
    match () {
        () if statement.starts_with("drop") && !statement.starts_with("drop index") => Some("drops"),
        () if statement.starts_with("create unique index") => Some("adds a unique index"),
        () if statement.starts_with("create trigger") => {
            let trigger = word_after(&statement, "create trigger").unwrap_or_default();
            (!HARMLESS_TRIGGERS.contains(&trigger.as_str())).then_some("adds a trigger")
        }
        () if statement.starts_with("alter table") => {
            let added: Vec<_> =
                actions.iter().filter_map(|action| word_after(action, "add column")).collect();
            actions.iter().find_map(|action| action_breaks(action, &added))
        }
        () => None,
    }
}

/// What one action of an `ALTER TABLE` does that a server would notice which does not know the `added` columns.
fn action_breaks(action: &str, added: &[String]) -> Option<&'static str> {
    let has = |words: &str| format!(" {action} ").contains(&format!(" {words} "));
    match () {
        () if has("drop") => Some("drops"),
        () if has("rename") => Some("renames"),
        () if has("alter column") && has("type") => Some("changes a type"),
        () if has("set not null") => Some("requires a column"),
        () if has("add column") && has("not null") && !has("default") => Some("adds a required column"),
        () if has("add check") => Some("adds a constraint"),
        () if has("add constraint") && !is_check_of(action, added) => Some("adds a constraint"),
        () => None,
    }
}

/// The parts of a statement that commas outside of parentheses separate.
fn actions(statement: &str) -> Vec<&str> {
    let mut depth = 0;
    let separates = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    statement.split(separates).map(str::trim).collect()
}

/// Whether an action adds a check that reads none but these columns.
fn is_check_of(action: &str, columns: &[String]) -> bool {
    let Some((_, check)) = action.split_once(" check ") else { return false };
    let words = check.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let mut columns_read = words.filter(|word| {
        !["is", "null", "not", "and", "or", "in", "between"].contains(word) && word.parse::<i64>().is_err()
    });
    columns_read.all(|word| columns.iter().any(|column| column == word))
}

/// The name that follows these words.
fn word_after(text: &str, words: &str) -> Option<String> {
    let text = text.to_lowercase();
    let rest = text.split_once(words)?.1.trim_start();
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
}

/// The statements of a migration, without comments.
fn statements(sql: &str) -> Vec<String> {
    let lines = sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    let code = lines.collect::<Vec<_>>().join("\n");
    code.split(';').map(|statement| statement.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// Whether a statement creates a trigger that only inserts into tables which the migration itself creates: servers of the
/// previous version do not notice it.
fn only_marks(statement: &str, sql: &str) -> bool {
    let own: Vec<_> = statements(sql).iter().filter_map(|other| word_after(other, "create table")).collect();
    let statement = statement.to_lowercase();
    let function = word_after(&statement, "execute function");
    let body = function.and_then(|name| {
        let sql = sql.to_lowercase();
        let from = sql.find(&format!("create function {name}("))?;
        Some(sql[from..].split("$$").nth(1)?.to_owned())
    });
    let body = body.unwrap_or_else(|| statement.clone());
    let actions = ["insert", "update", "delete", "raise", "select pg_"];
    let inserts: Vec<_> =
        body.split("into ").skip(1).filter_map(|rest| word_after(&format!("x {rest}"), "x ")).collect();
    let body = body.split(" begin").last().unwrap_or_default();
    // An insertion into an own table may replace what is there.
    let body = body.replace("do update", "");
    let others = actions.iter().skip(1).any(|action| body.contains(action));
    statement.starts_with("create trigger")
        && !others
        && !inserts.is_empty()
        && inserts.iter().all(|table| own.contains(table))
}

/// The tables that a migration itself creates: only its version knows them.
fn is_about_own_table(statement: &str, sql: &str) -> bool {
    let table = word_after(statement, "alter table").or_else(|| word_after(statement, " on "));
    table.is_some_and(|table| {
        statements(sql).iter().any(|other| word_after(other, "create table").as_ref() == Some(&table))
    })
}

#[test]
fn migrations_only_expand() {
    for backend in ["store-sqlite", "store-postgres"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(backend).join("migrations");
        let mut seen = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let number: u32 = name[1..].split_once("__").unwrap().0.parse().unwrap();
            seen = seen.max(number);
            if number <= FREE_UP_TO {
                continue;
            }
            let sql = fs::read_to_string(&path).unwrap();
            let allowed =
                |statement: &&String| !is_about_own_table(statement, &sql) && !only_marks(statement, &sql);
            for statement in statements(&sql).iter().filter(allowed) {
                assert_eq!(breaks(statement), None, "{backend}, {name}: {statement}");
            }
        }
        assert!(seen >= FREE_UP_TO, "{backend}");
    }
}

#[test]
fn a_statement_that_an_older_server_would_notice_is_found() {
    for (statement, expect) in [
        ("ALTER TABLE streams ADD COLUMN note TEXT", None),
        ("ALTER TABLE streams ADD COLUMN n BIGINT NOT NULL DEFAULT 0", None),
        ("CREATE TABLE other (id BIGINT NOT NULL)", None),
        ("CREATE INDEX i ON streams (note)", None),
        ("DROP INDEX i", None),
        ("ALTER TABLE streams ADD COLUMN n BIGINT NOT NULL", Some("adds a required column")),
        (
            "ALTER TABLE streams ADD COLUMN n BIGINT NOT NULL DEFAULT 0, ADD COLUMN m BIGINT NOT NULL",
            Some("adds a required column"),
        ),
        ("ALTER TABLE streams ADD COLUMN a INT, ADD CONSTRAINT c CHECK (a IS NULL OR a IN (1, 2))", None),
        (
            "ALTER TABLE streams ADD COLUMN a INT, ADD CONSTRAINT c CHECK (a IS NULL OR n > a)",
            Some("adds a constraint"),
        ),
        ("ALTER TABLE streams ADD COLUMN a INT, ADD CONSTRAINT c UNIQUE (a)", Some("adds a constraint")),
        ("ALTER TABLE streams\n  DROP COLUMN note", Some("drops")),
        ("drop table streams", Some("drops")),
        ("ALTER TABLE streams RENAME TO old", Some("renames")),
        ("ALTER TABLE streams ALTER COLUMN n TYPE TEXT", Some("changes a type")),
        ("ALTER TABLE streams ALTER COLUMN n SET NOT NULL", Some("requires a column")),
        ("ALTER TABLE streams ADD CONSTRAINT c CHECK (n > 0)", Some("adds a constraint")),
        ("CREATE UNIQUE INDEX i ON streams (n)", Some("adds a unique index")),
    ] {
        assert_eq!(breaks(statement), expect, "{statement}");
    }
    assert_eq!(statements("-- DROP TABLE a;\nSELECT 1; SELECT 2; -- x"), ["SELECT 1", "SELECT 2"]);
    let marks = "CREATE TABLE marks (n INT); \
                 CREATE TRIGGER t AFTER UPDATE ON streams BEGIN INSERT OR IGNORE INTO marks VALUES (1); END";
    assert!(only_marks(&statements(marks)[1], marks));
    let elsewhere = marks.replace("INTO marks", "INTO streams");
    assert!(!only_marks(&statements(&elsewhere)[1], &elsewhere));
    let updates = marks.replace("INSERT OR IGNORE INTO marks VALUES (1)", "UPDATE streams SET note = 1");
    assert!(!only_marks(&statements(&updates)[1], &updates));
    let own = "CREATE TABLE a (n INT); CREATE UNIQUE INDEX i ON a (n); CREATE UNIQUE INDEX j ON b (n)";
    assert!(is_about_own_table("CREATE UNIQUE INDEX i ON a (n)", own));
    assert!(!is_about_own_table("CREATE UNIQUE INDEX j ON b (n)", own));
}
