/// A position in a list, bound to the filters of that list. Opaque to clients.
///
/// Written as a version digit, the position and a fingerprint of the filters, in lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) position: u64,
    list: u64,
}

const VERSION: &str = "1";

impl Cursor {
    /// The length of a cursor in characters.
    pub(crate) const LENGTH: usize = 33;

    /// The cursor of a position in the list with this description.
    pub(crate) fn at(position: u64, list: &str) -> Self {
        Self { position, list: fingerprint(list) }
    }

    /// Parses a cursor of this list. `None` for any other text.
    pub(crate) fn parse(text: &str, list: &str) -> Option<Self> {
        let hex = text.strip_prefix(VERSION).filter(|hex| hex.len() == 32)?;
        let (position, fingerprint) = hex.split_at_checked(16)?;
        let cursor = Self { position: number(position)?, list: number(fingerprint)? };
        (cursor == Self::at(cursor.position, list)).then_some(cursor)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{VERSION}{:016x}{:016x}", self.position, self.list)
    }
}

/// The filters of a list as one text.
///
/// `first` are the filters of release 0.1.0 in their order, in the text to which its cursors are bound: they stay valid. A later filter
/// is in the text only if it is given, so that cursors stay valid when a filter is added.
pub(crate) fn describe(first: &[Option<String>], later: &[(&str, Option<String>)]) -> String {
    let first = first.iter().map(|value| match value {
        Some(value) => format!("Some({value})"),
        None => "None".to_owned(),
    });
    let later = later.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
    first.chain(later).collect::<Vec<_>>().join(" ")
}

/// A text as a filter's value: in quotes, so that no two lists of filters have the same text.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn number(hex: &str) -> Option<u64> {
    let lower = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    lower.then(|| u64::from_str_radix(hex, 16).ok())?
}

/// FNV-1a, 64 bits: the same in every version and on every machine, which `std`'s hasher does not promise.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_for_its_own_list_only() {
        let cursor = Cursor::at(77, "status=active");
        assert_eq!(Cursor::parse(&cursor.to_string(), "status=active"), Some(cursor));
        assert_eq!(Cursor::parse(&cursor.to_string(), "status=paused"), None);
    }

    #[test]
    fn a_text_of_another_form_is_no_cursor() {
        let good = Cursor::at(77, "").to_string();
        let mut short = good.clone();
        short.pop();
        for text in ["", "1", &good.replacen('1', "2", 1), &good.to_uppercase(), &short, &format!("{good}0")]
        {
            assert_eq!(Cursor::parse(text, ""), None, "{text}");
        }
        assert_eq!(Cursor::parse(&good.replacen("00", "+0", 1), ""), None);
        assert_eq!(Cursor::parse(&format!("1{}é", "0".repeat(30)), ""), None);
    }

    #[test]
    fn the_cursors_of_release_0_1_0_are_those_of_the_same_filters() {
        let contract = quoted("CAAQAAAAAAAAAAAJBEEQSCIJBEEQSCIJBEEQSCIJBEEQSCIJBEEQSFZB");
        let streams = |origin| describe(&[None, None, None, origin, None], &[("updatedSince", None)]);
        for (list, recorded) in [
            (streams(None), "1000000000000002ae5a2165944d2797b"),
            (streams(Some(quoted("api"))), "1000000000000000d725ae889e6c2675e"),
            (describe(&[None, None, Some(contract), None], &[]), "10015553000000001e3b93db2ffa57377"),
        ] {
            assert!(Cursor::parse(recorded, &list).is_some(), "{recorded} of {list}");
        }
    }

    #[test]
    fn a_filter_that_is_not_given_leaves_no_trace_and_no_two_lists_are_described_alike() {
        let given = |text: &str| Some(quoted(text));
        assert_eq!(describe(&[given("a"), None], &[("later", None)]), "Some(\"a\") None");
        assert_eq!(describe(&[None], &[("later", given("b"))]), "None later=\"b\"");
        let one = describe(&[given("a\") Some(\"b"), None], &[]);
        assert_ne!(one, describe(&[given("a"), given("b")], &[]));
        assert_ne!(describe(&[given("a\\")], &[]), describe(&[given("a\\\\")], &[]));
    }

    #[test]
    fn the_fingerprint_is_fnv_1a() {
        assert_eq!(fingerprint("foobar"), 0x8594_4171_f739_67e8);
    }
}
