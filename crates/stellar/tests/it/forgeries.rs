//! Sources that lie.

use fluxora_stellar::testing::{Chain, Shape, TestTransaction, to_xdr};
use fluxora_stellar::{LedgerCloseMeta, LedgerError, VerifiedLedger, verify};
use stellar_xdr::{
    ContractEventType, LedgerEntryChange, LedgerEntryChanges, LedgerEntryData, ScVal, TransactionMeta,
};

use crate::samples::{
    OTHER, asset_event, built, edit, edit_meta, event, invocation, paused, symbol, watched,
};

const SHAPES: [Shape; 2] = [Shape::V1, Shape::V2];

/// Replaces the events of a transaction.
fn rewrite(ledger: &mut LedgerCloseMeta, index: usize, events: Vec<stellar_xdr::ContractEvent>) {
    let events = events.try_into().unwrap();
    edit_meta(ledger, index, |meta| match meta {
        TransactionMeta::V3(meta) => meta.soroban_meta.as_mut().unwrap().events = events,
        TransactionMeta::V4(meta) => edit(&mut meta.operations, |operations| operations[0].events = events),
        other => panic!("{}", other.name()),
    });
}

fn ids(verified: &VerifiedLedger) -> Vec<&str> {
    verified.events.iter().map(|verified| verified.event.id.as_str()).collect()
}

#[test]
fn only_events_of_watched_contracts_in_successful_invocations_are_taken() {
    for shape in SHAPES {
        let verified = verify(&built(shape), &watched()).unwrap();
        assert_eq!(ids(&verified), ["0004294967296012288-0000000001", "0004294967296012288-0000000002"]);
    }
}

#[test]
fn an_event_of_a_watched_contract_in_a_payment_is_not_taken_though_every_hash_holds() {
    let payment = TestTransaction::Payment { events: vec![paused(1)] };
    let ledger = Chain::new(Shape::V2, "forged").close(10, 100, &[payment]);
    assert!(to_xdr(&ledger).windows(6).any(|bytes| bytes == b"paused"), "the forged event is in the ledger");
    assert!(verify(&ledger, &watched()).unwrap().events.is_empty());
}

#[test]
fn events_in_the_metadata_of_a_failed_invocation_are_not_taken() {
    let mut ledger = built(Shape::V2);
    rewrite(&mut ledger, 1, vec![paused(3)]);
    assert_eq!(verify(&ledger, &watched()).unwrap().events.len(), 2);
}

#[test]
fn a_diagnostic_or_system_event_of_a_watched_contract_is_not_taken() {
    for kind in [ContractEventType::Diagnostic, ContractEventType::System] {
        let mut other = paused(1);
        other.type_ = kind;
        let ledger = Chain::new(Shape::V2, "kinds").close(10, 100, &[invocation(Some(vec![other]))]);
        assert!(verify(&ledger, &watched()).unwrap().events.is_empty());
    }
}

#[test]
fn a_dropped_an_added_and_a_changed_event_are_refused_from_protocol_23_on() {
    let forgeries = [
        vec![asset_event(), paused(1)],
        vec![asset_event(), paused(1), paused(2), paused(3)],
        vec![asset_event(), paused(2), paused(1)],
        Vec::new(),
    ];
    for events in forgeries {
        let mut ledger = built(Shape::V2);
        rewrite(&mut ledger, 2, events);
        let refused = verify(&ledger, &watched());
        let expected =
            matches!(refused, Err(LedgerError::EventsHash { ledger: 1_000_000, transaction: 3, .. }));
        assert!(expected, "{refused:?}");
    }
}

#[test]
fn a_changed_event_is_refused_even_where_no_watched_contract_is_concerned() {
    let others = vec![event(OTHER, vec![symbol("a")], ScVal::Void)];
    let mut ledger = Chain::new(Shape::V2, "others").close(10, 100, &[invocation(Some(others))]);
    rewrite(&mut ledger, 0, Vec::new());
    assert!(matches!(verify(&ledger, &watched()), Err(LedgerError::EventsHash { .. })));
}

#[test]
fn asset_events_that_were_rewritten_before_protocol_23_make_a_transaction_unverifiable_and_not_corrupt() {
    let mut ledger = built(Shape::V1);
    let mut rewritten = asset_event();
    rewritten.body = event(OTHER, vec![symbol("mint"), ScVal::Void, asset_topic()], ScVal::Void).body;
    rewrite(&mut ledger, 2, vec![rewritten, paused(1), paused(2)]);
    let verified = verify(&ledger, &watched()).unwrap();
    assert!(verified.events.is_empty(), "nothing that is not proven is taken");
    let [unverifiable] = verified.unverifiable.as_slice() else { panic!("{:?}", verified.unverifiable) };
    assert_eq!(unverifiable.transaction, 3);
    let topics: Vec<_> = unverifiable.events.iter().map(|event| event.topic.as_str()).collect();
    assert_eq!(topics, ["paused", "paused"]);
}

fn asset_topic() -> ScVal {
    ScVal::String(stellar_xdr::ScString(
        "USDC:GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ".try_into().unwrap(),
    ))
}

#[test]
fn before_protocol_23_a_change_without_asset_events_is_refused() {
    let mut ledger = Chain::new(Shape::V1, "old").close(10, 100, &[invocation(Some(vec![paused(1)]))]);
    rewrite(&mut ledger, 0, vec![paused(2)]);
    assert!(matches!(verify(&ledger, &watched()), Err(LedgerError::EventsHash { .. })));
}

#[test]
fn an_invocation_without_its_return_value_or_with_another_number_of_operations_is_refused() {
    let refused = |change: &dyn Fn(&mut stellar_xdr::TransactionMetaV4)| {
        let mut ledger = built(Shape::V2);
        edit_meta(&mut ledger, 2, |meta| match meta {
            TransactionMeta::V4(meta) => change(meta),
            other => panic!("{}", other.name()),
        });
        matches!(verify(&ledger, &watched()), Err(LedgerError::NotAnInvocation { transaction: 3, .. }))
    };
    assert!(refused(&|meta| meta.soroban_meta = None));
    assert!(refused(&|meta| meta.soroban_meta.as_mut().unwrap().return_value = None));
    assert!(refused(&|meta| meta.operations = Vec::new().try_into().unwrap()));
    assert!(refused(&|meta| {
        let mut operations = meta.operations.to_vec();
        operations.extend(operations.clone());
        meta.operations = operations.try_into().unwrap();
    }));
}

#[test]
fn a_falsified_entry_passes_every_level_and_changes_nothing_that_is_taken() {
    for shape in SHAPES {
        let mut ledger = built(shape);
        let before = verify(&ledger, &watched()).unwrap();
        edit_meta(&mut ledger, 2, |meta| match meta {
            TransactionMeta::V3(meta) => edit(&mut meta.operations, |list| falsify(&mut list[0].changes)),
            TransactionMeta::V4(meta) => edit(&mut meta.operations, |list| falsify(&mut list[0].changes)),
            other => panic!("{}", other.name()),
        });
        let after = verify(&ledger, &watched()).unwrap();
        assert_eq!(ids(&before), ids(&after));
        assert_eq!(before.ledger, after.ledger);
    }
}

/// Gives another value to the entry that the contract wrote.
fn falsify(changes: &mut LedgerEntryChanges) {
    edit(&mut changes.0, |changes| {
        let LedgerEntryChange::Updated(entry) = &mut changes[0] else { panic!("an update") };
        let LedgerEntryData::ContractData(data) = &mut entry.data else { panic!("contract data") };
        data.val = ScVal::U64(u64::MAX);
    });
}

#[test]
fn transfers_to_and_from_a_watched_contract_are_taken_where_that_contract_emitted_an_event() {
    let party = |bytes| {
        ScVal::Address(stellar_xdr::ScAddress::Contract(stellar_xdr::ContractId(stellar_xdr::Hash(bytes))))
    };
    let transfer = |from, to| event(OTHER, vec![symbol("transfer"), party(from), party(to)], ScVal::Void);
    let (watched_id, a, b) = ([7; 32], [1; 32], [2; 32]);
    let moves = vec![transfer(watched_id, a), transfer(a, watched_id), transfer(a, b)];
    let taken = |events| {
        let ledger = Chain::new(Shape::V2, "transfers").close(10, 100, &[invocation(Some(events))]);
        let verified = verify(&ledger, &watched()).unwrap();
        verified.events.iter().map(|event| event.event.position.event).collect::<Vec<_>>()
    };
    assert_eq!(taken(moves.clone()), [0; 0]);
    assert_eq!(taken([moves, vec![paused(1)]].concat()), [0, 1, 3]);
}
