#![doc = include_str!("../README.md")]

mod batch;
mod event;
mod evidence;
mod freshness;
mod invocation;
mod ledger;
mod opaque;
mod plan;
pub mod projection;
mod ranges;
mod stream_entry;

pub use batch::{Batch, BatchFault, BatchSource, Pushed};
pub use event::{ChainPosition, ContractEvent};
pub use evidence::{
    EVENT_PROOF_FORMAT, Evidence, Fence, LedgerProof, NotProvenEvents, ProvenEvents, Verification,
};
pub use freshness::{ClientImpact, Freshness, FreshnessStatus, OperatorAction, Sync};
pub use invocation::{ARGUMENTS_MAX, FUNCTION_MAX, Invocation, InvocationSource, NotAnInvocation};
pub use ledger::Ledger;
pub use opaque::{NotOpaque, OPAQUE_MAX, Opaque};
pub use plan::{
    Frontier, Hole, IngestPlan, Refusal, RewindPlan, RewindRefused, Rollback, Rules, StoredView, Tip,
    first_hole, ledgers_needed_from, plan, plan_rewind, same_content,
};
pub use projection::{UnknownClass, UnknownVersion, vesting};
pub use ranges::{LedgerRanges, NotRanges};
pub use stream_entry::{EntryDifference, StreamEntry};
