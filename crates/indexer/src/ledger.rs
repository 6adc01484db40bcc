use jiff::Timestamp;

use crate::Opaque;

/// A ledger as far as it has been told of. It carries the hash: events only name their ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Its place in the chain.
    pub sequence: u32,
    /// Its hash.
    pub hash: Opaque,
    /// The hash of the ledger before it, where that was told.
    pub previous_hash: Option<Opaque>,
    /// When it closed, where that was told.
    pub closed_at: Option<Timestamp>,
}

impl Ledger {
    /// Adds what another report of the same ledger, under the same hash, knows and this one did not.
    pub(crate) fn enrich(&mut self, other: &Self) {
        if self.previous_hash.is_none() {
            self.previous_hash.clone_from(&other.previous_hash);
        }
        if self.closed_at.is_none() {
            self.closed_at = other.closed_at;
        }
    }
}
