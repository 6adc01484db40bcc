//! The JSON of Stellar RPC. A number may be a string: versions and providers differ.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use crate::SourceError;

#[derive(Serialize)]
pub(super) struct Call<'a, P> {
    pub(super) jsonrpc: &'a str,
    pub(super) id: u32,
    pub(super) method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) params: Option<P>,
}

#[derive(Deserialize)]
pub(super) struct Reply<T> {
    result: Option<T>,
    error: Option<Fault>,
}

#[derive(Debug, Deserialize)]
struct Fault {
    code: i64,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
pub(super) struct Network {
    pub(super) passphrase: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    #[serde(deserialize_with = "number")]
    pub(super) oldest_ledger: u32,
    #[serde(deserialize_with = "number")]
    pub(super) latest_ledger: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LedgersParams {
    pub(super) start_ledger: u32,
    pub(super) pagination: Pagination,
}

#[derive(Serialize)]
pub(super) struct Pagination {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cursor: Option<String>,
    pub(super) limit: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ledgers<'a> {
    #[serde(borrow)]
    pub(super) ledgers: Vec<LedgerItem<'a>>,
    #[serde(deserialize_with = "number")]
    pub(super) latest_ledger: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LedgerItem<'a> {
    #[serde(deserialize_with = "number")]
    pub(super) sequence: u32,
    #[serde(borrow)]
    pub(super) metadata_xdr: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventsParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_ledger: Option<u32>,
    pub(super) filters: Vec<EventFilter>,
    pub(super) pagination: Pagination,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventFilter {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) contract_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Events {
    pub(super) events: Vec<EventItem>,
    pub(super) cursor: String,
    #[serde(deserialize_with = "number")]
    pub(super) latest_ledger: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventItem {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) ledger_closed_at: String,
    pub(super) contract_id: String,
    pub(super) id: String,
    pub(super) tx_hash: String,
    /// Absent in some answers; false for an event of a failed transaction.
    pub(super) in_successful_contract_call: Option<bool>,
    pub(super) topic: Vec<String>,
    pub(super) value: String,
}

impl<T> Reply<T> {
    pub(super) fn result(self, expected: &'static str) -> Result<T, SourceError> {
        match (self.result, self.error) {
            (_, Some(fault)) => Err(fault.into()),
            (Some(result), None) => Ok(result),
            (None, None) => Err(SourceError::Malformed { expected }),
        }
    }
}

impl From<Fault> for SourceError {
    fn from(Fault { code, message }: Fault) -> Self {
        // A provider's text may have any length and any characters.
        let message = message.chars().filter(|c| !c.is_control()).take(200).collect();
        match code {
            -32001 => Self::ProcessingLimit,
            -32603 => Self::Unavailable { retry_after: None, message },
            _ => Self::Rpc { code, message },
        }
    }
}

/// A `u32` as a number or as a decimal string.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    struct Read;

    impl Visitor<'_> for Read {
        type Value = u32;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a ledger number")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u32, E> {
            u32::try_from(number).map_err(|_| E::custom("a ledger number has 32 bits"))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
            text.parse().map_err(|_| E::custom("a ledger number has 32 bits"))
        }
    }

    deserializer.deserialize_any(Read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(json: &str) -> Result<Health, SourceError> {
        serde_json::from_str::<Reply<Health>>(json).unwrap().result("getHealth")
    }

    #[test]
    fn ledger_numbers_are_read_as_numbers_and_as_strings() {
        for json in [
            r#"{"result":{"oldestLedger":2,"latestLedger":70000,"status":"healthy"}}"#,
            r#"{"result":{"oldestLedger":"2","latestLedger":"70000","more":[1]}}"#,
        ] {
            let health = health(json).unwrap();
            assert_eq!((health.oldest_ledger, health.latest_ledger), (2, 70_000));
        }
        for number in ["-1", "4294967296", "1.5", "\"\"", "\"-1\"", "null", "\"0x10\""] {
            let json = format!(r#"{{"result":{{"oldestLedger":2,"latestLedger":{number}}}}}"#);
            assert!(serde_json::from_str::<Reply<Health>>(&json).is_err(), "{number}");
        }
    }

    #[test]
    fn the_codes_of_json_rpc_become_errors_that_say_what_to_do() {
        let of =
            |code: i64| health(&format!(r#"{{"error":{{"code":{code},"message":"m"}}}}"#)).err().unwrap();
        assert!(matches!(of(-32001), SourceError::ProcessingLimit));
        assert!(matches!(of(-32603), SourceError::Unavailable { .. }));
        assert!(matches!(of(-32600), SourceError::Rpc { code: -32600, .. }));
        assert!(matches!(health("{}"), Err(SourceError::Malformed { expected: "getHealth" })));
    }

    #[test]
    fn the_text_of_a_provider_is_shortened_and_has_no_control_characters() {
        let json = format!(r#"{{"error":{{"code":1,"message":"a\n{}"}}}}"#, "b".repeat(1000));
        let message = health(&json).err().unwrap().to_string();
        assert!(message.len() < 250 && !message.contains('\n'), "{message}");
    }
}
