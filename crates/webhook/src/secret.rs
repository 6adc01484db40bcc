//! The shared secret.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

/// Longest accepted secret in bytes.
pub const MAX_SECRET_BYTES: usize = 4_096;

/// The secret that sender and receiver share.
///
/// The contract's key is the UTF-8 text **as it stands**, a `whsec_` prefix included. The text is wiped from memory when
/// the value is dropped and never shows in `Debug`; there is no `Display`.
///
/// What is not wiped: the key state that a [`Signer`](crate::Signer) or [`Verifier`](crate::Verifier) derives from it
/// (`ring` offers no way; the text cannot be computed back from that state, but signatures can be made with it), and
/// copies that the caller made before, such as an environment variable. Drop the `Secret` once signer and verifier exist.
///
/// ```
/// use fluxora_webhook::{Secret, SecretError};
///
/// let secret = Secret::new("whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx")?;
/// assert_eq!(format!("{secret:?}"), "Secret(redacted)");
///
/// // A trailing newline is the usual reason for signatures that never match.
/// assert_eq!(Secret::new("topsecret\n").unwrap_err(), SecretError::SurroundingBlank);
/// # Ok::<(), SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// Why a text cannot be a secret. The text itself is never part of the message.
///
/// ```
/// use fluxora_webhook::{Secret, SecretError};
///
/// assert_eq!(Secret::new("").unwrap_err(), SecretError::Empty);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There is nothing in it.
    #[error("the secret is empty; set it to the value shown when the endpoint was registered")]
    Empty,
    /// It starts or ends with white space or a byte order mark.
    #[error(
        "the secret starts or ends with a blank, a line break or a byte order mark, which would become part of the key; \
         remove it (`printf %s`, not `echo`, writes a file without a line break)"
    )]
    SurroundingBlank,
    /// A line break or another control character is inside.
    #[error("the secret contains a line break or another control character; it has to be a single line")]
    ControlCharacter,
    /// It is longer than [`MAX_SECRET_BYTES`].
    #[error("the secret is longer than {max_bytes} bytes")]
    TooLong {
        /// The most that is accepted.
        max_bytes: usize,
    },
}

impl Secret {
    /// Checks a secret and takes it over.
    ///
    /// # Errors
    /// [`SecretError`], when the text is empty, too long, has a control character, or starts or ends with a blank. A
    /// refused text is wiped as well.
    ///
    /// ```
    /// # use fluxora_webhook::Secret;
    /// assert!(Secret::new("topsecret").is_ok());
    /// ```
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        if text.len() > MAX_SECRET_BYTES {
            return Err(SecretError::TooLong { max_bytes: MAX_SECRET_BYTES });
        }
        if text.starts_with(is_blank) || text.ends_with(is_blank) {
            return Err(SecretError::SurroundingBlank);
        }
        if text.chars().any(char::is_control) {
            return Err(SecretError::ControlCharacter);
        }
        Ok(Self(text))
    }

    /// Takes a text that was made here.
    #[cfg(feature = "standard-webhooks")]
    pub(crate) fn made(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text of the secret, to show it once to its owner or to encrypt it at rest.
    ///
    /// ```
    /// # use fluxora_webhook::Secret;
    /// assert_eq!(Secret::new("topsecret")?.expose(), "topsecret");
    /// # Ok::<(), fluxora_webhook::SecretError>(())
    /// ```
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What an editor, `echo` or a spreadsheet leaves around a secret.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}' || c == '\0'
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Secret {
    type Error = SecretError;

    fn try_from(text: String) -> Result<Self, SecretError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<(), SecretError>) {
        assert_eq!(Secret::new(text).map(|secret| assert_eq!(secret.expose(), text)), expect, "{text:?}");
    }

    #[test]
    fn an_empty_secret_is_refused() {
        check("", Err(SecretError::Empty));
    }

    #[test]
    fn surrounding_blanks_are_refused() {
        for text in [" s", "s ", "s\n", "s\r\n", "\ts", "\u{feff}s", "s\u{a0}", "s\0", " ", "\n"] {
            check(text, Err(SecretError::SurroundingBlank));
        }
    }

    #[test]
    fn a_second_line_is_refused() {
        check("one\ntwo", Err(SecretError::ControlCharacter));
    }

    #[test]
    fn a_secret_may_have_inner_blanks_and_any_script() {
        check("correct horse battery staple", Ok(()));
        check("schlüssel\u{1f511}", Ok(()));
    }

    #[test]
    fn the_length_limit_is_inclusive() {
        check(&"s".repeat(MAX_SECRET_BYTES), Ok(()));
        check(&"s".repeat(MAX_SECRET_BYTES + 1), Err(SecretError::TooLong { max_bytes: MAX_SECRET_BYTES }));
    }

    #[test]
    fn neither_debug_nor_an_error_shows_the_text() {
        let shown = format!("{:?}", Secret::new("hunter2").unwrap());
        assert!(!shown.contains("hunter2"));
        let error = Secret::new("hunter2\n").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
