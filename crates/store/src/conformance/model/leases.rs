use std::time::Duration;

use async_trait::async_trait;
use fluxora_indexer::Fence;
use jiff::Timestamp;

use super::Model;
use crate::{LeaseStore, StoreError};

#[async_trait]
impl LeaseStore for Model {
    async fn acquire_lease(
        &self,
        lease: &'static str,
        holder: &str,
        term: Duration,
        now: Timestamp,
    ) -> Result<Option<Fence>, StoreError> {
        let leases = &mut self.contents().chain.leases;
        let until = now.checked_add(term).unwrap();
        let token = match leases.get(lease) {
            Some((other, _, end)) if other != holder && *end > now => return Ok(None),
            Some((other, token, _)) => token + u64::from(other != holder),
            None => 1,
        };
        leases.insert(lease, (holder.to_owned(), token, until));
        Ok(Some(Fence { lease, token }))
    }

    async fn release_lease(&self, lease: &'static str, holder: &str) -> Result<(), StoreError> {
        if let Some((held_by, _, end)) = self.contents().chain.leases.get_mut(lease)
            && held_by == holder
        {
            *end = Timestamp::MIN;
        }
        Ok(())
    }
}
