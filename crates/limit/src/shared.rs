use std::pin::Pin;

use crate::quota::{Quota, Verdict};

/// A count of requests that several servers share.
pub trait SharedLimiter: Send + Sync {
    /// Counts a request of the client. The future ends within a few milliseconds.
    ///
    /// # Errors
    /// [`SharedFailure`]: the request may or may not have been counted.
    fn charge<'a>(&'a self, client: &'a str, quota: Quota) -> Charge<'a>;

    /// Whether the count is believed to be available.
    fn is_available(&self) -> bool;
}

/// The future of [`SharedLimiter::charge`].
pub type Charge<'a> = Pin<Box<dyn Future<Output = Result<Verdict, SharedFailure>> + Send + 'a>>;

/// Why the shared count does not decide about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SharedFailure {
    /// It did not answer in time.
    #[error("the shared count did not answer in time")]
    Timeout,
    /// It is not available: it was not asked, or the connection failed.
    #[error("the shared count is not available")]
    Unavailable,
}
