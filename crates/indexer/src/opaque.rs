use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Most characters of an [`Opaque`].
pub const OPAQUE_MAX: usize = 128;

/// A text from the chain that is compared and never parsed: an event id, a hash, a contract.
///
/// 1 to 128 characters without control characters. Real hashes are not required: some pushers do not send them. Cheap
/// to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque(Arc<str>);

/// A text that is not an [`Opaque`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 1 to 128 characters, none of them a control character")]
pub struct NotOpaque;

impl Opaque {
    /// Checks a text and keeps it unchanged.
    ///
    /// # Errors
    /// [`NotOpaque`] if it is empty, too long or has a control character.
    pub fn new(text: &str) -> Result<Self, NotOpaque> {
        // Nearly all are ASCII, where a character is a byte.
        let short =
            text.len() <= OPAQUE_MAX || text.chars().take(OPAQUE_MAX.saturating_add(1)).count() <= OPAQUE_MAX;
        let printed =
            text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.chars().any(char::is_control);
        (short && printed && !text.is_empty()).then(|| Self(text.into())).ok_or(NotOpaque)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_short_text_without_control_characters_is_kept_unchanged() {
        for text in ["a", "0x00FF", "ü", &"é".repeat(OPAQUE_MAX)] {
            assert_eq!(Opaque::new(text).unwrap().as_str(), text);
        }
        for text in ["", "a\nb", "\0", &"a".repeat(OPAQUE_MAX + 1)] {
            assert_eq!(Opaque::new(text), Err(NotOpaque), "{text:?}");
        }
    }
}
