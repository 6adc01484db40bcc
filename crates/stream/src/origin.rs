use std::str::FromStr;

use thiserror::Error;

/// The source of a stream's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The API. The stream clock records start and end.
    Api,
    /// A contract. Only its events change the stream.
    Chain,
}

/// A text that names no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an origin is api or chain")]
pub struct UnknownOrigin;

impl Origin {
    /// Every origin.
    pub const ALL: [Self; 2] = [Self::Api, Self::Chain];

    /// The word used on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Chain => "chain",
        }
    }
}

impl FromStr for Origin {
    type Err = UnknownOrigin;

    fn from_str(word: &str) -> Result<Self, UnknownOrigin> {
        Self::ALL.into_iter().find(|origin| origin.as_str() == word).ok_or(UnknownOrigin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_reads_back_from_its_word_and_nothing_else_does() {
        for origin in Origin::ALL {
            assert_eq!(origin.as_str().parse(), Ok(origin));
        }
        for word in ["", "API", "chain "] {
            assert_eq!(word.parse::<Origin>(), Err(UnknownOrigin));
        }
    }
}
