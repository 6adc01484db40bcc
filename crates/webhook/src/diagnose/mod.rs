//! Why a signature does not match: finds the usual mistakes by trying them.
//!
//! For support and command lines, not for the request path: it signs the body some hundred times and compares without
//! care for time.
//!
//! ```
//! use fluxora_webhook::diagnose::{Cause, diagnose};
//! use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds};
//!
//! let now = UnixSeconds::new(1_700_000_000);
//! let delivery = Delivery::new("dlv_01", "stream.updated", br#"{"id":"evt_01"}"#)?;
//! let headers = Signer::new(&Secret::new("topsecret")?).sign(&delivery, now)?;
//!
//! // The body was saved by an editor that ends files with a line break.
//! let diagnosis = diagnose(b"topsecret", &headers, b"{\"id\":\"evt_01\"}\n", now);
//! assert_eq!(diagnosis.causes(), [Cause::BodyGainedLineBreak]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cause;
mod guess;
mod json;
mod members;

use crate::headers::{Field, Headers};
use crate::mac::Digest;
use crate::signature::decode_hex;
use crate::verify::verified::EventHeader;
use crate::{Rejection, Secret, UnixSeconds, Verified, Verifier};

pub use cause::{Cause, Diagnosis};

/// Verifies one delivery, compares its headers with its body and, if it is refused, says what is probably wrong.
///
/// The secret is given as the bytes that were configured, line breaks and all, because they may be what is wrong.
///
/// ```
/// use fluxora_webhook::{UnixSeconds, diagnose::{Cause, diagnose}};
///
/// let headers = [
///     ("x-fluxora-delivery-id", "dlv_01"),
///     ("x-fluxora-timestamp", "1710000000"),
///     ("x-fluxora-signature", "925006549b879c8d9e91c10a153254fb4b6e2241820a1b072e28aa2fa8caeb79"),
/// ];
/// let body = br#"{ "event": "stream.updated" }"#; // parsed and printed again
/// let diagnosis = diagnose(b"topsecret\n", &headers, body, UnixSeconds::new(1_710_000_900));
///
/// assert_eq!(diagnosis.rejection().map(|rejection| rejection.code()), Some("missing_secret"));
/// assert_eq!(diagnosis.causes(), [
///     Cause::SecretHasSurroundingBlanks,
///     Cause::ClockSkew { seconds_behind: 900 },
///     Cause::BodyReformatted,
/// ]);
/// ```
pub fn diagnose<H: Headers + ?Sized>(
    secret: &[u8],
    headers: &H,
    body: &[u8],
    now: impl Into<UnixSeconds>,
) -> Diagnosis {
    let now = now.into();
    let usable = std::str::from_utf8(secret).ok().and_then(|text| Secret::new(text).ok());
    let verifier = usable.as_ref().map_or_else(Verifier::unconfigured, Verifier::new);
    let rejection = match verifier.verify(headers, body, now) {
        Ok(verified) => {
            let contradictions = contradictions(&verified);
            return if contradictions.is_empty() {
                Diagnosis::genuine()
            } else {
                Diagnosis::refused(Rejection::HeaderBodyMismatch, contradictions)
            };
        }
        Err(rejection) => rejection,
    };

    let mut causes = Vec::new();
    if secret.trim_ascii().is_empty() {
        return Diagnosis::refused(rejection, vec![Cause::SecretEmpty]);
    }
    let fields = headers.fields();
    let (Some(timestamp), Some(signature)) = (fields.timestamp.value(), fields.signature.value()) else {
        if fields.standard_signature != Field::Absent {
            causes.push(Cause::OnlyStandardWebhooksHeaders);
        }
        return Diagnosis::refused(rejection, causes);
    };
    causes.extend(of_time(timestamp, now));
    if matches!(rejection, Rejection::MissingDeliveryId { .. } | Rejection::PayloadTooLarge { .. })
        || body.len() > crate::MAX_BODY_BYTES
    {
        return Diagnosis::refused(rejection, causes);
    }

    let id = fields.delivery_id.value().unwrap_or_default();
    let (expected, notation) = of_notation(signature);
    let next = fields.signature_next.value().and_then(decode_hex);
    let signatures: Vec<Digest> = expected.into_iter().chain(next).collect();
    match guess::search(secret, &guess::Request { id, timestamp, body }, &signatures) {
        Some(found) => {
            causes.extend(notation);
            causes.extend(found);
            causes.extend(of_headers(EventHeader::Unsigned(fields.event), id, body));
        }
        None if signatures.is_empty() => causes.push(Cause::SignatureMalformed),
        None => {
            causes.extend(notation);
            if usable.is_none() {
                causes.push(Cause::SecretUnusable);
            }
            causes.push(Cause::Unexplained);
        }
    }
    causes.sort_by_key(Cause::rank);
    Diagnosis::refused(rejection, causes)
}

/// Which headers of a genuine delivery contradict its signed body, as [`Verified::match_body`] would find.
///
/// It reads `type` and `delivery_id` of the body itself. A member that the body does not have, and an event header that is
/// absent, contradict nothing.
///
/// ```
/// use fluxora_webhook::diagnose::{Cause, contradictions};
/// use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds, Verifier};
///
/// let (secret, now) = (Secret::new("topsecret")?, UnixSeconds::new(1_700_000_000));
/// let body = br#"{"delivery_id":"dlv_01","type":"stream.updated"}"#;
/// let headers = Signer::new(&secret).sign(&Delivery::new("dlv_02", "stream.updated", body)?, now)?;
/// let verifier = Verifier::new(&secret);
/// let verified = verifier.verify(&headers, body, now)?;
/// assert_eq!(contradictions(&verified), [Cause::DeliveryIdContradictsBody]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn contradictions(verified: &Verified<'_>) -> Vec<Cause> {
    of_headers(verified.event, verified.delivery_id.as_bytes(), verified.body).collect()
}

fn of_headers(event: EventHeader<'_>, id: &[u8], body: &[u8]) -> impl Iterator<Item = Cause> + use<> {
    let given = |name| members::text_member(body, name);
    let event_contradicts = match event {
        EventHeader::Unsigned(Field::Absent) | EventHeader::NotSent => false,
        EventHeader::Unsigned(field) => {
            given("type").is_some_and(|kind| field != Field::One(kind.as_bytes()))
        }
    };
    let id_contradicts = given("delivery_id").is_some_and(|signed| signed.as_bytes() != id);
    let event = event_contradicts.then_some(Cause::EventHeaderContradictsBody);
    event.into_iter().chain(id_contradicts.then_some(Cause::DeliveryIdContradictsBody))
}

fn of_time(timestamp: &[u8], now: UnixSeconds) -> Option<Cause> {
    let Some(signed_at) = UnixSeconds::from_header(timestamp) else {
        let in_millis = timestamp.len() == 13 && timestamp.iter().all(u8::is_ascii_digit);
        return Some(if in_millis { Cause::TimestampInMilliseconds } else { Cause::TimestampMalformed });
    };
    (signed_at.distance(now) > crate::TOLERANCE_SECONDS)
        .then(|| Cause::ClockSkew { seconds_behind: now.get().saturating_sub(signed_at.get()) })
}

/// Reads a signature in the contract's notation, or in one that others use.
fn of_notation(signature: &[u8]) -> (Option<Digest>, Option<Cause>) {
    if let Some(digest) = decode_hex(signature) {
        return (Some(digest), None);
    }
    for prefix in ["sha256=", "v1=", "v0=", "v1,"] {
        let rest = signature.trim_ascii().strip_prefix(prefix.as_bytes());
        if let Some(digest) = rest.and_then(decode_hex).or_else(|| rest.and_then(decode_base64)) {
            return (Some(digest), Some(Cause::SignatureInOtherNotation));
        }
    }
    let digest = decode_base64(signature.trim_ascii());
    (digest, digest.map(|_| Cause::SignatureInOtherNotation))
}

#[cfg(feature = "standard-webhooks")]
fn decode_base64(value: &[u8]) -> Option<Digest> {
    crate::standard::decode_digest(value)
}

#[cfg(not(feature = "standard-webhooks"))]
fn decode_base64(_value: &[u8]) -> Option<Digest> {
    None
}
