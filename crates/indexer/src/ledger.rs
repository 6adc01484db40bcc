use jiff::Timestamp;

use crate::Opaque;

/// A ledger as reported by pushers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Sequence on chain.
    pub sequence: u32,
    /// Hash of the ledger.
    pub hash: Opaque,
    /// Hash of the ledger before, if reported.
    pub previous_hash: Option<Opaque>,
    /// Close time, if reported.
    pub closed_at: Option<Timestamp>,
}

impl Ledger {
    /// Adds fields that this report lacks from another report of the same ledger and hash.
    pub(crate) fn enrich(&mut self, other: &Self) {
        if self.previous_hash.is_none() {
            self.previous_hash.clone_from(&other.previous_hash);
        }
        if self.closed_at.is_none() {
            self.closed_at = other.closed_at;
        }
    }
}
