use fluxora_store::copy::Section;

use super::section::SectionQuery;
use super::{chain, streams};

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
    }
}
