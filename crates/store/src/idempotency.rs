use std::fmt;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::StoreError;

/// How long the response to a keyed request is stored.
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

/// The response to a keyed request, to be stored in the same transaction as what the request does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedResponse {
    /// The operation and the owner that the key belongs to, chosen by the caller. One key may be used once for each scope.
    pub scope: String,
    /// The client's key.
    pub key: IdempotencyKey,
    /// The request in a canonical text chosen by the caller. The same key with another text is refused.
    pub request: String,
    /// The response as bytes that only the caller reads. Every repetition of the request gets these.
    pub response: Vec<u8>,
    /// When the request was made.
    pub at: Timestamp,
    /// A record of the key that was made before this instant has expired and is replaced. From
    /// [`Clock::confirmed_now`](crate::Clock::confirmed_now), so that a wrong clock makes no second stream.
    pub expired_before: Timestamp,
}

/// A [`KeyedResponse`] read from storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The operation that the key belongs to.
    pub scope: String,
    /// The client's key.
    pub key: IdempotencyKey,
    /// The request in its canonical text.
    pub request: String,
    /// The stored response.
    pub response: Vec<u8>,
    /// When the request was made.
    pub at: Timestamp,
}

/// The instant before which a record has expired at `now`.
pub fn expired_before(now: Timestamp) -> Timestamp {
    now.checked_sub(IDEMPOTENCY_RETENTION).unwrap_or(Timestamp::MIN)
}

/// Responses stored for repetitions of keyed requests.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Reads the record of a key; `None` if there is none or it has expired at `now`, a confirmed instant. For a repetition that is not valid as a new
    /// request any more, because times that lay ahead have passed.
    async fn idempotency_record(
        &self,
        scope: &str,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Deletes records made before `before`. Returns how many.
    async fn delete_expired_idempotency_records(&self, before: Timestamp) -> Result<u64, StoreError>;
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
