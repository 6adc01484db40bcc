//! Streams that differ from the entries of their contracts.

use fluxora_stream::StreamId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A stream, compared with the entry that its contract wrote in a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedEntry {
    /// Id of the stream.
    pub stream: StreamId,
    /// The ledger that wrote the entry.
    pub ledger: u32,
    /// The fields that differ; none where the two agree.
    pub fields: Vec<DriftedField>,
}

/// A field in which a stream and the entry differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftedField {
    /// Its name in the contract.
    pub name: String,
    /// The value that the projection expects, in the form of a payload.
    pub ours: Value,
    /// The value in the entry.
    pub theirs: Value,
}

/// The streams that differ from the last entry that they were compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drifts {
    /// How many there are.
    pub count: u64,
    /// A page of them by id, each with a field.
    pub listed: Vec<ComparedEntry>,
}
