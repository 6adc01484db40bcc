//! The contract's single call, for code that is ported from the reference function.

use std::fmt;

use crate::{Rejection, Secret, UnixSeconds, Verifier, name};

/// The arguments of [`verify_webhook_signature`], named as in the contract.
///
/// ```
/// use fluxora_webhook::{UnixSeconds, VerifyWebhookSignature};
///
/// let seen = std::collections::HashSet::from(["dlv_00".to_owned()]);
/// let input = VerifyWebhookSignature {
///     secret: Some("topsecret"),
///     delivery_id: Some("dlv_01"),
///     timestamp: Some("1710000000"),
///     signature: Some("925006549b879c8d9e91c10a153254fb4b6e2241820a1b072e28aa2fa8caeb79"),
///     raw_body: br#"{"event":"stream.updated"}"#,
///     is_duplicate_delivery: &|delivery_id| seen.contains(delivery_id),
///     now: UnixSeconds::new(1_710_000_000),
/// };
/// assert!(fluxora_webhook::verify_webhook_signature(&input).ok);
/// ```
#[derive(Clone, Copy)]
pub struct VerifyWebhookSignature<'a> {
    /// The shared secret, for example the value of `FLUXORA_WEBHOOK_SECRET`.
    pub secret: Option<&'a str>,
    /// The value of `x-fluxora-delivery-id`.
    pub delivery_id: Option<&'a str>,
    /// The value of `x-fluxora-timestamp`.
    pub timestamp: Option<&'a str>,
    /// The value of `x-fluxora-signature`.
    pub signature: Option<&'a str>,
    /// The body as it was received.
    pub raw_body: &'a [u8],
    /// Whether this delivery id was processed before. Asked last, and only about a delivery that is genuine.
    pub is_duplicate_delivery: &'a dyn Fn(&str) -> bool,
    /// The time of receipt.
    pub now: UnixSeconds,
}

/// The answer of [`verify_webhook_signature`].
///
/// ```
/// use fluxora_webhook::{Rejection, Verification};
///
/// let verification = Verification::from(Rejection::InvalidTimestamp);
/// assert_eq!((verification.ok, verification.status, verification.code), (false, 400, "invalid_timestamp"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// Whether the delivery may be processed.
    pub ok: bool,
    /// The HTTP status to answer with when it may not; 200 otherwise.
    pub status: u16,
    /// The contract's code; `ok` when it may be processed.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl From<Rejection> for Verification {
    fn from(rejection: Rejection) -> Self {
        Self { ok: false, status: rejection.status(), code: rejection.code(), message: rejection.message() }
    }
}

/// Verifies one delivery in one call, as the reference function of the contract does.
///
/// It derives the key on every call, knows one secret and asks about duplicates instead of recording them; a service is
/// better off with a [`Verifier`] and a [`ReplayGuard`](crate::ReplayGuard). An empty secret, or one with blanks around it,
/// is `missing_secret`: the configuration is at fault, not the sender.
///
/// ```
/// use fluxora_webhook::{UnixSeconds, VerifyWebhookSignature, verify_webhook_signature};
///
/// let verification = verify_webhook_signature(&VerifyWebhookSignature {
///     secret: None,
///     delivery_id: Some("dlv_01"),
///     timestamp: Some("1710000000"),
///     signature: Some("00"),
///     raw_body: b"{}",
///     is_duplicate_delivery: &|_| false,
///     now: UnixSeconds::new(1_710_000_000),
/// });
/// assert_eq!((verification.status, verification.code), (500, "missing_secret"));
/// ```
#[must_use]
pub fn verify_webhook_signature(input: &VerifyWebhookSignature<'_>) -> Verification {
    match check(input) {
        Ok(()) => Verification {
            ok: true,
            status: 200,
            code: "ok",
            message: "Webhook signature verified".to_owned(),
        },
        Err(rejection) => rejection.into(),
    }
}

fn check(input: &VerifyWebhookSignature<'_>) -> Result<(), Rejection> {
    let secret = input.secret.and_then(|text| Secret::new(text).ok());
    let verifier = secret.as_ref().map_or_else(Verifier::unconfigured, Verifier::new);
    let headers = [
        (name::DELIVERY_ID, input.delivery_id.unwrap_or_default()),
        (name::TIMESTAMP, input.timestamp.unwrap_or_default()),
        (name::SIGNATURE, input.signature.unwrap_or_default()),
    ];
    let verified = verifier.verify(&headers, input.raw_body, input.now)?;
    if (input.is_duplicate_delivery)(verified.delivery_id()) {
        return Err(Rejection::DuplicateDelivery);
    }
    Ok(())
}

impl fmt::Debug for VerifyWebhookSignature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyWebhookSignature")
            .field("delivery_id", &self.delivery_id)
            .field("timestamp", &self.timestamp)
            .field("raw_body_bytes", &self.raw_body.len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
