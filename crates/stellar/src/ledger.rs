use jiff::Timestamp;
use stellar_xdr::LedgerHeader;

use crate::{Hash, LedgerError, Link};

/// What a header says of its ledger. The hash is computed from the header, never taken from a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The sequence, from 1.
    pub sequence: u32,
    /// SHA-256 of the header's XDR.
    pub hash: Hash,
    /// The hash of the ledger with the sequence below.
    pub previous_hash: Hash,
    /// When the ledger closed, to the second.
    pub close_time: Timestamp,
    /// The protocol version that the ledger was closed with.
    pub protocol: u32,
}

impl Ledger {
    pub(crate) fn read(header: &LedgerHeader, hash: Hash) -> Result<Self, LedgerError> {
        let seconds = header.scp_value.close_time.0;
        let close_time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        Ok(Self {
            sequence: header.ledger_seq,
            hash,
            previous_hash: Hash::from(&header.previous_ledger_hash),
            close_time: close_time
                .ok_or(LedgerError::CloseTimeOutOfRange { ledger: header.ledger_seq, seconds })?,
            protocol: header.ledger_version,
        })
    }

    /// Checks that this ledger is the direct successor of `previous`: sequence, hash, close time and protocol.
    ///
    /// # Errors
    /// [`LedgerError::NotLinked`] with the first property that contradicts.
    pub fn follows(&self, previous: &Self) -> Result<(), LedgerError> {
        let broken = if previous.sequence.checked_add(1) != Some(self.sequence) {
            Link::Sequence { previous: previous.sequence }
        } else if self.previous_hash != previous.hash {
            Link::Hash { expected: previous.hash, named: self.previous_hash }
        } else if self.close_time < previous.close_time {
            Link::CloseTime { previous: previous.close_time, this: self.close_time }
        } else if self.protocol < previous.protocol {
            Link::Protocol { previous: previous.protocol, this: self.protocol }
        } else {
            return Ok(());
        };
        Err(LedgerError::NotLinked { ledger: self.sequence, broken })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(sequence: u32) -> Ledger {
        let hash = |sequence: u32| Hash::of(&sequence.to_be_bytes());
        Ledger {
            sequence,
            hash: hash(sequence),
            previous_hash: hash(sequence - 1),
            close_time: Timestamp::from_second(i64::from(sequence) * 5).unwrap(),
            protocol: 23,
        }
    }

    fn broken(change: impl FnOnce(&mut Ledger)) -> Link {
        let mut next = ledger(8);
        change(&mut next);
        match next.follows(&ledger(7)) {
            Err(LedgerError::NotLinked { broken, .. }) => broken,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_next_ledger_follows() {
        assert!(ledger(8).follows(&ledger(7)).is_ok());
    }

    #[test]
    fn a_gap_a_repetition_and_another_parent_do_not_follow() {
        assert_eq!(broken(|next| *next = ledger(9)), Link::Sequence { previous: 7 });
        assert_eq!(broken(|next| *next = ledger(7)), Link::Sequence { previous: 7 });
        let other = Hash::of(b"other");
        let expected = ledger(7).hash;
        assert_eq!(broken(|next| next.previous_hash = other), Link::Hash { expected, named: other });
    }

    #[test]
    fn close_time_and_protocol_may_stay_but_never_fall() {
        let previous = ledger(7);
        let mut next = ledger(8);
        next.close_time = previous.close_time;
        assert!(next.follows(&previous).is_ok());
        let earlier = Timestamp::from_second(1).unwrap();
        let expected = Link::CloseTime { previous: previous.close_time, this: earlier };
        assert_eq!(broken(|next| next.close_time = earlier), expected);
        assert_eq!(broken(|next| next.protocol = 22), Link::Protocol { previous: 23, this: 22 });
    }

    #[test]
    fn the_last_sequence_has_no_successor() {
        let mut last = ledger(7);
        last.sequence = u32::MAX;
        assert!(ledger(1).follows(&last).is_err());
    }
}
