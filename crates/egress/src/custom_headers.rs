//! Headers that an owner adds to the requests of an endpoint.

use thiserror::Error;

/// The most custom headers of an endpoint.
pub const MAX_CUSTOM_HEADERS: usize = 20;
const MAX_NAME_BYTES: usize = 64;
const MAX_VALUE_BYTES: usize = 4_096;
const MAX_TOTAL_BYTES: usize = 16 * 1_024;

/// Names that the sender, the connection or a proxy sets.
const RESERVED: [&str; 17] = [
    "accept-encoding",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-real-ip",
    "x-http-method-override",
    "origin",
];

/// Beginnings of reserved names: of the sender, of both signature profiles, and of what clouds take for their own.
const RESERVED_PREFIXES: [&str; 13] = [
    "content-",
    "proxy-",
    "sec-",
    "x-forwarded-",
    "x-fluxora-",
    "webhook-",
    "svix-",
    "x-amz",
    "x-aws-",
    "x-goog",
    "metadata",
    "x-azure-",
    "x-ms-",
];

/// Why custom headers are refused. Values are secrets and not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// There are more than [`MAX_CUSTOM_HEADERS`], or they have more than 16 KiB together.
    #[error("an endpoint has at most {MAX_CUSTOM_HEADERS} custom headers of 16 KiB together")]
    TooMany,
    /// A name is no token of at most 64 characters.
    #[error("the name of custom header {index} is not 1 to 64 letters, digits and characters of a token")]
    Name {
        /// Its number, from 1.
        index: usize,
    },
    /// A name is set by the sender or by the connection.
    #[error("the name of custom header {index} is reserved")]
    Reserved {
        /// Its number, from 1.
        index: usize,
    },
    /// A name is there twice.
    #[error("the name of custom header {index} is there twice")]
    Repeated {
        /// Its number, from 1.
        index: usize,
    },
    /// A value is not visible ASCII, or has a blank at an end.
    #[error(
        "the value of custom header {index} is not 1 to 4096 visible ASCII characters with blanks between them"
    )]
    Value {
        /// Its number, from 1.
        index: usize,
    },
}

/// Checks headers that an owner adds: when they are set, and again before each request.
///
/// # Errors
/// The first fault.
pub fn check_custom_headers(headers: &[(String, String)]) -> Result<(), HeaderError> {
    let total = headers
        .iter()
        .fold(0_usize, |sum, (name, value)| sum.saturating_add(name.len()).saturating_add(value.len()));
    if headers.len() > MAX_CUSTOM_HEADERS || total > MAX_TOTAL_BYTES {
        return Err(HeaderError::TooMany);
    }
    for (before, (name, value)) in headers.iter().enumerate() {
        let index = before.saturating_add(1);
        if !is_name(name) {
            return Err(HeaderError::Name { index });
        }
        if is_reserved(name) {
            return Err(HeaderError::Reserved { index });
        }
        if headers.iter().take(before).any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(HeaderError::Repeated { index });
        }
        if !is_value(value) {
            return Err(HeaderError::Value { index });
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether a receiver could take the name for a reserved one: many write `_` for `-`.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    RESERVED.contains(&name.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn is_value(value: &str) -> bool {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let bytes = value.as_bytes();
    (1..=MAX_VALUE_BYTES).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_graphic() || is_blank(byte))
        && !bytes.first().is_some_and(is_blank)
        && !bytes.last().is_some_and(is_blank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], expect: Result<(), HeaderError>) {
        let owned: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(check_custom_headers(&owned), expect, "{headers:?}");
    }

    #[test]
    fn a_token_with_visible_ascii_is_accepted() {
        check(&[], Ok(()));
        check(&[("Authorization", "Bearer abc"), ("x-tenant", "a\tb")], Ok(()));
        check(&[(&"n".repeat(64), &"v".repeat(4_096))], Ok(()));
    }

    #[test]
    fn a_name_that_is_no_token_is_refused() {
        for name in ["", "a b", "a:", "a\r\nb", "a\0", "\u{fc}", " a", "a ", &"n".repeat(65)] {
            check(&[("x-ok", "1"), (name, "v")], Err(HeaderError::Name { index: 2 }));
        }
    }

    #[test]
    fn a_reserved_name_is_refused_in_any_case_and_with_underscores() {
        let names = RESERVED.map(str::to_owned).into_iter();
        for name in names.chain(RESERVED_PREFIXES.map(|prefix| format!("{prefix}x"))) {
            for name in [name.clone(), name.to_uppercase(), name.replace('-', "_")] {
                check(&[(&name, "v")], Err(HeaderError::Reserved { index: 1 }));
            }
        }
        for name in ["Content-Type", "X_Fluxora_Signature", "webhook-id", "Content_Length"] {
            check(&[(name, "v")], Err(HeaderError::Reserved { index: 1 }));
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        check(&[("x-a", "1"), ("X-A", "2")], Err(HeaderError::Repeated { index: 2 }));
    }

    #[test]
    fn a_value_that_breaks_a_line_or_ends_with_a_blank_is_refused() {
        for value in [
            "",
            "a\r\nb: c",
            "a\nb",
            "a\r",
            "a\0",
            "\u{fc}",
            " a",
            "a ",
            "\ta",
            "a\u{7f}",
            &"v".repeat(4_097),
        ] {
            check(&[("x-a", value)], Err(HeaderError::Value { index: 1 }));
        }
    }

    #[test]
    fn there_are_limits_to_the_number_and_to_the_whole() {
        let names: Vec<_> = (0..21).map(|n| format!("x-{n}")).collect();
        let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
        check(&headers[..20], Ok(()));
        check(&headers, Err(HeaderError::TooMany));
        let value = "v".repeat(4_096);
        let large: Vec<_> = headers[..4].iter().map(|(name, _)| (*name, value.as_str())).collect();
        check(&large, Err(HeaderError::TooMany));
    }
}
