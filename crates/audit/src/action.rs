/// What was done or attempted. The names are stored: one is never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A stream is created through the API.
    StreamCreate,
    /// A stream is cancelled through the API.
    StreamCancel,
    /// A webhook endpoint is created.
    EndpointCreate,
    /// The configuration of a webhook endpoint is changed.
    EndpointUpdate,
    /// A webhook endpoint is deleted.
    EndpointDelete,
    /// A webhook endpoint gets another signing secret.
    EndpointRotateSecret,
    /// A test event is sent to a webhook endpoint.
    EndpointTest,
    /// A webhook endpoint is paused.
    EndpointPause,
    /// A webhook endpoint is resumed.
    EndpointResume,
    /// One webhook delivery is sent again.
    DeliveryReplay,
    /// Later webhook deliveries of a stream no longer wait for one.
    DeliverySkip,
    /// A replay of many webhook deliveries is started.
    ReplayCreate,
    /// A replay of many webhook deliveries is cancelled.
    ReplayCancel,
    /// A batch of contract events is pushed. Only refused batches leave a row.
    IndexerPush,
    /// The chain is rewound to a ledger.
    IndexerRewind,
    /// The streams are rebuilt from their contract events by the command `reindex`.
    IndexerReindex,
    /// An API key is created.
    KeyCreate,
    /// An API key is replaced by another one.
    KeyRotate,
    /// An API key is revoked.
    KeyRevoke,
    /// The level of the log is changed while the server runs.
    LogLevel,
    /// Secrets of endpoints are sealed under another key by the command `webhook rekey`.
    WebhookRekey,
    /// The oldest rows of the audit log are deleted. The row names the last one and its hash.
    AuditExpire,
    /// Refused writes that left no row each, because there were too many. The row counts them.
    AuditSuppressed,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 23] = [
        Self::StreamCreate,
        Self::StreamCancel,
        Self::EndpointCreate,
        Self::EndpointUpdate,
        Self::EndpointDelete,
        Self::EndpointRotateSecret,
        Self::EndpointTest,
        Self::EndpointPause,
        Self::EndpointResume,
        Self::DeliveryReplay,
        Self::DeliverySkip,
        Self::ReplayCreate,
        Self::ReplayCancel,
        Self::IndexerPush,
        Self::IndexerRewind,
        Self::IndexerReindex,
        Self::KeyCreate,
        Self::KeyRotate,
        Self::KeyRevoke,
        Self::LogLevel,
        Self::WebhookRekey,
        Self::AuditExpire,
        Self::AuditSuppressed,
    ];

    /// The name in rows, answers and filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StreamCreate => "stream.create",
            Self::StreamCancel => "stream.cancel",
            Self::EndpointCreate => "webhook.endpoint.create",
            Self::EndpointUpdate => "webhook.endpoint.update",
            Self::EndpointDelete => "webhook.endpoint.delete",
            Self::EndpointRotateSecret => "webhook.endpoint.rotate_secret",
            Self::EndpointTest => "webhook.endpoint.test",
            Self::EndpointPause => "webhook.endpoint.pause",
            Self::EndpointResume => "webhook.endpoint.resume",
            Self::DeliveryReplay => "webhook.delivery.replay",
            Self::DeliverySkip => "webhook.delivery.skip",
            Self::ReplayCreate => "webhook.replay.create",
            Self::ReplayCancel => "webhook.replay.cancel",
            Self::IndexerPush => "indexer.push",
            Self::IndexerRewind => "indexer.rewind",
            Self::IndexerReindex => "indexer.reindex",
            Self::KeyCreate => "key.create",
            Self::KeyRotate => "key.rotate",
            Self::KeyRevoke => "key.revoke",
            Self::LogLevel => "log.level",
            Self::WebhookRekey => "webhook.rekey",
            Self::AuditExpire => "audit.expire",
            Self::AuditSuppressed => "audit.suppressed",
        }
    }

    /// The action with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own_that_reads_back() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(action));
        }
        assert_eq!(Action::parse("stream"), None);
    }
}
