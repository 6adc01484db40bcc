//! Ledgers that real networks closed.

use std::collections::BTreeSet;

use fluxora_stellar::testing::{header_of, to_xdr};
use fluxora_stellar::{Hash, LedgerCloseMeta, LedgerError, WatchList, decode_ledger, verify};
use stellar_xdr::{ContractEvent, TransactionMeta};

use crate::samples::{check, edit_meta, from_rpc, load_test, mainnet_headers, nothing_watched, pubnet};

/// The events of soroban metadata, without regard to the result.
fn emitted(meta: &LedgerCloseMeta) -> Vec<ContractEvent> {
    let of = |meta: &TransactionMeta| match meta {
        TransactionMeta::V3(meta) => meta.soroban_meta.iter().flat_map(|meta| meta.events.to_vec()).collect(),
        TransactionMeta::V4(meta) if meta.soroban_meta.is_some() => {
            meta.operations.iter().flat_map(|operation| operation.events.to_vec()).collect()
        }
        _ => Vec::new(),
    };
    match meta {
        LedgerCloseMeta::V0(_) => Vec::new(),
        LedgerCloseMeta::V1(meta) => {
            meta.tx_processing.iter().flat_map(|tx| of(&tx.tx_apply_processing)).collect()
        }
        LedgerCloseMeta::V2(meta) => {
            meta.tx_processing.iter().flat_map(|tx| of(&tx.tx_apply_processing)).collect()
        }
    }
}

/// A list of every contract that emitted an event.
fn everything(meta: &LedgerCloseMeta) -> WatchList {
    let contracts: BTreeSet<_> =
        emitted(meta).into_iter().filter_map(|event| event.contract_id).map(|id| id.to_string()).collect();
    WatchList::new(contracts.iter().map(String::as_str)).unwrap()
}

#[test]
fn a_full_ledger_of_the_public_network_passes_every_level() {
    let meta = pubnet();
    let verified = verify(&meta, &everything(&meta)).unwrap();
    assert_eq!((verified.ledger.sequence, verified.ledger.protocol), (53_312_000, 21));
    assert_eq!(verified.events.len(), emitted(&meta).len());
    assert!(verified.unverifiable.is_empty());
}

#[test]
fn another_return_value_of_the_invocation_in_the_ledger_of_the_public_network_is_refused() {
    let mut meta = pubnet();
    let LedgerCloseMeta::V1(ledger) = &meta else { panic!("the ledger is V1") };
    let invokes =
        |meta: &TransactionMeta| matches!(meta, TransactionMeta::V3(meta) if meta.soroban_meta.is_some());
    let invocations = ledger.tx_processing.iter().filter(|tx| invokes(&tx.tx_apply_processing)).count();
    let index = ledger.tx_processing.iter().position(|tx| invokes(&tx.tx_apply_processing)).unwrap();
    assert_eq!(invocations, 1);
    edit_meta(&mut meta, index, |meta| {
        let TransactionMeta::V3(meta) = meta else { panic!("V3") };
        meta.soroban_meta.as_mut().unwrap().return_value = stellar_xdr::ScVal::U32(1);
    });
    let refused = verify(&meta, &nothing_watched());
    assert!(matches!(refused, Err(LedgerError::EventsHash { .. })), "{refused:?}");
}

#[test]
fn the_ledgers_in_the_answers_of_stellar_rpc_pass_every_level_up_to_protocol_25() {
    let ledgers = from_rpc();
    let verified: Vec<_> = ledgers.iter().map(|xdr| check(xdr, &nothing_watched()).unwrap().ledger).collect();
    let read: Vec<_> = verified.iter().map(|ledger| (ledger.sequence, ledger.protocol)).collect();
    assert_eq!(read, [(10, 21), (11, 21), (1_283_415, 25), (36_233, 22), (36_234, 22)]);
    verified[1].follows(&verified[0]).unwrap();
    verified[4].follows(&verified[3]).unwrap();
}

#[test]
fn fifty_headers_of_the_public_network_have_their_hashes_and_form_a_chain() {
    let headers = mainnet_headers();
    for entry in &headers {
        assert_eq!(Hash::from_bytes(entry.hash.0), Hash::of(&to_xdr(&entry.header)));
    }
    for pair in headers.windows(2) {
        assert_eq!(pair[0].header.ledger_seq + 1, pair[1].header.ledger_seq);
        assert_eq!(pair[0].hash, pair[1].header.previous_ledger_hash);
    }
    assert_eq!(headers.len(), 50);
}

#[test]
fn a_ledger_that_was_merged_after_it_closed_is_refused_by_its_results() {
    let ledgers = load_test();
    assert!(check(&ledgers[0], &nothing_watched()).is_ok());
    let refused = check(&ledgers[1], &nothing_watched());
    assert!(matches!(refused, Err(LedgerError::ResultSetHash { ledger: 85, .. })), "{refused:?}");
}

#[test]
fn the_invocations_of_protocol_23_have_the_hashes_of_their_events() {
    let meta = decode_ledger(&load_test()[1]).unwrap();
    let meta = with_its_own_results(meta);
    let verified = verify(&meta, &everything(&meta)).unwrap();
    assert_eq!(verified.events.len(), 1000);
}

/// The load test's ledger under a header that commits to what is in it.
fn with_its_own_results(mut meta: LedgerCloseMeta) -> LedgerCloseMeta {
    let LedgerCloseMeta::V2(ledger) = &mut meta else { panic!("the ledger is V2") };
    let results = ledger.tx_processing.iter().map(|tx| tx.result.clone()).collect::<Vec<_>>();
    let results = stellar_xdr::TransactionResultSet { results: results.try_into().unwrap() };
    let hash = |xdr: Vec<u8>| stellar_xdr::Hash(*Hash::of(&xdr).as_bytes());
    let entry = &mut ledger.ledger_header;
    entry.header.tx_set_result_hash = hash(to_xdr(&results));
    entry.header.scp_value.tx_set_hash = hash(to_xdr(&ledger.tx_set));
    entry.hash = hash(to_xdr(&entry.header));
    assert_eq!(header_of(&meta).header.ledger_seq, 85);
    meta
}
