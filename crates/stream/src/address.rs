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
    /// The text is a secret seed (`S…`) with a valid checksum, in capitals or not.
    #[error(
        "this is a secret key (S…): send the public key (G…), and treat the secret as exposed: replace it"
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
    /// A valid strkey of another kind than the needed one.
    #[error("this is {found}; {needed} is needed")]
    Kind {
        /// What the text is.
        found: StrkeyKind,
        /// What it must be.
        needed: Needed,
    },
}

/// A kind of strkey (SEP-23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrkeyKind {
    /// `G…`
    Account,
    /// `C…`
    Contract,
    /// `M…`
    MuxedAccount,
    /// `B…`
    ClaimableBalance,
    /// `L…`
    LiquidityPool,
    /// `P…`
    SignedPayload,
    /// `T…`
    PreAuthorizedTransaction,
    /// `X…`
    HashX,
    /// A kind that has no use here.
    Other,
}

/// The addresses that a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// An account.
    Account,
    /// A contract.
    Contract,
    /// An account or a contract.
    Either,
}

impl fmt::Display for StrkeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "an account (G…)",
            Self::Contract => "a contract (C…)",
            Self::MuxedAccount => "a muxed account (M…)",
            Self::ClaimableBalance => "a claimable balance (B…)",
            Self::LiquidityPool => "a liquidity pool (L…)",
            Self::SignedPayload => "a signed payload (P…)",
            Self::PreAuthorizedTransaction => "a pre-authorized transaction (T…)",
            Self::HashX => "a hash (X…)",
            Self::Other => "another kind of strkey",
        })
    }
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "an account's public key (G…)",
            Self::Contract => "a contract (C…)",
            Self::Either => "an account (G…) or a contract (C…)",
        })
    }
}

/// Characters of a strkey that carries 32 bytes (SEP-23): version byte, payload and CRC-16 in base32.
const STRKEY_LENGTH: usize = 56;

impl Address {
    /// Reads a strkey (SEP-23) of an account or a contract.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong with it; [`AddressError::Kind`] if it is a valid strkey of another kind.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        Self::read(text, Needed::Either)
    }

    fn read(text: &str, needed: Needed) -> Result<Self, AddressError> {
        let found = match decode(text, needed)? {
            Strkey::PublicKeyEd25519(key) if needed != Needed::Contract => {
                return Ok(Self::Account(AccountId(key.0)));
            }
            Strkey::Contract(contract) if needed != Needed::Account => {
                return Ok(Self::Contract(ContractId(contract.0)));
            }
            Strkey::PublicKeyEd25519(_) => StrkeyKind::Account,
            Strkey::Contract(_) => StrkeyKind::Contract,
            Strkey::MuxedAccountEd25519(_) => StrkeyKind::MuxedAccount,
            Strkey::ClaimableBalance(_) => StrkeyKind::ClaimableBalance,
            Strkey::LiquidityPool(_) => StrkeyKind::LiquidityPool,
            Strkey::SignedPayloadEd25519(_) => StrkeyKind::SignedPayload,
            Strkey::PreAuthTx(_) => StrkeyKind::PreAuthorizedTransaction,
            Strkey::HashX(_) => StrkeyKind::HashX,
            _ => StrkeyKind::Other,
        };
        Err(AddressError::Kind { found, needed })
    }
}

impl AccountId {
    /// Reads an account's strkey (`G…`).
    ///
    /// # Errors
    /// [`AddressError`], with [`AddressError::Kind`] for a contract.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        match Address::read(text, Needed::Account)? {
            Address::Account(account) => Ok(account),
            Address::Contract(_) => {
                Err(AddressError::Kind { found: StrkeyKind::Contract, needed: Needed::Account })
            }
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
        match Address::read(text, Needed::Contract)? {
            Address::Contract(contract) => Ok(contract),
            Address::Account(_) => {
                Err(AddressError::Kind { found: StrkeyKind::Account, needed: Needed::Contract })
            }
        }
    }

    /// The contract whose hash is these bytes.
    pub const fn from_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

/// The longest strkey, a signed payload, in characters.
const LONGEST: usize = 165;

/// Decodes a strkey of any kind.
fn decode(text: &str, needed: Needed) -> Result<Strkey, AddressError> {
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    if text.len() > LONGEST {
        return Err(AddressError::Length);
    }
    if text.starts_with(['S', 's']) {
        let capitals = text.to_ascii_uppercase();
        return Err(match ed25519::PrivateKey::from_string(&capitals) {
            Ok(_) => AddressError::SecretKey,
            Err(error) => fault(&capitals, &error, needed),
        });
    }
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(if text.len() == STRKEY_LENGTH { AddressError::LowerCase } else { AddressError::Length });
    }
    Strkey::from_string(text).map_err(|error| fault(text, &error, needed))
}

fn fault(text: &str, error: &DecodeError, needed: Needed) -> AddressError {
    match error {
        DecodeError::ChecksumMismatch => AddressError::Checksum,
        _ if text.len() != STRKEY_LENGTH => AddressError::Length,
        DecodeError::UnsupportedVersion => AddressError::Kind { found: StrkeyKind::Other, needed },
        _ => AddressError::Alphabet,
    }
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
    fn an_address_of_another_kind_is_named() {
        use StrkeyKind::{
            Account, ClaimableBalance, HashX, LiquidityPool, MuxedAccount, PreAuthorizedTransaction,
        };
        let mut kinds = vec![
            (Strkey::MuxedAccountEd25519(ed25519::MuxedAccount { ed25519: [7; 32], id: 9 }), MuxedAccount),
            (Strkey::ClaimableBalance(stellar_strkey::ClaimableBalance::V0([7; 32])), ClaimableBalance),
            (Strkey::LiquidityPool(stellar_strkey::LiquidityPool([7; 32])), LiquidityPool),
            (Strkey::PreAuthTx(stellar_strkey::PreAuthTx([7; 32])), PreAuthorizedTransaction),
            (Strkey::HashX(stellar_strkey::HashX([7; 32])), HashX),
        ];
        for (strkey, found) in &kinds {
            let needed = Needed::Either;
            assert_eq!(
                Address::parse(&strkey.to_string()),
                Err(AddressError::Kind { found: *found, needed })
            );
        }
        kinds.push((Strkey::Contract(Contract([7; 32])), StrkeyKind::Contract));
        for (strkey, found) in &kinds {
            let needed = Needed::Account;
            assert_eq!(
                AccountId::parse(&strkey.to_string()),
                Err(AddressError::Kind { found: *found, needed })
            );
        }
        let error = ContractId::parse(ACCOUNT).unwrap_err();
        assert_eq!(error, AddressError::Kind { found: Account, needed: Needed::Contract });
        assert_eq!(error.to_string(), "this is an account (G…); a contract (C…) is needed");
    }

    #[test]
    fn only_a_seed_with_a_valid_checksum_is_called_a_secret_key() {
        const SEED: &str = "SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKR";
        refused(SEED, AddressError::SecretKey);
        refused(&SEED.to_lowercase(), AddressError::SecretKey);
        refused(&SEED.replace("HOKR", "HOKS"), AddressError::Checksum);
        refused(SEED.split_at(50).0, AddressError::Length);
        refused("Stellar", AddressError::Length);
        refused("sender", AddressError::Length);
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
