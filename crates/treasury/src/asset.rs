use std::fmt;
use std::str::FromStr;

use fluxora_stream::{Address, ContractId, Details, Stream, StreamBody, StreamId};
use thiserror::Error;

/// What the amounts of a stream are amounts of. Amounts of two assets are never added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asset {
    /// A token, in its smallest unit: a vesting stream names its token.
    Token(Address),
    /// The one token of a version 9 contract, in stroops. No event names it.
    OfContract(ContractId),
    /// The unit of API streams, in stroops.
    Api,
}

/// The word of [`Asset::Api`].
const API: &str = "api";

impl Asset {
    /// The asset of a stream.
    pub fn of<B: StreamBody>(stream: &Stream<B>) -> Self {
        match (stream.details(), stream.id()) {
            (Details::Vesting(state), _) => Self::Token(state.token),
            (_, StreamId::Chain { contract, .. }) => Self::OfContract(contract),
            (_, StreamId::Api(_)) => Self::Api,
        }
    }

    /// Reads `api`, the address of a token, or the address of a version 9 contract. An address can be of either kind,
    /// so that it names two assets.
    pub fn parse(text: &str) -> Option<Vec<Self>> {
        if text == API {
            return Some(vec![Self::Api]);
        }
        let address = Address::parse(text).ok()?;
        let mut named = vec![Self::Token(address)];
        if let Address::Contract(contract) = address {
            named.push(Self::OfContract(contract));
        }
        Some(named)
    }

    /// The word of the kind: `token`, `contract` or `api`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::OfContract(_) => "contract",
            Self::Api => API,
        }
    }

    /// Whether amounts are stroops: seven decimals.
    pub const fn is_in_stroops(self) -> bool {
        !matches!(self, Self::Token(_))
    }
}

/// A text that is no stored asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an asset: token:<address>, contract:<address> or api")]
pub struct UnknownAsset;

/// The stored form: the kind, and the address after a colon.
impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(token) => write!(f, "token:{token}"),
            Self::OfContract(contract) => write!(f, "contract:{contract}"),
            Self::Api => f.write_str(API),
        }
    }
}

impl FromStr for Asset {
    type Err = UnknownAsset;

    fn from_str(text: &str) -> Result<Self, UnknownAsset> {
        match text.split_once(':') {
            Some(("token", token)) => Address::parse(token).map(Self::Token).map_err(|_| UnknownAsset),
            Some(("contract", contract)) => {
                ContractId::parse(contract).map(Self::OfContract).map_err(|_| UnknownAsset)
            }
            _ if text == API => Ok(Self::Api),
            _ => Err(UnknownAsset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_token_or_the_token_of_a_contract() {
        let contract = ContractId::from_hash([7; 32]);
        let named = Asset::parse(&contract.to_string());
        assert_eq!(named, Some(vec![Asset::Token(contract.into()), Asset::OfContract(contract)]));
        assert_eq!(Asset::parse("api"), Some(vec![Asset::Api]));
        assert_eq!((Asset::parse("USDC"), Asset::parse("")), (None, None));
    }

    #[test]
    fn a_stored_asset_reads_back_and_nothing_else_does() {
        let contract = ContractId::from_hash([7; 32]);
        for asset in [Asset::Token(contract.into()), Asset::OfContract(contract), Asset::Api] {
            assert_eq!(asset.to_string().parse(), Ok(asset));
        }
        for text in ["", "API", "token:", "contract:api", "token"] {
            assert_eq!(text.parse::<Asset>(), Err(UnknownAsset), "{text}");
        }
    }
}
