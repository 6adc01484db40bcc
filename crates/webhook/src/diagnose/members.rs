//! The text members of a JSON object, found without a JSON library: a diagnosis reads two of them.

use std::iter::Peekable;
use std::str::Chars;

/// The text of a member of the outermost object. `None` where the body is no object, or the member is absent or no text.
pub(super) fn text_member(body: &[u8], name: &str) -> Option<String> {
    let mut cursor = Cursor(std::str::from_utf8(body).ok()?.chars().peekable());
    let mut found = None;
    cursor.expect('{')?;
    loop {
        cursor.expect('"')?;
        let is_it = cursor.text()? == name;
        cursor.expect(':')?;
        let value = if cursor.accept('"') {
            Some(cursor.text()?)
        } else {
            cursor.skip_value()?;
            None
        };
        if is_it {
            found = value;
        }
        if !cursor.accept(',') {
            cursor.expect('}')?;
            return found;
        }
    }
}

struct Cursor<'a>(Peekable<Chars<'a>>);

impl Cursor<'_> {
    /// Whether this is the next character after white space, which is then read.
    fn accept(&mut self, wanted: char) -> bool {
        while self.0.next_if(|c| matches!(c, ' ' | '\t' | '\n' | '\r')).is_some() {}
        self.0.next_if_eq(&wanted).is_some()
    }

    fn expect(&mut self, wanted: char) -> Option<()> {
        self.accept(wanted).then_some(())
    }

    /// A text up to its closing quotation mark, with its escapes resolved.
    fn text(&mut self) -> Option<String> {
        let mut text = Vec::new();
        loop {
            match self.0.next()? {
                '"' => return String::from_utf16(&text).ok(),
                '\\' => text.push(self.escape()?),
                c => text.extend(c.encode_utf16(&mut [0; 2]).iter()),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        Some(match self.0.next()? {
            'b' => 0x08,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'u' => {
                let mut unit = 0;
                for _ in 0..4 {
                    unit = unit * 16 + u16::try_from(self.0.next()?.to_digit(16)?).ok()?;
                }
                unit
            }
            '"' => 0x22,
            '\\' => 0x5c,
            '/' => 0x2f,
            _ => return None,
        })
    }

    /// Reads up to the comma or the brace that ends a value that is no text.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match *self.0.peek()? {
                ',' | '}' if depth == 0 => return Some(()),
                '"' => {
                    self.0.next();
                    self.text()?;
                    continue;
                }
                '{' | '[' => depth = depth.saturating_add(1),
                '}' | ']' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.0.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[track_caller]
    fn check(body: &str, expect: Option<&str>) {
        assert_eq!(text_member(body.as_bytes(), "type").as_deref(), expect, "{body}");
    }

    #[test]
    fn a_text_of_the_outermost_object_is_found() {
        check(r#"{"type":"a.b"}"#, Some("a.b"));
        check(r#" { "id" : 1 , "type" : "a.b" , "x" : null } "#, Some("a.b"));
        check(r#"{"data":{"type":"no","list":[1,{"type":"no"},"}"]},"type":"a.b"}"#, Some("a.b"));
        check(
            r#"{"ty\u0070e":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude0a"}"#,
            Some("\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f60a}"),
        );
    }

    #[test]
    fn what_is_no_text_of_the_outermost_object_is_not_found() {
        for body in [
            "",
            "{",
            "{}",
            "[]",
            "\"type\"",
            r#"{"type":1}"#,
            r#"{"type":["a"]}"#,
            r#"{"data":{"type":"a"}}"#,
        ] {
            check(body, None);
        }
        for broken in [
            r#"{"type":"a"#,
            r#"{"type":"\x"}"#,
            r#"{"type":"\ud83d"}"#,
            r#"{"type":"a" "b":1}"#,
            r#"{"a":]}"#,
        ] {
            check(broken, None);
        }
        assert_eq!(text_member(b"{\"type\":\"\xff\"}", "type"), None);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("type|[a\"\\\\{}]{0,2}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn members_are_those_that_a_json_library_reads(value in json(), pretty in any::<bool>()) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let expect = value.as_object().and_then(|members| members.get("type")?.as_str());
            let found = text_member(text.as_bytes(), "type");
            prop_assert_eq!(found.as_deref(), expect);
        }

        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..100), text in "[{}\\[\\],:\"\\\\ut0-9 ]{0,40}") {
            let _ = (text_member(&body, "t"), text_member(text.as_bytes(), "t"));
        }
    }
}
