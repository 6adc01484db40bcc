use async_trait::async_trait;
use jiff::Timestamp;

use super::Model;
use crate::{IdempotencyKey, IdempotencyRecord, IdempotencyStore, StoreError, expired_before};

#[async_trait]
impl IdempotencyStore for Model {
    async fn idempotency_record(
        &self,
        scope: &str,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let contents = self.contents();
        let stored = contents.responses.iter().find(|stored| stored.scope == scope && stored.key == *key);
        Ok(stored.filter(|stored| stored.at >= expired_before(now)).map(|stored| IdempotencyRecord {
            scope: stored.scope.to_owned(),
            key: stored.key.clone(),
            request: stored.request.clone(),
            response: stored.response.clone(),
            at: stored.at,
        }))
    }

    async fn delete_expired_idempotency_records(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut contents = self.contents();
        let had = contents.responses.len();
        contents.responses.retain(|stored| stored.at >= before);
        Ok(u64::try_from(had - contents.responses.len()).unwrap())
    }
}
