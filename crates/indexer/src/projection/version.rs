use std::str::FromStr;

use fluxora_stream::vesting::Abi;
use thiserror::Error;

/// Family and interface version of a contract, as one of its events shows them. Later versions are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContractVersion {
    /// Version 9 of the streaming contract.
    V9,
    /// A vesting contract.
    Vesting(Abi),
}

/// A text that names no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a contract version is one of v9, vesting-1, vesting-2")]
pub struct UnknownVersion;

impl ContractVersion {
    /// Every version, in ascending order. The words have the same order, byte by byte: databases compare them.
    pub const ALL: [Self; 3] = [Self::V9, Self::Vesting(Abi::V1), Self::Vesting(Abi::V2)];

    /// The word used in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V9 => "v9",
            Self::Vesting(Abi::V1) => "vesting-1",
            Self::Vesting(Abi::V2) => "vesting-2",
        }
    }

    /// The family's word on the wire.
    pub const fn family(self) -> &'static str {
        match self {
            Self::V9 => "v9",
            Self::Vesting(_) => "vesting",
        }
    }

    /// The ABI of a vesting contract.
    pub const fn abi(self) -> Option<u8> {
        match self {
            Self::V9 => None,
            Self::Vesting(abi) => Some(abi.number()),
        }
    }
}

impl FromStr for ContractVersion {
    type Err = UnknownVersion;

    fn from_str(word: &str) -> Result<Self, UnknownVersion> {
        Self::ALL.into_iter().find(|version| version.as_str() == word).ok_or(UnknownVersion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_reads_back_and_its_words_have_the_order_of_the_versions() {
        for version in ContractVersion::ALL {
            assert_eq!(version.as_str().parse(), Ok(version));
        }
        assert!(ContractVersion::ALL.is_sorted());
        assert!(ContractVersion::ALL.map(ContractVersion::as_str).is_sorted());
        assert_eq!("vesting".parse::<ContractVersion>(), Err(UnknownVersion));
    }
}
