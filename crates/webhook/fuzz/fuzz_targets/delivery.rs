//! Headers and body of any shape: nothing panics, nothing verifies by chance, and what is signed does verify.
#![no_main]

use fluxora_webhook::diagnose::diagnose;
use fluxora_webhook::{
    BodyClaims, Delivery, HeaderFields, Secret, Signer, UnixSeconds, Verifier, VerifyWebhookSignature, name,
    standard, verify_webhook_signature,
};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx";
const NAMES: [&str; 9] = [
    name::DELIVERY_ID,
    name::TIMESTAMP,
    name::SIGNATURE,
    name::SIGNATURE_NEXT,
    name::EVENT,
    name::STANDARD_ID,
    name::STANDARD_TIMESTAMP,
    name::STANDARD_SIGNATURE,
    "content-type",
];

/// Eight bytes of clock; then headers, each a byte for its name, a byte of length and its value, up to a name of 0xff;
/// then the body.
struct Input<'a> {
    now: UnixSeconds,
    headers: Vec<(&'static str, &'a [u8])>,
    body: &'a [u8],
}

fn read(data: &[u8]) -> Option<Input<'_>> {
    let (now, mut rest) = data.split_at_checked(8)?;
    let mut headers = Vec::new();
    while let Some((&name, after)) = rest.split_first() {
        rest = after;
        if name == 0xff {
            break;
        }
        let Some((&length, after)) = rest.split_first() else { break };
        let (value, after) = after.split_at(usize::from(length).min(after.len()));
        headers.push((NAMES[usize::from(name) % NAMES.len()], value));
        rest = after;
    }
    Some(Input { now: i64::from_le_bytes(now.try_into().ok()?).into(), headers, body: rest })
}

fuzz_target!(|data: &[u8]| {
    let Some(Input { now, headers, body }) = read(data) else { return };
    let secret = Secret::new(SECRET).unwrap();
    let verifier = Verifier::new(&secret).with_secret_until(&Secret::new("old").unwrap(), now).unwrap();
    let text = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| *name == wanted);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    };

    // Every way in, over the same bytes.
    let fields: HeaderFields = headers.iter().copied().collect();
    let verdict = verifier.verify(&headers, body, now);
    assert_eq!(verdict.map(|_| ()), verifier.verify(&fields, body, now).map(|_| ()));
    let mut map = http::HeaderMap::new();
    for (name, value) in &headers {
        if let Ok(value) = http::HeaderValue::from_bytes(value) {
            map.append(*name, value);
        }
    }
    let _ = verifier.verify(&map, body, now);
    let _ = verify_webhook_signature(&VerifyWebhookSignature {
        secret: text("content-type"),
        delivery_id: text(name::DELIVERY_ID),
        timestamp: text(name::TIMESTAMP),
        signature: text(name::SIGNATURE),
        raw_body: body,
        is_duplicate_delivery: &|id| id.len() % 2 == 0,
        now,
    });
    match verifier.verify(&fields, body, now) {
        Ok(verified) => {
            let claims =
                BodyClaims { delivery_id: text(name::DELIVERY_ID), event_id: None, event_type: "a.b" };
            let _ = (verified.match_body(&claims), verified.header_key(), format!("{verified:?}"));
        }
        Err(rejection) => assert!(!rejection.message().is_empty()),
    }
    let standard = standard::Verifier::new(&secret).unwrap();
    let _ = standard.verify(&fields, body, now);

    // Secrets and mistakes of any kind.
    if body.len() < 2_000 {
        let configured = text("content-type").unwrap_or(SECRET);
        let _ = diagnose(configured.as_bytes(), &fields, body, now);
        let _ = Secret::new(configured).map(|secret| standard::Signer::new(&secret).is_ok());
    }

    // What is signed verifies, for any names and body.
    if let Ok(delivery) =
        Delivery::new(text(name::DELIVERY_ID).unwrap_or("dlv_01"), text(name::EVENT).unwrap_or("a.b"), body)
    {
        if let Ok(signed) = Signer::new(&secret).sign(&delivery, now) {
            verifier.verify(&signed, body, now).unwrap();
            let signed = standard::Signer::new(&secret).unwrap().sign(&delivery, now).unwrap();
            standard.verify(&signed, body, now).unwrap();
        }
    }
});
