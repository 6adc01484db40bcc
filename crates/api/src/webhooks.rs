use std::sync::Arc;

use fluxora_dispatch::Sender;

/// The settings of webhooks.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// What makes attempts. Its keyring seals secrets, its policy decides which URLs are accepted.
    pub sender: Arc<Sender>,
    /// Endpoints of one owner at most.
    pub max_endpoints: u32,
}

impl Webhooks {
    /// The default of `max_endpoints`.
    pub const DEFAULT_MAX_ENDPOINTS: u32 = 50;
}
