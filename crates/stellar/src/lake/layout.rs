//! The keys of a data lake (SEP-54).

use std::num::NonZeroU32;

use serde::Deserialize;

/// How a lake cuts the chain into files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LakeLayout {
    /// Ledgers in one file.
    pub ledgers_per_batch: NonZeroU32,
    /// Files in one folder. 1: there are no folders.
    pub batches_per_partition: NonZeroU32,
}

impl Default for LakeLayout {
    /// The layout of the public lakes: one ledger in a file, 64,000 files in a folder.
    fn default() -> Self {
        let batches_per_partition = NonZeroU32::MIN.saturating_add(63_999);
        Self { ledgers_per_batch: NonZeroU32::MIN, batches_per_partition }
    }
}

impl LakeLayout {
    /// The key of the file with this ledger, without the ending.
    pub fn key(self, ledger: u32) -> String {
        let (first, last) = span(ledger, self.ledgers_per_batch);
        let file = match self.ledgers_per_batch.get() {
            1 => format!("{:08X}--{first}", !first),
            _ => format!("{:08X}--{first}-{last}", !first),
        };
        if self.batches_per_partition.get() == 1 {
            return file;
        }
        let (first, last) = span(ledger, self.ledgers_per_batch.saturating_mul(self.batches_per_partition));
        format!("{:08X}--{first}-{last}/{file}", !first)
    }
}

/// The span of this size, counted from 0, in which the ledger lies.
fn span(ledger: u32, size: NonZeroU32) -> (u32, u32) {
    let first = ledger - ledger % size;
    (first, first.saturating_add(size.get() - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(ledgers: u32, batches: u32) -> LakeLayout {
        LakeLayout {
            ledgers_per_batch: NonZeroU32::new(ledgers).unwrap(),
            batches_per_partition: NonZeroU32::new(batches).unwrap(),
        }
    }

    #[test]
    fn keys_are_those_of_the_public_lakes() {
        let key = LakeLayout::default().key(53_312_000);
        assert_eq!(key, "FCD285FF--53312000-53375999/FCD285FF--53312000");
        assert_eq!(LakeLayout::default().key(2), "FFFFFFFF--0-63999/FFFFFFFD--2");
    }

    #[test]
    fn a_file_of_several_ledgers_names_its_first_and_last_and_a_lake_without_partitions_has_no_folder() {
        assert_eq!(layout(64, 10).key(700), "FFFFFD7F--640-1279/FFFFFD7F--640-703");
        assert_eq!(layout(1, 1).key(5), "FFFFFFFA--5");
        assert_eq!(layout(8, 1).key(5), "FFFFFFFF--0-7");
    }

    #[test]
    fn the_last_ledger_has_a_key_in_every_layout() {
        for (ledgers, batches) in [(1, 1), (64, 1000), (u32::MAX, u32::MAX)] {
            assert!(layout(ledgers, batches).key(u32::MAX).contains("--"));
        }
    }
}
