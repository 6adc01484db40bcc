use std::fmt;

use stellar_strkey::{Contract, DecodeError, Strkey, ed25519};
use thiserror::Error;

/// An account on Stellar (`G…`): an ed25519 public key with its checksum verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId([u8; 32]);

/// A Soroban contract (`C…`), checksum verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContractId([u8; 32]);

/// A party on chain: an account or a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// `G…`
    Account(AccountId),
    /// `C…`
    Contract(ContractId),
}

/// Why a text is not the address that is needed. The error never holds the text, which may be a secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The text is empty.
    #[error("an address is needed: a Stellar public key of 56 characters that starts with G")]
    Empty,
    /// The text starts as a secret seed does (`S`).
    #[error(
        "this looks like a secret key (S…): send the public key (G…), and treat the secret as exposed: replace it"
    )]
    SecretKey,
    /// The text would be an address if its letters were capitals.
    #[error("addresses are written in capitals")]
    LowerCase,
    /// Not 56 characters.
    #[error("an address has 56 characters")]
    Length,
    /// A character outside base32, or unused bits that are set.
    #[error("an address is made of the letters A to Z and the digits 2 to 7")]
    Alphabet,
    /// The last characters do not match the rest: at least one was mistyped.
    #[error("the checksum does not match: at least one character was mistyped")]
    Checksum,
    /// A valid strkey of a kind that cannot be used here (a contract, a muxed account, a hash…).
    #[error("this kind of address cannot be used here: send an account's public key (G…)")]
    Kind,
}

/// Characters of a strkey that carries 32 bytes (SEP-23): version byte, payload and CRC-16 in base32.
const STRKEY_LENGTH: usize = 56;

impl Address {
    /// Reads a strkey (SEP-23) of an account or a contract.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong with it; [`AddressError::Kind`] if it is a valid strkey of another kind.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        reject_early(text)?;
        match Strkey::from_string(text) {
            Ok(Strkey::PublicKeyEd25519(key)) => Ok(Self::Account(AccountId(key.0))),
            Ok(Strkey::Contract(contract)) => Ok(Self::Contract(ContractId(contract.0))),
            Ok(_) => Err(AddressError::Kind),
            Err(DecodeError::PrivateKey) => Err(AddressError::SecretKey),
            Err(DecodeError::ChecksumMismatch) => Err(AddressError::Checksum),
            Err(DecodeError::UnsupportedVersion) => Err(AddressError::Kind),
            Err(_) => Err(AddressError::Alphabet),
        }
    }
}

impl AccountId {
    /// Reads an account's strkey (`G…`).
    ///
    /// # Errors
    /// [`AddressError`], with [`AddressError::Kind`] for a contract.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        match Address::parse(text)? {
            Address::Account(account) => Ok(account),
            Address::Contract(_) => Err(AddressError::Kind),
        }
    }

    /// The account whose public key is these bytes.
    pub const fn from_public_key(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl ContractId {
    /// Reads a contract's strkey (`C…`).
    ///
    /// # Errors
    /// [`AddressError`], with [`AddressError::Kind`] for an account.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        match Address::parse(text)? {
            Address::Contract(contract) => Ok(contract),
            Address::Account(_) => Err(AddressError::Kind),
        }
    }

    /// The contract whose hash is these bytes.
    pub const fn from_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

/// Checks that need no decoding. They give the more specific error and bound the cost of hostile input.
fn reject_early(text: &str) -> Result<(), AddressError> {
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    if text.starts_with(['S', 's']) {
        return Err(AddressError::SecretKey);
    }
    if text.len() != STRKEY_LENGTH {
        return Err(if text.starts_with('M') { AddressError::Kind } else { AddressError::Length });
    }
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(AddressError::LowerCase);
    }
    Ok(())
}

impl From<AccountId> for Address {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}

impl From<ContractId> for Address {
    fn from(contract: ContractId) -> Self {
        Self::Contract(contract)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ed25519::PublicKey(self.0).to_string())
    }
}

impl fmt::Display for ContractId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Contract(self.0).to_string())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Contract(contract) => contract.fmt(f),
        }
    }
}

impl serde::Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
    const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";

    #[track_caller]
    fn refused(text: &str, expect: AddressError) {
        assert_eq!(Address::parse(text), Err(expect));
        assert_eq!(AccountId::parse(text), Err(expect));
    }

    #[test]
    fn an_account_and_a_contract_read_back_as_written() {
        assert_eq!(Address::parse(ACCOUNT).unwrap().to_string(), ACCOUNT);
        assert_eq!(Address::parse(CONTRACT).unwrap().to_string(), CONTRACT);
        assert_eq!(AccountId::parse(ACCOUNT).unwrap().to_string(), ACCOUNT);
        assert_eq!(ContractId::parse(CONTRACT).unwrap().to_string(), CONTRACT);
    }

    #[test]
    fn a_contract_is_not_an_account() {
        assert_eq!(AccountId::parse(CONTRACT), Err(AddressError::Kind));
        assert_eq!(ContractId::parse(ACCOUNT), Err(AddressError::Kind));
    }

    #[test]
    fn each_fault_of_an_address_has_its_name() {
        refused("", AddressError::Empty);
        refused("GABC", AddressError::Length);
        refused(&ACCOUNT.to_lowercase(), AddressError::LowerCase);
        refused(&ACCOUNT.replace("GA7", "GA2"), AddressError::Checksum);
        refused(&ACCOUNT.replace('7', "1"), AddressError::Alphabet);
        refused(&ACCOUNT.replace('7', "\0"), AddressError::Alphabet);
        refused("SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKR", AddressError::SecretKey);
        refused("sbu2rrglxh3e5cqhtd3odldf2bwdcyussbllz5gnw7jxhdiykxzwhokr", AddressError::SecretKey);
        refused("MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ", AddressError::Kind);
    }

    #[test]
    fn the_two_addresses_of_the_first_readme_are_refused() {
        refused("GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN", AddressError::Length);
        refused("GCEZWKCA5VLDNRLN3RPRJMRZOX3Z6G5CHCGZCP2J7F1NRQKQOHP3OGN", AddressError::Length);
    }

    proptest! {
        #[test]
        fn every_public_key_has_one_address(key: [u8; 32]) {
            let account = AccountId::from_public_key(key);
            prop_assert_eq!(AccountId::parse(&account.to_string()), Ok(account));
        }

        #[test]
        fn any_text_is_an_address_or_a_named_fault(text in "\\PC{0,80}") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert_eq!(address.to_string(), text);
            }
        }
    }
}
