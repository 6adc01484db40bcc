//! A flipped bit, in every byte of built ledgers.

use std::ops::Range;

use fluxora_stellar::testing::{Shape, header_of, to_xdr};
use fluxora_stellar::{LedgerCloseMeta, VerifiedLedger, verify};
use stellar_xdr::{ScVal, TransactionMeta};

use crate::samples::{built, check, edit_meta, watched};

/// Where the bytes of a part lie in the ledger.
fn region(ledger: &[u8], part: &[u8]) -> Range<usize> {
    let mut starts = (0..ledger.len()).filter(|start| ledger[*start..].starts_with(part));
    let start = starts.next().unwrap();
    assert_eq!(starts.next(), None, "the part is found once");
    start..start + part.len()
}

/// The regions that a hash covers: the header and its hash, the transaction set, each result, the events of the invocation.
fn covered(meta: &LedgerCloseMeta, xdr: &[u8]) -> Vec<Range<usize>> {
    let mut parts = vec![to_xdr(header_of(meta))];
    let mut applied = |result, meta: &TransactionMeta| {
        parts.push(to_xdr(result));
        match meta {
            TransactionMeta::V3(meta) => {
                parts.extend(meta.soroban_meta.iter().map(|meta| to_xdr(&meta.events)));
            }
            TransactionMeta::V4(meta) if meta.soroban_meta.is_some() => {
                parts.extend(meta.operations.iter().map(|operation| to_xdr(&operation.events)));
            }
            _ => {}
        }
    };
    match meta {
        LedgerCloseMeta::V0(_) => panic!("built ledgers are V1 or V2"),
        LedgerCloseMeta::V1(meta) => {
            meta.tx_processing.iter().for_each(|tx| applied(&tx.result, &tx.tx_apply_processing));
            parts.push(to_xdr(&meta.tx_set));
        }
        LedgerCloseMeta::V2(meta) => {
            meta.tx_processing.iter().for_each(|tx| applied(&tx.result, &tx.tx_apply_processing));
            parts.push(to_xdr(&meta.tx_set));
        }
    }
    parts.iter().map(|part| region(xdr, part)).collect()
}

/// What a ledger makes us believe, in a form that can be compared.
fn believed(verified: &VerifiedLedger) -> String {
    assert!(verified.events.iter().all(|verified| verified.proof.verify().unwrap().event == verified.event));
    let events = verified.events.iter().map(|verified| &verified.event).collect::<Vec<_>>();
    format!("{:?} {events:?}", verified.ledger)
}

/// Every bit of every byte, one at a time.
fn flips(xdr: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..xdr.len()).flat_map(move |byte| {
        (0..8).map(move |bit| {
            let mut flipped = xdr.to_vec();
            flipped[byte] ^= 1 << bit;
            (byte, flipped)
        })
    })
}

#[test]
fn a_flipped_bit_in_any_region_that_a_hash_covers_is_refused() {
    for shape in [Shape::V1, Shape::V2] {
        let meta = built(shape);
        let xdr = to_xdr(&meta);
        let covered = covered(&meta, &xdr);
        let mut refused = 0;
        for (byte, flipped) in flips(&xdr) {
            if !covered.iter().any(|region| region.contains(&byte)) {
                continue;
            }
            match check(&flipped, &watched()) {
                Err(_) => refused += 1,
                // Below protocol 23 a transaction with an asset event can only be called unverifiable.
                Ok(verified) => {
                    assert_eq!(shape, Shape::V1, "byte {byte}");
                    assert!(verified.events.is_empty() && verified.unverifiable.len() == 1, "byte {byte}");
                    refused += 1;
                }
            }
        }
        let bytes: usize = covered.iter().map(ExactSizeIterator::len).sum();
        assert_eq!(refused, bytes * 8);
        assert!(bytes > 1000, "{bytes}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_or_changes_nothing_that_is_believed() {
    for shape in [Shape::V1, Shape::V2] {
        let meta = built(shape);
        let expected = believed(&verify(&meta, &watched()).unwrap());
        let mut unnoticed = 0;
        for (byte, flipped) in flips(&to_xdr(&meta)) {
            match check(&flipped, &watched()) {
                Err(_) => {}
                Ok(verified) if verified.unverifiable.is_empty() => {
                    assert_eq!(believed(&verified), expected, "byte {byte} of {shape:?}");
                    unnoticed += 1;
                }
                Ok(verified) => assert!(verified.events.is_empty(), "byte {byte} of {shape:?}"),
            }
        }
        assert!(unnoticed > 0, "the entry that the contract wrote is covered by no hash");
    }
}

#[test]
fn the_return_value_is_covered_as_the_events_are() {
    let mut meta = built(Shape::V2);
    edit_meta(&mut meta, 2, |meta| {
        let TransactionMeta::V4(meta) = meta else { panic!("V4") };
        meta.soroban_meta.as_mut().unwrap().return_value = Some(ScVal::Bool(true));
    });
    assert!(verify(&meta, &watched()).is_err());
}
