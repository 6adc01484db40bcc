use async_trait::async_trait;
use fluxora_auth::{ApiKey, KeyHash, KeyId};
use fluxora_store::{KeyPage, KeyQuery, KeyRotated, KeyStore, StoreError, StoredKey};
use jiff::Timestamp;
use rusqlite::Connection;

use super::SqliteStore;
use crate::keys;

#[async_trait]
impl KeyStore for SqliteStore {
    async fn create_key(&self, key: ApiKey, hash: KeyHash) -> Result<StoredKey, StoreError> {
        self.writer.run(self.with_entry(move |connection| keys::create(connection, &key, &hash))).await
    }

    async fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<StoredKey>, StoreError> {
        let hash = *hash;
        self.read(move |connection| keys::by_hash(connection, &hash)).await
    }

    async fn key(&self, id: KeyId) -> Result<Option<StoredKey>, StoreError> {
        self.read(move |connection| keys::by_id(connection, id)).await
    }

    async fn list_keys(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        let query = query.clone();
        self.read(move |connection| keys::list(connection, &query)).await
    }

    async fn has_keys(&self) -> Result<bool, StoreError> {
        self.read(keys::any).await
    }

    async fn revoke_key(&self, id: KeyId, now: Timestamp) -> Result<Option<StoredKey>, StoreError> {
        self.writer.run(self.with_entry(move |connection| keys::revoke(connection, id, now))).await
    }

    async fn rotate_key(
        &self,
        new: ApiKey,
        hash: KeyHash,
        overlap_ends: Timestamp,
    ) -> Result<KeyRotated, StoreError> {
        let rotate = move |connection: &Connection| keys::rotate(connection, &new, &hash, overlap_ends);
        self.writer.run(self.with_entry(rotate)).await
    }

    async fn record_key_uses(&self, uses: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        self.writer.run(move |connection| keys::record_uses(connection, &uses)).await
    }

    async fn delete_ended_keys(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.writer.run(move |connection| keys::delete_ended(connection, before)).await
    }
}
