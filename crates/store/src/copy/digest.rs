use std::fmt;

use super::Record;
use crate::StoreError;

/// A checksum over records in order, against errors and not against forgery.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(u128);

/// The number of records and their checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of records.
    pub records: u64,
    /// Checksum over all records in order.
    pub digest: Digest,
}

impl Tally {
    /// Adds a record.
    ///
    /// # Errors
    /// Those of [`Record::canonical`].
    pub fn add(&mut self, record: &Record) -> Result<(), StoreError> {
        self.digest.update(record.canonical()?.as_bytes());
        self.records = self.records.saturating_add(1);
        Ok(())
    }
}

/// FNV-1a with 128 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>.
impl Digest {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(Self::PRIME);
        }
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_function() {
        for (text, expect) in [
            ("", "6c62272e07bb014262b821756295c58d"),
            ("a", "d228cb696f1a8caf78912b704e4a8964"),
            ("foobar", "343e1662793c64bf6f0d3597ba446f18"),
        ] {
            let mut digest = Digest::default();
            digest.update(text.as_bytes());
            assert_eq!(digest.to_string(), expect, "{text}");
        }
    }
}
