use fluxora_store::copy::{Record, Section};

use super::section::SectionQuery;
use super::{chain, keys, streams, webhooks};
use crate::audit::{self, audit_columns};

const AUDIT: SectionQuery = SectionQuery {
    table: "audit_log",
    select: concat!("SELECT ", audit_columns!(), " FROM audit_log"),
    holds: "true",
    after: "seq > $1 ORDER BY seq LIMIT $2",
    at: "seq = ANY ($1)",
    decode: |row| audit::decode(row).map(|row| Record::Audit(Box::new(row))),
};

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
        Section::Audit => &AUDIT,
        Section::ApiKeys => &keys::KEYS,
        Section::StreamOwners => &keys::STREAM_OWNERS,
        Section::StreamDrifts => &chain::DRIFTS,
    }
}
