use std::fmt;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// How long a keyed answer is kept.
pub const IDEMPOTENCY_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// A client's name for one request, so that sending it twice does it once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey(String);

/// A text that cannot be an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an idempotency key has 1 to 128 visible ASCII characters")]
pub struct InvalidKey;

impl IdempotencyKey {
    /// Reads a key: 1 to 128 visible ASCII characters.
    ///
    /// # Errors
    /// [`InvalidKey`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=128).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(InvalidKey) }
    }

    /// The key as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The answer a request got, word for word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Where the made thing is found, for a `Location` header.
    pub location: String,
    /// The body.
    pub body: String,
}

/// The answer to keep for a keyed request, written in the same unit as what the request does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedResponse {
    /// What kind of request the key belongs to, for example `POST /api/streams`: one key may be used once for each.
    pub scope: &'static str,
    /// The client's key.
    pub key: IdempotencyKey,
    /// The request in a canonical form: the same key with another request is refused.
    pub request: String,
    /// What to answer, now and whenever the request comes again.
    pub answer: Answer,
    /// When the request was made.
    pub at: Timestamp,
}

impl KeyedResponse {
    /// The instant before which an answer has been forgotten, seen from this request.
    pub fn expired_before(&self) -> Timestamp {
        expired_before(self.at)
    }
}

/// The instant before which an answer has been forgotten at `now`.
pub fn expired_before(now: Timestamp) -> Timestamp {
    now.checked_sub(IDEMPOTENCY_RETENTION).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_visible() {
        for key in ["a", "3f0c-key/with:signs", &"k".repeat(128)] {
            assert_eq!(IdempotencyKey::parse(key).unwrap().as_str(), key);
        }
        for text in ["", " ", "a b", "ключ", "a\n", &"k".repeat(129)] {
            assert_eq!(IdempotencyKey::parse(text), Err(InvalidKey), "{text:?}");
        }
    }
}
