use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::error::ApiError;

/// The pushes of this server that were refused or failed since the last one that was stored.
#[derive(Debug, Default)]
pub(crate) struct PushFailures(Mutex<Option<FailedPushes>>);

/// Consecutive pushes that were refused or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedPushes {
    pub(crate) count: u64,
    /// Time of the first.
    pub(crate) since: Timestamp,
    /// Time of the last.
    pub(crate) last_at: Timestamp,
    /// Code of the last.
    pub(crate) code: &'static str,
    /// Message of the last, as the pusher got it.
    pub(crate) message: String,
}

impl PushFailures {
    pub(crate) fn succeed(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn fail(&self, error: &ApiError, now: Timestamp) {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, since) = failed.as_ref().map_or((0, now), |failed| (failed.count, failed.since));
        *failed = Some(FailedPushes {
            count: count.saturating_add(1),
            since,
            last_at: now,
            code: error.kind.code(),
            message: error.message.to_string(),
        });
    }

    /// The failures, unless a batch was stored after the last of them, by any server.
    pub(crate) fn current(&self, synced_at: Option<Timestamp>) -> Option<FailedPushes> {
        let failed = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        failed.filter(|failed| synced_at.is_none_or(|synced_at| synced_at <= failed.last_at))
    }
}
