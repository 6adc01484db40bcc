use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The name of a partner or of the subject of a token: 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

/// A text that is no [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("1 to {} visible ASCII characters", Name::MAX_CHARACTERS)]
pub struct InvalidName;

impl Name {
    /// The most characters.
    pub const MAX_CHARACTERS: usize = 128;

    /// The name as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = (1..=Self::MAX_CHARACTERS).contains(&text.len());
        if visible && fits { Ok(Self(text.into())) } else { Err(InvalidName) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_visible() {
        for text in ["a", "auth0|5f7c", "ops@example.com", &"n".repeat(128)] {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
        }
        for text in ["", " ", "a b", "ключ", "a\n", &"n".repeat(129)] {
            assert_eq!(text.parse::<Name>(), Err(InvalidName), "{text:?}");
        }
    }
}
