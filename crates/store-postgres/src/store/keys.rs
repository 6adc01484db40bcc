use async_trait::async_trait;
use fluxora_auth::{ApiKey, KeyHash, KeyId};
use fluxora_store::{KeyPage, KeyQuery, KeyRotated, KeyStore, StoreError, StoredKey};
use jiff::Timestamp;

use super::PostgresStore;
use crate::keys;

/// Runs statements on a connection.
macro_rules! on {
    ($store:expr, |$lease:ident| $work:expr) => {
        $store.units.run(&$store.connections, |$lease| async move { $work.await }).await
    };
}

#[async_trait]
impl KeyStore for PostgresStore {
    async fn create_key(&self, key: ApiKey, hash: KeyHash) -> Result<StoredKey, StoreError> {
        let (key, hash, entry) = (&key, &hash, self.entry.as_ref());
        on!(self, |lease| keys::create(lease, key, hash, entry))
    }

    async fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<StoredKey>, StoreError> {
        on!(self, |lease| keys::by_hash(&lease, hash))
    }

    async fn key(&self, id: KeyId) -> Result<Option<StoredKey>, StoreError> {
        on!(self, |lease| keys::by_id(&lease, id))
    }

    async fn list_keys(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        on!(self, |lease| keys::list(&lease, query))
    }

    async fn has_keys(&self) -> Result<bool, StoreError> {
        on!(self, |lease| keys::any(&lease))
    }

    async fn revoke_key(&self, id: KeyId, now: Timestamp) -> Result<Option<StoredKey>, StoreError> {
        let entry = self.entry.as_ref();
        on!(self, |lease| keys::revoke(lease, id, now, entry))
    }

    async fn rotate_key(
        &self,
        new: ApiKey,
        hash: KeyHash,
        overlap_ends: Timestamp,
    ) -> Result<KeyRotated, StoreError> {
        let (new, hash, entry) = (&new, &hash, self.entry.as_ref());
        on!(self, |lease| keys::rotate(lease, new, hash, overlap_ends, entry))
    }

    async fn record_key_uses(&self, uses: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        let uses = &uses;
        on!(self, |lease| keys::record_uses(&lease, uses))
    }

    async fn delete_ended_keys(&self, before: Timestamp) -> Result<u64, StoreError> {
        on!(self, |lease| keys::delete_ended(&lease, before))
    }
}
