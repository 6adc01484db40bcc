//! Several secrets: before, inside, at and after the end of the overlap.

use fluxora_webhook::{Delivery, ROTATION_GRACE_SECONDS, Rejection, Signer, UnixSeconds, Verifier};

use crate::{BODY, NOW, Parts, secret, sign};

/// The old secret is accepted up to and including `NOW`; deliveries are signed at the time they are verified.
#[track_caller]
fn check(signed_with: &str, now: UnixSeconds, expect: Result<usize, Rejection>) {
    let verifier = Verifier::new(&secret("new")).with_secret_until(&secret("old"), NOW).unwrap();
    let parts = Parts {
        timestamp: Some(now.to_string()),
        signature: Some(sign(signed_with, now, BODY)),
        ..Parts::of(BODY)
    };
    let verdict = verifier.verify(&parts.pairs(), BODY, now).map(|verified| verified.secret_index());
    assert_eq!(verdict, expect);
}

const BEFORE_END: UnixSeconds = UnixSeconds::new(NOW.get() - 1);
const AFTER_END: UnixSeconds = UnixSeconds::new(NOW.get() + 1);

#[test]
fn the_new_secret_is_accepted_before_at_and_after_the_end_of_the_overlap() {
    for now in [UnixSeconds::new(1), BEFORE_END, NOW, AFTER_END] {
        check("new", now, Ok(0));
    }
}

#[test]
fn the_old_secret_is_accepted_inside_the_overlap() {
    check("old", BEFORE_END, Ok(1));
}

#[test]
fn the_old_secret_is_accepted_at_the_last_instant() {
    check("old", NOW, Ok(1));
}

#[test]
fn the_old_secret_is_expired_one_second_later() {
    check("old", AFTER_END, Err(Rejection::PreviousSecretExpired));
}

#[test]
fn an_unknown_secret_is_a_mismatch_even_when_another_has_expired() {
    check("other", NOW, Err(Rejection::SignatureMismatch));
    check("other", AFTER_END, Err(Rejection::SignatureMismatch));
}

#[test]
fn a_verifier_made_anew_at_the_end_of_the_overlap_decides_alike() {
    // The end is a value that is configured, not a time measured since the start.
    for _ in 0..2 {
        check("old", NOW, Ok(1));
        check("old", AFTER_END, Err(Rejection::PreviousSecretExpired));
    }
}

#[test]
fn a_secret_that_is_live_and_expired_is_live() {
    let verifier = Verifier::new(&secret("same")).with_secret_until(&secret("same"), BEFORE_END).unwrap();
    let parts = Parts { signature: Some(sign("same", NOW, BODY)), ..Parts::of(BODY) };
    assert_eq!(verifier.verify(&parts.pairs(), BODY, NOW).unwrap().secret_index(), 0);
}

#[test]
fn three_secrets_are_accepted_and_a_fourth_is_refused() {
    let mut verifier = Verifier::new(&secret("a")).with_secret(&secret("b")).unwrap();
    verifier = verifier.with_secret(&secret("c")).unwrap();
    for (index, text) in ["a", "b", "c"].into_iter().enumerate() {
        let parts = Parts { signature: Some(sign(text, NOW, BODY)), ..Parts::of(BODY) };
        assert_eq!(verifier.verify(&parts.pairs(), BODY, NOW).unwrap().secret_index(), index);
    }
    assert!(verifier.clone().with_secret(&secret("d")).is_err());
    assert!(verifier.with_secret_until(&secret("d"), NOW).is_err());
}

#[test]
fn the_default_overlap_is_a_day() {
    assert_eq!(ROTATION_GRACE_SECONDS, 86_400);
}

fn rotating() -> Vec<(&'static str, String)> {
    let delivery = Delivery::new("dlv_01", "stream.updated", BODY).unwrap();
    let headers = Signer::rotating(&secret("old"), &secret("new")).sign(&delivery, NOW).unwrap();
    headers.iter().map(|(name, value)| (name, value.to_owned())).collect()
}

#[test]
fn while_rotating_the_plain_header_is_the_old_secrets_and_the_next_header_the_new_ones() {
    let value = |name| rotating().into_iter().find(|(given, _)| *given == name).unwrap().1;
    assert_eq!(value("x-fluxora-signature"), sign("old", NOW, BODY));
    assert_eq!(value("x-fluxora-signature-next"), sign("new", NOW, BODY));
}

#[test]
fn while_rotating_a_receiver_with_either_secret_accepts() {
    for text in ["old", "new"] {
        assert!(Verifier::new(&secret(text)).verify(&rotating(), BODY, NOW).is_ok(), "{text}");
    }
    assert!(Verifier::new(&secret("other")).verify(&rotating(), BODY, NOW).is_err());
}

#[test]
fn the_next_header_alone_is_enough() {
    let pairs: Vec<_> = rotating().into_iter().filter(|(name, _)| *name != "x-fluxora-signature").collect();
    assert!(Verifier::new(&secret("new")).verify(&pairs, BODY, NOW).is_ok());
    let rejection = Verifier::new(&secret("old")).verify(&pairs, BODY, NOW).unwrap_err();
    assert_eq!(rejection, Rejection::SignatureMismatch);
}

#[test]
fn a_malformed_header_beside_a_right_one_does_no_harm() {
    for broken in ["x-fluxora-signature", "x-fluxora-signature-next"] {
        let pairs: Vec<_> = rotating()
            .into_iter()
            .map(|(name, value)| (name, if name == broken { "zz".to_owned() } else { value }))
            .collect();
        let verifier = Verifier::new(&secret("new")).with_secret(&secret("old")).unwrap();
        assert!(verifier.verify(&pairs, BODY, NOW).is_ok(), "{broken}");
    }
}
