//! docs/API.md lists the codes of the API: every one, and no other.

use crate::{ErrorKind, FieldCode};

const PAGE: &str = include_str!("../../../../docs/API.md");

/// The codes in the first column of the table with this heading.
fn listed(heading: &str) -> Vec<&'static str> {
    let (_, table) = PAGE.split_once(heading).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut codes: Vec<_> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    codes.sort_unstable();
    codes
}

#[test]
fn every_field_code_is_documented_and_no_other() {
    let mut codes: Vec<_> = FieldCode::ALL.iter().map(|code| code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(listed("| `details[].code` | when |"), codes);
}

#[test]
fn every_error_code_is_documented_and_no_other() {
    let mut codes: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
    codes.sort_unstable();
    assert_eq!(listed("| code | status | when |"), codes);
}
