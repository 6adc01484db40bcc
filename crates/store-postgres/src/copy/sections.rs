use fluxora_store::copy::Section;

use super::section::SectionQuery;
use super::{chain, streams, webhooks};

pub(super) const fn query(section: Section) -> &'static SectionQuery {
    match section {
        Section::Streams => &streams::STREAMS,
        Section::Removed => &chain::REMOVED,
        Section::Events => &streams::EVENTS,
        Section::IdempotencyRecords => &streams::IDEMPOTENCY_RECORDS,
        Section::Ledgers => &chain::LEDGERS,
        Section::ContractEvents => &chain::CONTRACT_EVENTS,
        Section::LedgerProofs => &chain::LEDGER_PROOFS,
        Section::Coverage => &chain::COVERAGE,
        Section::RepeatedEvents => &chain::REPEATED_EVENTS,
        Section::Reorgs => &chain::REORGS,
        Section::ChainState => &chain::STATE,
        Section::WebhookEndpoints => &webhooks::ENDPOINTS,
        Section::WebhookDeliveries => &webhooks::DELIVERIES,
        Section::WebhookAttempts => &webhooks::ATTEMPTS,
        Section::WebhookReplays => &webhooks::REPLAYS,
        Section::WebhookFanOut => &webhooks::FAN_OUT,
    }
}
