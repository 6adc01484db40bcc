use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluxora_auth::{ApiKey, KeyHash, Principal, Refusal};
use fluxora_store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// How long a key that was read is used without reading it again: the longest time for which another server's revocation does not
/// count.
const FRESH: SignedDuration = SignedDuration::from_secs(1);
/// How long a key that is not stored is refused without reading it again. A key is not sent before it is stored, so this delays none.
const MISSING: SignedDuration = SignedDuration::from_millis(500);
/// Keys that are not stored and are remembered at most.
const MISSING_CAPACITY: usize = 1_024;
/// How exactly the last use of a key is recorded.
const USE_INTERVAL: SignedDuration = SignedDuration::from_secs(60);
/// Keys that are remembered at most. Beyond them all are forgotten, which costs one read for each.
const CAPACITY: usize = 4_096;

/// API keys that were read in the last second. Every server reads a key again once a second while it is used.
pub(crate) struct Keys {
    store: Arc<dyn Store>,
    known: Mutex<HashMap<KeyHash, Known>>,
    /// Keys that are not stored, and when they were looked for.
    missing: Mutex<HashMap<KeyHash, Timestamp>>,
    /// Whether this database has keys. It has them from the first one on.
    in_use: AtomicBool,
}

struct Known {
    key: Arc<ApiKey>,
    read_at: Timestamp,
    /// The last use that is recorded, or is about to be.
    used_at: Option<Timestamp>,
}

impl Keys {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Mutex::default(), missing: Mutex::default(), in_use: AtomicBool::new(false) }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<KeyHash, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The caller that sends the key with this hash, and when the key expires.
    ///
    /// # Errors
    /// The key cannot be read. A [`Refusal`] is no error of storage.
    pub(crate) async fn find(
        &self,
        hash: &KeyHash,
        now: Timestamp,
    ) -> Result<Result<(Principal, Option<Timestamp>), Refusal>, StoreError> {
        let key = match self.fresh(hash, now) {
            Some(key) => key,
            None if self.is_missing(hash, now) => return Ok(Err(Refusal::UnknownKey)),
            None => match self.store.key_by_hash(hash).await? {
                Some(stored) => self.remember(*hash, stored.key, now),
                None => {
                    self.remember_missing(*hash, now);
                    return Ok(Err(Refusal::UnknownKey));
                }
            },
        };
        Ok(key.principal(now).map(|principal| (principal, key.expires_at)))
    }

    /// Records that an accepted key was used, at most once a minute, after the request.
    pub(crate) fn record_use(&self, hash: &KeyHash, now: Timestamp) {
        let mut known = self.known();
        let Some(entry) = known.get_mut(hash) else { return };
        if entry.used_at.is_some_and(|at| now.duration_since(at) < USE_INTERVAL) {
            return;
        }
        entry.used_at = Some(now);
        let (store, id) = (Arc::clone(&self.store), entry.key.id);
        drop(known);
        actix_web::rt::spawn(async move {
            if let Err(error) = store.record_key_uses(vec![(id, now)]).await {
                tracing::warn!(
                    error = fluxora_store::error_chain(&error),
                    "the use of an API key was not recorded"
                );
            }
        });
    }

    /// A key that was read less than a second ago. A clock that was set back makes every key old.
    fn fresh(&self, hash: &KeyHash, now: Timestamp) -> Option<Arc<ApiKey>> {
        let known = self.known();
        let entry = known.get(hash)?;
        let age = now.duration_since(entry.read_at);
        (!age.is_negative() && age < FRESH).then(|| Arc::clone(&entry.key))
    }

    fn remember(&self, hash: KeyHash, key: ApiKey, read_at: Timestamp) -> Arc<ApiKey> {
        self.in_use.store(true, Ordering::Relaxed);
        let mut known = self.known();
        if known.len() >= CAPACITY && !known.contains_key(&hash) {
            known.clear();
        }
        let used_at = known.get(&hash).and_then(|entry| entry.used_at).max(key.last_used_at);
        let key = Arc::new(key);
        known.insert(hash, Known { key: Arc::clone(&key), read_at, used_at });
        key
    }

    /// Whether this server has read the key, lately or not.
    pub(crate) fn has_seen(&self, hash: &KeyHash) -> bool {
        self.known().contains_key(hash)
    }

    fn missing(&self) -> MutexGuard<'_, HashMap<KeyHash, Timestamp>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_missing(&self, hash: &KeyHash, now: Timestamp) -> bool {
        let age = self.missing().get(hash).map(|looked_at| now.duration_since(*looked_at));
        age.is_some_and(|age| !age.is_negative() && age < MISSING)
    }

    fn remember_missing(&self, hash: KeyHash, now: Timestamp) {
        self.known().remove(&hash);
        let mut missing = self.missing();
        if missing.len() >= MISSING_CAPACITY {
            missing.clear();
        }
        missing.insert(hash, now);
    }

    /// Reads every key again, after one was changed on this server.
    pub(crate) fn forget(&self) {
        self.in_use.store(true, Ordering::Relaxed);
        for known in self.known().values_mut() {
            known.read_at = Timestamp::UNIX_EPOCH;
        }
        self.missing().clear();
    }

    /// Whether this database has API keys, ended ones included.
    ///
    /// # Errors
    /// Storage does not answer, and no key was seen before.
    pub(crate) async fn are_used(&self) -> Result<bool, StoreError> {
        if self.in_use.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let used = self.store.has_keys().await?;
        self.in_use.fetch_or(used, Ordering::Relaxed);
        Ok(used)
    }
}
