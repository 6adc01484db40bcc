use std::collections::BTreeMap;

use fluxora_stream::vesting::Units;
use fluxora_stream::{Address, ContractId};
use serde::Serialize;
use thiserror::Error;

/// Tokens by contract, as the operator names them. Amounts of other tokens are shown in their smallest unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(BTreeMap<ContractId, Token>);

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    code: String,
    decimals: u8,
}

/// The most decimals of a token: an amount has at most 39 digits.
const MOST_DECIMALS: u8 = 38;
/// The most characters of a code, as Stellar assets have.
const MOST_CHARACTERS: usize = 12;

/// A list of tokens that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidTokens {
    /// An entry has another form.
    #[error("entry {entry} must be <contract>=<code>:<decimals>")]
    Form {
        /// Its position in the list, from 1.
        entry: usize,
    },
    /// The contract is none.
    #[error("entry {entry} must begin with the address of a contract (C…)")]
    Contract {
        /// Its position in the list, from 1.
        entry: usize,
    },
    /// The code is too long or has other characters.
    #[error("entry {entry} must have a code of 1 to {MOST_CHARACTERS} letters and digits")]
    Code {
        /// Its position in the list, from 1.
        entry: usize,
    },
    /// The decimals are no number or too many.
    #[error("entry {entry} must have 0 to {MOST_DECIMALS} decimals")]
    Decimals {
        /// Its position in the list, from 1.
        entry: usize,
    },
    /// The contract stands in the list twice.
    #[error("entry {entry} names a contract that is in the list already")]
    Duplicate {
        /// Its position in the list, from 1.
        entry: usize,
    },
}

/// A token in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Token"))]
pub(crate) struct TokenView {
    contract: String,
    code: Option<String>,
    decimals: Option<u8>,
}

impl Tokens {
    /// Reads `<contract>=<code>:<decimals>,…`; an empty text names none.
    ///
    /// # Errors
    /// [`InvalidTokens`] names the first entry that cannot be read.
    pub fn parse(text: &str) -> Result<Self, InvalidTokens> {
        let mut tokens = BTreeMap::new();
        let entries = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
        for (entry, text) in (1..).zip(entries) {
            let form = InvalidTokens::Form { entry };
            let (contract, rest) = text.split_once('=').ok_or(form.clone())?;
            let (code, decimals) = rest.split_once(':').ok_or(form)?;
            let contract = ContractId::parse(contract).map_err(|_| InvalidTokens::Contract { entry })?;
            let plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !plain || !(1..=MOST_CHARACTERS).contains(&code.len()) {
                return Err(InvalidTokens::Code { entry });
            }
            let decimals = decimals.parse().ok().filter(|decimals| *decimals <= MOST_DECIMALS);
            let decimals = decimals.ok_or(InvalidTokens::Decimals { entry })?;
            if tokens.insert(contract, Token { code: code.to_owned(), decimals }).is_some() {
                return Err(InvalidTokens::Duplicate { entry });
            }
        }
        Ok(Self(tokens))
    }

    fn find(&self, token: Address) -> Option<&Token> {
        match token {
            Address::Contract(contract) => self.0.get(&contract),
            Address::Account(_) => None,
        }
    }

    /// Code and decimals of a token that the operator names.
    pub(crate) fn known(&self, token: Address) -> Option<(&str, u8)> {
        self.find(token).map(|known| (known.code.as_str(), known.decimals))
    }

    pub(crate) fn view(&self, token: Address) -> TokenView {
        let known = self.find(token);
        TokenView {
            contract: token.to_string(),
            code: known.map(|known| known.code.clone()),
            decimals: known.map(|known| known.decimals),
        }
    }

    /// Code and decimals of a token, where they are known.
    pub(crate) fn named(&self, token: Address) -> Option<(String, u8)> {
        self.find(token).map(|known| (known.code.clone(), known.decimals))
    }

    /// An amount in the token's decimals, or in its smallest unit where they are not known.
    pub(crate) fn show(&self, token: Address, amount: i128) -> String {
        Units(amount).with_decimals(self.find(token).map_or(0, |known| known.decimals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";

    #[test]
    fn a_token_has_a_code_and_decimals_and_an_unknown_one_has_neither() {
        let tokens = Tokens::parse(&format!(" {CONTRACT}=USDC:6 ")).unwrap();
        let (known, other) = (ContractId::parse(CONTRACT).unwrap(), ContractId::from_hash([7; 32]));
        assert_eq!(tokens.show(known.into(), 1_500_000), "1.500000");
        assert_eq!(tokens.show(other.into(), 1_500_000), "1500000");
        let view = serde_json::to_value(tokens.view(known.into())).unwrap();
        assert_eq!(view, serde_json::json!({"contract": CONTRACT, "code": "USDC", "decimals": 6}));
        let view = serde_json::to_value(tokens.view(other.into())).unwrap();
        assert_eq!((&view["code"], &view["decimals"]), (&serde_json::Value::Null, &serde_json::Value::Null));
        assert_eq!(Tokens::parse("  ").unwrap(), Tokens::default());
    }

    #[track_caller]
    fn refused(text: &str, expect: &InvalidTokens) {
        assert_eq!(Tokens::parse(&text.replace('#', CONTRACT)).unwrap_err(), *expect);
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_named() {
        refused("USDC", &InvalidTokens::Form { entry: 1 });
        refused("#=USDC", &InvalidTokens::Form { entry: 1 });
        refused("#=USDC:6,", &InvalidTokens::Form { entry: 2 });
        refused("GA=USDC:6", &InvalidTokens::Contract { entry: 1 });
        refused("#=:6", &InvalidTokens::Code { entry: 1 });
        refused("#=US DC:6", &InvalidTokens::Code { entry: 1 });
        refused("#=THIRTEENCHARS:6", &InvalidTokens::Code { entry: 1 });
        refused("#=USDC:39", &InvalidTokens::Decimals { entry: 1 });
        refused("#=USDC:-1", &InvalidTokens::Decimals { entry: 1 });
        refused("#=USDC:6,#=USDC:6", &InvalidTokens::Duplicate { entry: 2 });
    }
}
