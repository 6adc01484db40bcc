//! Bytes that are no ledger.

use fluxora_stellar::testing::{Chain, Shape, to_xdr};
use fluxora_stellar::{LEDGER_BYTES_MAX, decode_ledger};
use proptest::prelude::*;
use stellar_xdr::{ScVal, ScVec};

use crate::samples::{WATCHED, built, event, invocation};

fn refusal(xdr: &[u8]) -> String {
    decode_ledger(xdr).unwrap_err().to_string()
}

#[test]
fn a_ledger_is_decoded_from_its_own_bytes_and_from_no_more_and_no_fewer() {
    for shape in [Shape::V1, Shape::V2] {
        let xdr = to_xdr(&built(shape));
        assert_eq!(decode_ledger(&xdr).unwrap(), built(shape));
        for length in 0..xdr.len() {
            assert!(decode_ledger(&xdr[..length]).is_err(), "{length} bytes of {shape:?}");
        }
        assert!(decode_ledger(&[xdr, vec![0]].concat()).is_err());
    }
}

#[test]
fn a_ledger_that_breaks_off_is_named_by_its_header() {
    let xdr = to_xdr(&built(Shape::V2));
    assert_eq!(refusal(&xdr[..xdr.len() - 1]), "ledger 1000000 cannot be decoded (protocol 23)");
    assert_eq!(refusal(b""), "a ledger cannot be decoded");
}

#[test]
fn a_ledger_of_an_unknown_version_or_protocol_asks_for_a_newer_release() {
    let mut chain = Chain::new(Shape::V2, "bump");
    chain.upgrade(31);
    let mut xdr = to_xdr(&chain.close(7, 100, &[]));
    assert!(decode_ledger(&xdr).is_ok(), "a protocol bump alone changes nothing");
    xdr[3] = 3;
    let message =
        "ledger 7 cannot be decoded: it has protocol 31, which needs a newer release of this program";
    assert_eq!(refusal(&xdr), message);
}

#[test]
fn too_many_bytes_are_refused_before_they_are_read() {
    let mut xdr = to_xdr(&built(Shape::V2));
    xdr.resize(LEDGER_BYTES_MAX + 1, 0);
    assert_eq!(refusal(&xdr), "ledger 1000000 cannot be decoded (protocol 23)");
}

/// A vector in a vector, and so on.
fn nested(depth: usize) -> ScVal {
    let wrap = |inner| ScVal::Vec(Some(ScVec(vec![inner].try_into().unwrap())));
    (0..depth).fold(ScVal::Void, |value, _| wrap(value))
}

#[test]
fn values_as_deep_as_the_network_allows_are_read_and_deeper_ones_are_an_error_and_no_stack_overflow() {
    // The stack of the smallest thread that decodes.
    let on_a_small_stack = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let test = || {
        let ledger = |depth| {
            let deep = event(WATCHED, vec![], nested(depth));
            Chain::new(Shape::V2, "deep").close(10, 100, &[invocation(Some(vec![deep]))])
        };
        let deep = to_xdr(&ledger(100));
        let verified = crate::samples::check(&deep, &crate::samples::watched()).unwrap();
        assert!(verified.events[0].event.payload.contains(&"[".repeat(100)));

        // A bomb cannot be built with the encoder, whose limit is the same: the nesting is repeated by hand.
        let level = to_xdr(&nested(2))[..12].to_vec();
        let flat = to_xdr(&ledger(1));
        let at = flat.windows(12).position(|bytes| bytes == level).unwrap();
        let bomb = [&flat[..at], &level.repeat(100_000), &flat[at..]].concat();
        assert!(decode_ledger(&bomb).is_err());
    };
    on_a_small_stack.spawn(test).unwrap().join().unwrap();
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(decode_ledger(&bytes).is_err());
    }

    #[test]
    fn a_ledger_with_any_bytes_replaced_never_panics(
        at in 0_usize..4000, bytes in prop::collection::vec(any::<u8>(), 1..40), v2: bool,
    ) {
        let mut xdr = to_xdr(&built(if v2 { Shape::V2 } else { Shape::V1 }));
        let at = at % xdr.len();
        for (to, from) in xdr[at..].iter_mut().zip(bytes) {
            *to = from;
        }
        drop(crate::samples::check(&xdr, &crate::samples::watched()));
    }
}
