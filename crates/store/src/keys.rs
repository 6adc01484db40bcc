use async_trait::async_trait;
use fluxora_auth::{ApiKey, KeyHash, KeyId, Name};
use fluxora_stream::Sequence;
use jiff::Timestamp;

use crate::StoreError;

/// An API key with its place in the order of creation and the hash of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The position in the order of creation.
    pub sequence: Sequence,
    /// The key.
    pub key: ApiKey,
    /// The hash of its secret.
    pub hash: KeyHash,
}

/// Which keys to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyQuery {
    /// Only those of this partner.
    pub owner: Option<Name>,
    /// Only those created before this position.
    pub before: Option<Sequence>,
    /// The most keys to return, at least one.
    pub limit: u32,
}

/// A page of keys, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<StoredKey>,
    /// The position before which the next page begins; `None` if this is the last one.
    pub next: Option<Sequence>,
}

/// The outcome of a rotation.
#[expect(clippy::large_enum_variant, reason = "the large variant is the usual one")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRotated {
    /// The new key was written, and the old one expires.
    Done(StoredKey),
    /// The key has expired or was revoked; nothing was written.
    Ended,
    /// There is no such key.
    NotFound,
}

/// API keys. Each method is one transaction.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Writes a new key.
    async fn create_key(&self, key: ApiKey, hash: KeyHash) -> Result<StoredKey, StoreError>;

    /// Reads the key with this hash, ended or not. It costs one lookup in an index.
    async fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<StoredKey>, StoreError>;

    /// Reads one key.
    async fn key(&self, id: KeyId) -> Result<Option<StoredKey>, StoreError>;

    /// Reads a page of keys, newest first. Keys created between two pages do not shift the next one.
    async fn list_keys(&self, query: &KeyQuery) -> Result<KeyPage, StoreError>;

    /// Whether there is a key, ended or not.
    async fn has_keys(&self) -> Result<bool, StoreError>;

    /// Revokes a key and returns it; `None` if there is none. A key that was revoked before is returned unchanged.
    async fn revoke_key(&self, id: KeyId, now: Timestamp) -> Result<Option<StoredKey>, StoreError>;

    /// Writes the key that replaces `new.rotated_from` with the name, grant and expiry of the old one, and lets the old one expire
    /// at `overlap_ends`, unless it expires before.
    async fn rotate_key(
        &self,
        new: ApiKey,
        hash: KeyHash,
        overlap_ends: Timestamp,
    ) -> Result<KeyRotated, StoreError>;

    /// Records when keys were used, unless a later use is recorded. Unknown keys are passed over.
    async fn record_key_uses(&self, uses: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError>;

    /// Deletes keys that ended before an instant. The newest key stays: it is the sign that this database uses keys. Returns how
    /// many were deleted.
    async fn delete_ended_keys(&self, before: Timestamp) -> Result<u64, StoreError>;
}

impl StoredKey {
    /// The key that replaces this one: `new` with the name, grant and expiry of this one.
    #[must_use]
    pub fn successor(&self, new: ApiKey) -> ApiKey {
        let ApiKey { name, grant, expires_at, .. } = self.key.clone();
        ApiKey { name, grant, expires_at, rotated_from: Some(self.key.id), ..new }
    }
}
