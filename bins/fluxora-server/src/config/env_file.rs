//! The format of a file `.env`: `NAME=value` per line, empty lines, and comments.
//!
//! A value is literal: `$` and `\` have no meaning, and nothing is cut but surrounding white space and, in a value
//! without quotes, a comment after white space and `#`. A value in single or double quotes ends at the same quote. The
//! word `export` before a name is skipped.

use std::collections::BTreeMap;

use thiserror::Error;

/// A line that cannot be read. The line itself is not repeated: it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("line {line} {fault}")]
pub(super) struct BadLine {
    line: usize,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum Fault {
    #[error("is not UTF-8 text")]
    NotUtf8,
    #[error("is not NAME=value")]
    NoAssignment,
    #[error("opens a quote and does not close it")]
    OpenQuote,
    #[error("has text after its closing quote")]
    AfterQuote,
    #[error("gives a name a second time")]
    Repeated,
}

/// Reads a whole file.
///
/// # Errors
/// The first bad line.
pub(super) fn parse(file: &[u8]) -> Result<BTreeMap<String, String>, BadLine> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut values = BTreeMap::new();
    for (number, line) in (1..).zip(file.split(|byte| *byte == b'\n')) {
        let bad = |fault| BadLine { line: number, fault };
        let line = std::str::from_utf8(line).map_err(|_| bad(Fault::NotUtf8))?;
        let Some((name, value)) = assignment(line).map_err(bad)? else { continue };
        if values.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(bad(Fault::Repeated));
        }
    }
    Ok(values)
}

/// The name and the value of a line; `None` for an empty line or a comment.
fn assignment(line: &str) -> Result<Option<(&str, &str)>, Fault> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, value) = line.split_once('=').ok_or(Fault::NoAssignment)?;
    let name = name.trim();
    let name = name.strip_prefix("export ").map_or(name, str::trim_start);
    if !is_name(name) {
        return Err(Fault::NoAssignment);
    }
    Ok(Some((name, read_value(value.trim())?)))
}

fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(word) && name.starts_with(|c: char| !c.is_ascii_digit())
}

fn read_value(text: &str) -> Result<&str, Fault> {
    let Some(quote) = text.chars().next().filter(|c| ['"', '\''].contains(c)) else {
        return Ok(without_comment(text));
    };
    let (value, rest) =
        text.strip_prefix(quote).and_then(|text| text.split_once(quote)).ok_or(Fault::OpenQuote)?;
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') { Ok(value) } else { Err(Fault::AfterQuote) }
}

/// The text before a `#` that begins it or follows white space.
fn without_comment(text: &str) -> &str {
    let is_comment = |(at, _): &(usize, &str)| {
        text.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with(char::is_whitespace))
    };
    let comment = text.match_indices('#').find(is_comment);
    comment.and_then(|(at, _)| text.get(..at)).unwrap_or(text).trim_end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a file of one line, which gives `A`.
    #[track_caller]
    fn check(line: &str, expect: &str) {
        assert_eq!(
            parse(line.as_bytes()),
            Ok(BTreeMap::from([("A".to_owned(), expect.to_owned())])),
            "{line:?}"
        );
    }

    #[test]
    fn a_value_is_literal_without_surrounding_white_space() {
        for (line, value) in [
            ("A=b", "b"),
            (" A = b \r", "b"),
            ("export A=b", "b"),
            ("A=", ""),
            ("A=\"\"", ""),
            ("A=b c", "b c"),
            ("A=b=c", "b=c"),
            ("A=pa$$word${HOME}$", "pa$$word${HOME}$"),
            ("A=\"pa$HOME\\n\"", "pa$HOME\\n"),
            ("A='it is \"so\"'", "it is \"so\""),
            ("A=\"it's # so \" # comment", "it's # so "),
            ("A=b#c", "b#c"),
            ("A=b # comment", "b"),
            ("A= # comment", ""),
            ("A=Test SDF Network ; September 2015", "Test SDF Network ; September 2015"),
            ("\u{feff}A=b", "b"),
        ] {
            check(line, value);
        }
    }

    #[test]
    fn empty_lines_and_comments_are_skipped() {
        assert_eq!(parse(b"\n# A=b\n \t\n  #\n"), Ok(BTreeMap::new()));
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        for (line, fault) in [
            (&b"JWT_SECRET hunter2"[..], Fault::NoAssignment),
            (b"=hunter2", Fault::NoAssignment),
            (b"2A=hunter2", Fault::NoAssignment),
            (b"A B=hunter2", Fault::NoAssignment),
            (b"A=\"hunter2", Fault::OpenQuote),
            (b"A='hunter2\"", Fault::OpenQuote),
            (b"A='hunter2' b", Fault::AfterQuote),
            (b"A=hunter2\xff", Fault::NotUtf8),
            (b"B=hunter2", Fault::Repeated),
        ] {
            let file = [b"# comment\nB=c\n", line, b"\nC=d\n"].concat();
            let error = parse(&file).unwrap_err();
            assert_eq!(error, BadLine { line: 3, fault });
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_value_is_read_as_written(value in "[^'\n\r]*") {
            check(&format!("A='{value}'"), &value);
        }

        #[test]
        fn any_file_is_read_or_refused(file in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(&file).ok();
        }
    }
}
