//! What Stellar RPC answers, by the texts and codes of its version 23 and later.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fluxora_indexer::ChainPosition;
use serde_json::{Value, json};
use stellar_xdr::{
    ContractEvent, ContractEventBody, ContractEventType, LedgerCloseMeta, TransactionMeta, WriteXdr,
};

use super::http_server::Fault;
use super::rpc::State;
use super::{header_of, to_xdr};
use crate::event::event_id;
use crate::{Hash, Ledger};

const LIMIT_MAX: u64 = 200;

/// The JSON of an answer.
pub(super) fn answer(state: &State, method: &str, params: &Value, fault: Option<&Fault>) -> Value {
    let result = match method {
        "getHealth" => health(state),
        "getNetwork" => Ok(json!({"passphrase": state.passphrase, "protocolVersion": 23})),
        "getLatestLedger" => Ok(json!({"sequence": number(state, state.latest()), "protocolVersion": 23})),
        "getLedgers" => ledgers(state, params, fault == Some(&Fault::FirstPage)),
        "getEvents" => events(state, params, fault == Some(&Fault::FirstPage)),
        _ => Err((-32601, "method not found".to_owned())),
    };
    match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": 1, "result": result}),
        Err((code, message)) => {
            json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}})
        }
    }
}

type Result<T> = std::result::Result<T, (i32, String)>;

impl State {
    fn oldest(&self) -> u32 {
        self.ledgers.keys().next().copied().unwrap_or(0)
    }

    fn latest(&self) -> u32 {
        let newest = self.ledgers.keys().next_back().copied().unwrap_or(0);
        self.tip.map_or(newest, |tip| tip.min(newest))
    }
}

fn health(state: &State) -> Result<Value> {
    if !state.healthy {
        return Err((-32603, "latency (45s) since last known ledger closed is too high (>30s)".to_owned()));
    }
    let (oldest, latest) = (number(state, state.oldest()), number(state, state.latest()));
    Ok(
        json!({"status": "healthy", "oldestLedger": oldest, "latestLedger": latest, "ledgerRetentionWindow": 120_960}),
    )
}

fn ledgers(state: &State, params: &Value, first_page: bool) -> Result<Value> {
    let cursor = params.pointer("/pagination/cursor").and_then(Value::as_str);
    let limit = params.pointer("/pagination/limit").and_then(Value::as_u64).unwrap_or(50);
    let start = params.get("startLedger").and_then(Value::as_u64).and_then(|start| u32::try_from(start).ok());
    let (oldest, latest) = (state.oldest(), state.latest());
    if limit > LIMIT_MAX {
        return Err((-32602, format!("limit must not exceed {LIMIT_MAX}")));
    }
    let (start, code) = match (cursor, start) {
        (Some(cursor), None) => {
            (cursor.parse::<u32>().map_err(|_| (-32602, "invalid cursor".to_owned()))? + 1, -32602)
        }
        (None, Some(start)) => (start, -32600),
        _ => return Err((-32602, "startLedger and cursor cannot both be set".to_owned())),
    };
    if !first_page && !(oldest..=latest).contains(&start) {
        let text = format!(
            "start ledger ({start}) must be between the oldest ledger: {oldest} and the latest ledger: {latest} for this rpc instance"
        );
        return Err((code, text));
    }
    let start = if first_page { oldest } else { start };
    let page: Vec<_> = state.ledgers.range(start..=latest).take(usize::try_from(limit).unwrap()).collect();
    let item = |(sequence, meta): &(&u32, &LedgerCloseMeta)| {
        let entry = header_of(meta);
        json!({
            "hash": Hash::from(&entry.hash).to_string(),
            "sequence": number(state, **sequence),
            "ledgerCloseTime": entry.header.scp_value.close_time.0.to_string(),
            "headerXdr": base64(entry),
            "metadataXdr": base64(*meta),
        })
    };
    Ok(json!({
        "ledgers": page.iter().map(item).collect::<Vec<_>>(),
        "latestLedger": number(state, latest),
        "latestLedgerCloseTime": 0,
        "oldestLedger": number(state, oldest),
        "oldestLedgerCloseTime": 0,
        "cursor": page.last().map_or(start, |(sequence, _)| **sequence).to_string(),
    }))
}

/// All events of the contracts in successful transactions, those of payments included: a real server does not tell them apart.
fn events(state: &State, params: &Value, first_page: bool) -> Result<Value> {
    let cursor = params.pointer("/pagination/cursor").and_then(Value::as_str).unwrap_or_default();
    let limit =
        usize::try_from(params.pointer("/pagination/limit").and_then(Value::as_u64).unwrap_or(100)).unwrap();
    let start = params.get("startLedger").and_then(Value::as_u64).unwrap_or(0);
    let (oldest, latest) = (state.oldest(), state.latest());
    if start > u64::from(latest) || (start != 0 && start < u64::from(oldest)) {
        return Err((-32600, format!("startLedger must be within the ledger range: {oldest} - {latest}")));
    }
    let ids: Vec<_> = params
        .get("filters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|filter| filter.get("contractIds").and_then(Value::as_array))
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let (mut page, mut end) = (Vec::new(), None);
    for meta in state.ledgers.range(..=latest).map(|(_, meta)| meta) {
        for event in of_ledger(meta) {
            let text =
                |member: &str| event.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
            let later = first_page
                || (text("id").as_str() > cursor
                    && event.get("ledger").and_then(Value::as_u64) >= Some(start));
            if later && ids.contains(&text("contractId").as_str()) && page.len() < limit {
                end = Some(text("id"));
                page.push(event);
            }
        }
    }
    let whole = ChainPosition { ledger: latest, transaction: 0xF_FFFF, operation: 0xFFF, event: u32::MAX };
    let end = end.filter(|_| page.len() == limit).unwrap_or_else(|| event_id(whole));
    let end = if first_page { cursor.to_owned() } else { end };
    Ok(
        json!({"events": page, "cursor": end, "latestLedger": number(state, latest), "oldestLedger": number(state, oldest)}),
    )
}

fn of_ledger(meta: &LedgerCloseMeta) -> Vec<Value> {
    let transactions: Vec<_> = match meta {
        LedgerCloseMeta::V0(_) => Vec::new(),
        LedgerCloseMeta::V1(meta) => {
            meta.tx_processing.iter().map(|tx| (&tx.result, &tx.tx_apply_processing)).collect()
        }
        LedgerCloseMeta::V2(meta) => {
            meta.tx_processing.iter().map(|tx| (&tx.result, &tx.tx_apply_processing)).collect()
        }
    };
    let entry = header_of(meta);
    let ledger = Ledger::read(&entry.header, Hash::from(&entry.hash)).unwrap();
    let mut events = Vec::new();
    for (transaction, (result, meta)) in (1..).zip(transactions) {
        let emitted: &[ContractEvent] = match meta {
            TransactionMeta::V3(meta) => {
                meta.soroban_meta.as_ref().map_or(&[], |meta| meta.events.as_slice())
            }
            TransactionMeta::V4(meta) => {
                meta.operations.first().map_or(&[], |operation| operation.events.as_slice())
            }
            _ => &[],
        };
        for (index, event) in (0..).zip(emitted) {
            let ContractEventBody::V0(body) = &event.body;
            let position = ChainPosition { ledger: ledger.sequence, transaction, operation: 0, event: index };
            events.push(json!({
                "type": if event.type_ == ContractEventType::System { "system" } else { "contract" },
                "ledger": ledger.sequence,
                "ledgerClosedAt": ledger.close_time.to_string(),
                "contractId": event.contract_id.as_ref().map(ToString::to_string),
                "id": event_id(position),
                "operationIndex": 0,
                "transactionIndex": transaction,
                "txHash": Hash::from(&result.transaction_hash).to_string(),
                "inSuccessfulContractCall": true,
                "topic": body.topics.iter().map(base64).collect::<Vec<_>>(),
                "value": base64(&body.data),
            }));
        }
    }
    events
}

/// A ledger number, in the form of the server's version.
fn number(state: &State, ledger: u32) -> Value {
    if state.numbers_as_strings { Value::from(ledger.to_string()) } else { Value::from(ledger) }
}

fn base64(value: &impl WriteXdr) -> String {
    BASE64_STANDARD.encode(to_xdr(value))
}
