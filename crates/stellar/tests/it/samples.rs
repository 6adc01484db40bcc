//! Ledgers that the tests start from.

use fluxora_stellar::testing::{Chain, Scenario, Shape, TestTransaction, from_xdr, scenarios, unzstd};
use fluxora_stellar::{LedgerCloseMeta, LedgerError, VerifiedLedger, WatchList, decode_ledger, verify};
use stellar_xdr::{
    ContractEvent, ContractEventBody, ContractEventType, ContractEventV0, ContractId, ExtensionPoint, Hash,
    LedgerCloseMetaBatch, LedgerHeaderHistoryEntry, ScString, ScSymbol, ScVal, TransactionMeta, VecM,
};

pub(crate) const WATCHED: [u8; 32] = [7; 32];
pub(crate) const OTHER: [u8; 32] = [8; 32];

/// The list with [`WATCHED`].
pub(crate) fn watched() -> WatchList {
    WatchList::new([stellar_strkey::Contract(WATCHED).to_string().as_str()]).unwrap()
}

pub(crate) fn nothing_watched() -> WatchList {
    WatchList::default()
}

pub(crate) fn check(xdr: &[u8], watched: &WatchList) -> Result<VerifiedLedger, LedgerError> {
    verify(&decode_ledger(xdr)?, watched)
}

pub(crate) fn symbol(text: &str) -> ScVal {
    ScVal::Symbol(ScSymbol(text.try_into().unwrap()))
}

pub(crate) fn event(contract: [u8; 32], topics: Vec<ScVal>, data: ScVal) -> ContractEvent {
    ContractEvent {
        ext: ExtensionPoint::V0,
        contract_id: Some(ContractId(Hash(contract))),
        type_: ContractEventType::Contract,
        body: ContractEventBody::V0(ContractEventV0 { topics: topics.try_into().unwrap(), data }),
    }
}

/// An event in the form of the asset contract.
pub(crate) fn asset_event() -> ContractEvent {
    let asset = ScVal::String(ScString("native".try_into().unwrap()));
    event(OTHER, vec![symbol("burn"), ScVal::Void, asset], ScVal::Void)
}

pub(crate) fn paused(stream: u64) -> ContractEvent {
    event(WATCHED, vec![symbol("paused"), ScVal::U64(stream)], ScVal::U64(stream))
}

pub(crate) fn invocation(events: Option<Vec<ContractEvent>>) -> TestTransaction {
    TestTransaction::Invocation {
        contract: WATCHED,
        function: "pause".to_owned(),
        arguments: vec![ScVal::U64(1)],
        events,
        entries: Vec::new(),
        authorized: Vec::new(),
    }
}

/// A ledger with a payment, a failed and a successful invocation.
pub(crate) fn built(shape: Shape) -> LedgerCloseMeta {
    let transactions = [
        TestTransaction::Payment { events: Vec::new() },
        invocation(None),
        invocation(Some(vec![asset_event(), paused(1), paused(2)])),
    ];
    Chain::new(shape, "built").close(1_000_000, 1_767_225_600, &transactions)
}

pub(crate) fn scenario(name: &str) -> Scenario {
    scenarios().into_iter().find(|scenario| scenario.name == name).unwrap()
}

/// The real ledger 53312000 of the public network.
pub(crate) fn pubnet() -> LedgerCloseMeta {
    let batch = from_xdr::<LedgerCloseMetaBatch>(&unzstd(include_bytes!(
        "../../fixtures/FCD285FF--53312000.xdr.zstd"
    )));
    batch.ledger_close_metas.first().unwrap().clone()
}

/// Ledgers 84 and 85 of a load test.
pub(crate) fn load_test() -> Vec<Vec<u8>> {
    let framed = unzstd(include_bytes!("../../fixtures/load-test-p23.framed.xdr.zst"));
    let mut rest = framed.as_slice();
    let mut ledgers = Vec::new();
    while let Some((mark, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*mark) & 0x7fff_ffff).unwrap();
        let (ledger, after) = after.split_at(length);
        ledgers.push(ledger.to_vec());
        rest = after;
    }
    ledgers
}

/// Changes the elements of an XDR list.
pub(crate) fn edit<T: Clone, const MAX: u32>(list: &mut VecM<T, MAX>, change: impl FnOnce(&mut [T])) {
    let mut elements = list.to_vec();
    change(&mut elements);
    *list = elements.try_into().unwrap();
}

/// Changes the metadata of a transaction of a built ledger.
pub(crate) fn edit_meta(
    ledger: &mut LedgerCloseMeta,
    index: usize,
    change: impl FnOnce(&mut TransactionMeta),
) {
    match ledger {
        LedgerCloseMeta::V0(_) => panic!("built ledgers are V1 or V2"),
        LedgerCloseMeta::V1(ledger) => {
            edit(&mut ledger.tx_processing, |txs| change(&mut txs[index].tx_apply_processing));
        }
        LedgerCloseMeta::V2(ledger) => {
            edit(&mut ledger.tx_processing, |txs| change(&mut txs[index].tx_apply_processing));
        }
    }
}

pub(crate) fn mainnet_headers() -> Vec<LedgerHeaderHistoryEntry> {
    include_str!("../../fixtures/mainnet-headers.txt").lines().map(|line| from_xdr(&base64(line))).collect()
}

/// The ledgers in the answers of Stellar RPC.
pub(crate) fn from_rpc() -> Vec<Vec<u8>> {
    let answers = [
        include_str!("../../fixtures/rpc/get_ledgers.json"),
        include_str!("../../fixtures/rpc/get_latest_ledger.json"),
        include_str!("../../fixtures/rpc/openrpc-examples-Ledgers.json"),
    ];
    let mut ledgers = Vec::new();
    for answer in answers {
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        collect(&answer, &mut ledgers);
    }
    ledgers
}

fn collect(value: &serde_json::Value, ledgers: &mut Vec<Vec<u8>>) {
    if let Some(xdr) = value.get("metadataXdr").and_then(serde_json::Value::as_str) {
        ledgers.push(base64(xdr));
    } else if let Some(object) = value.as_object() {
        object.values().for_each(|value| collect(value, ledgers));
    } else if let Some(list) = value.as_array() {
        list.iter().for_each(|value| collect(value, ledgers));
    }
}

pub(crate) fn base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.decode(text).unwrap()
}
