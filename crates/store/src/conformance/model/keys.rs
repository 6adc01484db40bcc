use async_trait::async_trait;
use fluxora_auth::{ApiKey, KeyHash, KeyId, KeyState};
use jiff::Timestamp;

use super::{Contents, Model};
use crate::{KeyPage, KeyQuery, KeyRotated, KeyStore, Sequence, StoreError, StoredKey};

impl Contents {
    fn push_key(&mut self, key: ApiKey, hash: KeyHash) -> StoredKey {
        self.key_count += 1;
        let stored = StoredKey { sequence: Sequence(self.key_count), key, hash };
        self.keys.push(stored.clone());
        stored
    }

    fn key_mut(&mut self, id: KeyId) -> Option<&mut StoredKey> {
        self.keys.iter_mut().find(|stored| stored.key.id == id)
    }
}

#[async_trait]
impl KeyStore for Model {
    async fn create_key(&self, key: ApiKey, hash: KeyHash) -> Result<StoredKey, StoreError> {
        let mut contents = self.contents();
        if contents.keys.iter().any(|stored| stored.hash == hash || stored.key.id == key.id) {
            return Err(StoreError::Internal { reason: "the key is there".to_owned(), source: None });
        }
        let created = contents.push_key(key, hash);
        Ok(self.record(&mut contents, created))
    }

    async fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<StoredKey>, StoreError> {
        Ok(self.contents().keys.iter().find(|stored| stored.hash == *hash).cloned())
    }

    async fn key(&self, id: KeyId) -> Result<Option<StoredKey>, StoreError> {
        Ok(self.contents().keys.iter().find(|stored| stored.key.id == id).cloned())
    }

    async fn list_keys(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        let contents = self.contents();
        let matching = contents.keys.iter().rev().filter(|stored| {
            query.owner.as_ref().is_none_or(|owner| Some(owner) == stored.key.grant.owner())
                && query.before.is_none_or(|before| stored.sequence < before)
        });
        let mut keys: Vec<_> = matching.cloned().collect();
        let next = super::cut(&mut keys, query.limit, |stored| stored.sequence);
        Ok(KeyPage { keys, next })
    }

    async fn has_keys(&self) -> Result<bool, StoreError> {
        Ok(!self.contents().keys.is_empty())
    }

    async fn revoke_key(&self, id: KeyId, now: Timestamp) -> Result<Option<StoredKey>, StoreError> {
        let mut contents = self.contents();
        let revoked = contents.key_mut(id).map(|stored| {
            stored.key.revoked_at.get_or_insert(now);
            stored.clone()
        });
        Ok(self.record(&mut contents, revoked))
    }

    async fn rotate_key(
        &self,
        new: ApiKey,
        hash: KeyHash,
        overlap_ends: Timestamp,
    ) -> Result<KeyRotated, StoreError> {
        let mut contents = self.contents();
        let Some(old) = new.rotated_from.and_then(|id| contents.key_mut(id)) else {
            return Ok(KeyRotated::NotFound);
        };
        if old.key.state(new.created_at) != KeyState::Active {
            return Ok(KeyRotated::Ended);
        }
        let new = old.successor(new);
        old.key.expires_at = Some(old.key.expires_at.map_or(overlap_ends, |end| end.min(overlap_ends)));
        let rotated = KeyRotated::Done(contents.push_key(new, hash));
        Ok(self.record(&mut contents, rotated))
    }

    async fn record_key_uses(&self, uses: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        let mut contents = self.contents();
        for (id, at) in uses {
            if let Some(stored) = contents.key_mut(id) {
                stored.key.last_used_at = stored.key.last_used_at.max(Some(at));
            }
        }
        Ok(())
    }

    async fn delete_ended_keys(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut contents = self.contents();
        let (had, newest) = (contents.keys.len(), contents.keys.last().map(|stored| stored.sequence));
        let ended = |at: Option<Timestamp>| at.is_some_and(|at| at < before);
        contents.keys.retain(|stored| {
            Some(stored.sequence) == newest || !(ended(stored.key.revoked_at) || ended(stored.key.expires_at))
        });
        Ok(u64::try_from(had - contents.keys.len()).unwrap())
    }
}
