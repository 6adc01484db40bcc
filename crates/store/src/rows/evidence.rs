use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fluxora_indexer::{LedgerProof, LedgerRanges, Opaque, ProvenEvents};

use fluxora_stream::StreamId;

use super::ReadColumns;
use crate::StoreError;
use crate::chain::{ComparedEntry, Coverage, DriftedField};

/// Reads `contract_id, ledgers` of `contract_coverage`.
pub fn coverage<'r>(columns: &mut impl ReadColumns<'r>) -> Result<Coverage, StoreError> {
    Ok(Coverage {
        contract: columns.parsed("contract_id", Opaque::new)?,
        ledgers: columns.parsed("ledgers", str::parse::<LedgerRanges>)?,
    })
}

/// Reads `ledger, header, results, preimages, events` of `ledger_proofs`.
pub fn ledger_proof<'r>(columns: &mut impl ReadColumns<'r>) -> Result<LedgerProof, StoreError> {
    Ok(LedgerProof {
        ledger: columns.number("ledger")?,
        header: columns.bytes("header")?.into(),
        results: columns.bytes("results")?.into(),
        preimages: columns.parsed("preimages", read_preimages)?,
        events: columns.parsed("events", str::parse::<ProvenEvents>)?,
    })
}

/// Reads `stream, ledger, fields` of `stream_drifts`.
pub fn drift<'r>(columns: &mut impl ReadColumns<'r>) -> Result<ComparedEntry, StoreError> {
    Ok(ComparedEntry {
        stream: columns.parsed("stream", |text| StreamId::parse(text).ok_or("not an id"))?,
        ledger: columns.number("ledger")?,
        fields: columns.parsed("fields", |text| serde_json::from_str::<Vec<DriftedField>>(text))?,
    })
}

/// Fields as they are stored: a JSON array.
///
/// # Errors
/// [`StoreError::Internal`] if a value cannot be written as JSON.
pub fn drifted_fields(fields: &[DriftedField]) -> Result<String, StoreError> {
    serde_json::to_string(fields).map_err(|error| StoreError::Internal {
        reason: "writing the fields of a drift".to_owned(),
        source: Some(error.into()),
    })
}

/// Preimages as they are stored: a JSON object of base64, by the position of the transaction.
pub fn preimages(preimages: &BTreeMap<u32, Arc<[u8]>>) -> String {
    let members: Vec<_> = preimages
        .iter()
        .map(|(transaction, preimage)| format!("\"{transaction}\":\"{}\"", BASE64_STANDARD.encode(preimage)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn read_preimages(json: &str) -> Result<BTreeMap<u32, Arc<[u8]>>, String> {
    let members: BTreeMap<u32, String> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let decode = |(transaction, text): (u32, String)| {
        let bytes = BASE64_STANDARD.decode(text).map_err(|error| error.to_string())?;
        Ok((transaction, Arc::from(bytes)))
    };
    members.into_iter().map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preimages_read_back_as_they_were_written() {
        let written = BTreeMap::from([(3, Arc::from(&[0_u8, 255, 7][..])), (12, Arc::from(&[][..]))]);
        let text = preimages(&written);
        assert_eq!((text.as_str(), read_preimages(&text)), (r#"{"3":"AP8H","12":""}"#, Ok(written)));
        for wrong in ["", "[]", r#"{"a":""}"#, r#"{"1":"*"}"#, r#"{"1":2}"#] {
            assert!(read_preimages(wrong).is_err(), "{wrong}");
        }
    }
}
