//! docs/SEED.md: every promise has a row, and what a row points to exists.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::binary;

/// The numbers that were given: each range is a chapter.
const PROMISES: [RangeInclusive<u32>; 7] =
    [1..=12, 20..=29, 40..=65, 70..=82, 90..=106, 110..=125, 130..=152];
const CONTRADICTIONS: RangeInclusive<u32> = 1..=17;
const STATES: [&str; 5] = ["kept", "partly", "container", "not yet", "differently"];

struct Row {
    id: String,
    cells: Vec<String>,
    line: String,
}

fn rows(page: &str) -> Vec<Row> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").map(str::to_owned);
        let id = cells.next().filter(|id| id.starts_with("S-") || id.starts_with("X-"))?;
        Some(Row { id, cells: cells.collect(), line: line.to_owned() })
    };
    page.lines().filter_map(row).collect()
}

/// What stands between backticks and looks like a file of the project: its path, and what it must contain.
fn places(text: &str) -> Vec<(&str, Option<&str>)> {
    let is_path = |path: &str| {
        let known = ["rs", "md", "js", "mjs", "toml"].iter().any(|end| path.ends_with(&format!(".{end}")));
        known || path.starts_with('.') || (path.contains('/') && !path.starts_with('/'))
    };
    let spans = text.split('`').skip(1).step_by(2).filter(|span| !span.contains([' ', '=']));
    let split = |span| <str>::split_once(span, "::").map_or((span, None), |(path, name)| (path, Some(name)));
    spans.map(split).filter(|(path, _)| is_path(path)).collect()
}

/// What is wrong with a place, if anything is.
fn fault(root: &Path, (path, name): (&str, Option<&str>)) -> Option<String> {
    let file = root.join(path);
    match name {
        _ if !file.exists() => Some(format!("there is no {path}")),
        Some(name) if !fs::read_to_string(&file).unwrap_or_default().contains(name) => {
            Some(format!("{path} has no {name}"))
        }
        _ => None,
    }
}

fn page() -> String {
    fs::read_to_string(binary::root().join("docs/SEED.md")).expect("docs/SEED.md can be read")
}

#[test]
fn every_promise_and_every_contradiction_has_one_row() {
    let promises = PROMISES.into_iter().flatten().map(|number| format!("S-{number:03}"));
    let expected: Vec<_> = promises.chain(CONTRADICTIONS.map(|number| format!("X-{number}"))).collect();
    let mut found = BTreeMap::new();
    for row in rows(&page()) {
        *found.entry(row.id).or_insert(0) += 1;
    }
    for id in &expected {
        assert_eq!(found.remove(id), Some(1), "{id} has not one row");
    }
    assert!(found.is_empty(), "these were not promised: {found:?}");
}

#[test]
fn every_promise_has_a_state_and_what_is_kept_says_where() {
    for row in rows(&page()) {
        let [_, state, place] = row.cells.as_slice() else {
            panic!("{} has no three cells: {}", row.id, row.line)
        };
        let is_promise = row.id.starts_with("S-");
        assert!(!is_promise || STATES.contains(&state.as_str()), "{}: {state} is no state", row.id);
        let must_point = !is_promise || ["kept", "partly"].contains(&state.as_str());
        assert!(!must_point || !places(place).is_empty(), "{} names no file", row.id);
        assert!(!place.is_empty(), "{} says nothing of where", row.id);
    }
}

#[test]
fn every_file_and_every_test_that_is_named_exists() {
    let rows = rows(&page());
    let where_it_is = rows.iter().filter_map(|row| row.cells.last());
    let faults: Vec<_> = where_it_is
        .flat_map(|cell| places(cell).into_iter().filter_map(|place| fault(binary::root(), place)))
        .collect();
    assert!(faults.is_empty(), "docs/SEED.md:\n{}", faults.join("\n"));
}

#[test]
fn a_place_is_told_from_other_words_and_a_missing_one_is_found() {
    let line = "| S-1 | `GET /health`, `/health`, `stream.created`, `A=b/c` | `k6/main.js`, `k6/main.js::setup`, `.env` |";
    let expected = [("k6/main.js", None), ("k6/main.js", Some("setup")), (".env", None)];
    assert_eq!(places(line), expected);
    let fault = |path, name| fault(binary::root(), (path, name));
    assert_eq!(fault("k6/main.js", Some("export function setup")), None);
    assert_eq!(fault("k6/main.js", Some("teardown")).unwrap(), "k6/main.js has no teardown");
    assert_eq!(fault("k6/none.js", None).unwrap(), "there is no k6/none.js");
}
