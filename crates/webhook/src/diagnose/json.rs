//! Just enough of JSON to change its white space and its escapes, without judging whether it is valid.

/// How a program writes JSON.
#[derive(Clone, Copy)]
pub(super) enum Spacing {
    /// No white space, as JavaScript's `JSON.stringify` and Rust's `serde_json` write it.
    Compact,
    /// A blank after `,` and `:`, as Python's `json.dumps` writes it.
    OneLine,
    /// Lines, indented by this many blanks.
    Indented(usize),
}

/// Rewrites the white space between tokens; strings stay as they are.
pub(super) fn respace(text: &str, spacing: Spacing) -> String {
    let tokens = compact(text);
    if matches!(spacing, Spacing::Compact) {
        return tokens;
    }
    let mut written = String::with_capacity(tokens.len().saturating_mul(2));
    let mut depth: usize = 0;
    let mut previous = '\0';
    let mut strings = Strings::default();
    for c in tokens.chars() {
        let inside = strings.contain(c);
        if !inside && matches!(previous, '{' | '[') && !matches!(c, '}' | ']') {
            depth = depth.saturating_add(1);
            break_line(&mut written, spacing, depth);
        }
        if !inside && matches!(c, '}' | ']') && !matches!(previous, '{' | '[') {
            depth = depth.saturating_sub(1);
            break_line(&mut written, spacing, depth);
        }
        written.push(c);
        match (inside, c, spacing) {
            (false, ',', Spacing::Indented(_)) => break_line(&mut written, spacing, depth),
            (false, ',' | ':', _) => written.push(' '),
            _ => {}
        }
        previous = if inside { '\0' } else { c };
    }
    written
}

fn break_line(written: &mut String, spacing: Spacing, depth: usize) {
    if let Spacing::Indented(width) = spacing {
        // Deliveries nest at most this deep; a body of nothing but brackets must not grow without bound.
        let blanks = width.saturating_mul(depth.min(20));
        written.push('\n');
        written.extend(std::iter::repeat_n(' ', blanks));
    }
}

fn compact(text: &str) -> String {
    let mut strings = Strings::default();
    text.chars().filter(|c| strings.contain(*c) || !matches!(c, ' ' | '\t' | '\n' | '\r')).collect()
}

/// Follows where strings begin and end.
#[derive(Default)]
struct Strings {
    inside: bool,
    escaped: bool,
}

impl Strings {
    /// Whether the next character continues a string: the closing quotation mark does, the opening one does not.
    fn contain(&mut self, c: char) -> bool {
        let was_inside = self.inside;
        match c {
            _ if self.escaped => self.escaped = false,
            '\\' if self.inside => self.escaped = true,
            '"' => self.inside = !self.inside,
            _ => {}
        }
        was_inside
    }
}

/// Writes characters beyond ASCII as `\uXXXX`, as Python and PHP do.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

/// Writes `\uXXXX` beyond ASCII as the character itself.
pub(super) fn unescape(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        written.push_str(before);
        rest = match character(after) {
            Some((c, after)) => {
                written.push(c);
                after
            }
            None => {
                // Any other escape: both of its characters as they are, so that `\\u00e9` is no escape.
                written.push('\\');
                let mut chars = after.chars();
                written.extend(chars.next());
                chars.as_str()
            }
        };
    }
    written.push_str(rest);
    written
}

/// The character of an escape after its backslash, if it is beyond ASCII, and what follows it.
fn character(after: &str) -> Option<(char, &str)> {
    let (first, rest) = unit(after)?;
    if let Some(Ok(c)) = char::decode_utf16([first]).next() {
        return (!c.is_ascii()).then_some((c, rest));
    }
    let (second, rest) = unit(rest.strip_prefix('\\')?)?;
    let c = char::decode_utf16([first, second]).next()?.ok()?;
    Some((c, rest))
}

fn unit(after: &str) -> Option<(u16, &str)> {
    let (digits, rest) = after.strip_prefix('u')?.split_at_checked(4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPACT: &str = r#"{"a":[1,2,{"b":"x, y: \"z\" {"}],"c":{},"d":[],"e":"\\"}"#;

    #[track_caller]
    fn check(spacing: Spacing, expect: &str) {
        assert_eq!(respace(COMPACT, spacing), expect);
        assert_eq!(respace(expect, Spacing::Compact), COMPACT);
    }

    #[test]
    fn one_line_is_what_python_writes() {
        check(Spacing::OneLine, r#"{"a": [1, 2, {"b": "x, y: \"z\" {"}], "c": {}, "d": [], "e": "\\"}"#);
    }

    #[test]
    fn indented_is_what_javascript_writes() {
        check(
            Spacing::Indented(2),
            "{\n  \"a\": [\n    1,\n    2,\n    {\n      \"b\": \"x, y: \\\"z\\\" {\"\n    }\n  ],\n  \"c\": {},\n  \"d\": [],\n  \"e\": \"\\\\\"\n}",
        );
    }

    #[test]
    fn escapes_turn_into_characters_and_back() {
        let (plain, escaped) = ("{\"memo\":\"\u{1f60a} \u{e9}\"}", r#"{"memo":"\ud83d\ude0a \u00e9"}"#);
        assert_eq!(escape(plain), escaped);
        assert_eq!(unescape(escaped), plain);
    }

    #[test]
    fn what_is_not_an_escape_beyond_ascii_stays() {
        for text in
            [r#""\\u00e9""#, r#""\u0041\n""#, r#""\ud83d""#, r#""\ud83dx""#, r#""\u00"#, "\\", r"\u+123"]
        {
            assert_eq!(unescape(text), text);
        }
    }
}
