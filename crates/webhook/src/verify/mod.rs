//! The receiver's side.

pub(crate) mod envelope;
pub(crate) mod keyring;
pub(crate) mod verified;

use std::fmt;

use crate::headers::{Field, HeaderFields, Headers};
use crate::mac::Digest;
use crate::sign::contract_key;
use crate::signature::decode_hex;
use crate::{Rejection, Secret, TooManySecrets, UnixSeconds, Verified, name};
use envelope::{Envelope, Limits, Names};
use keyring::Keyring;
use verified::EventHeader;

/// The contract's header names.
pub(crate) const NAMES: Names =
    Names { id: name::DELIVERY_ID, timestamp: name::TIMESTAMP, signature: name::SIGNATURE };

/// Verifies deliveries under up to three secrets.
///
/// Make one at start-up and share it: verifying takes `&self`, allocates nothing on success and reads no clock.
///
/// ```
/// use fluxora_webhook::{Rejection, Secret, UnixSeconds, Verifier};
///
/// let verifier = Verifier::new(&Secret::new("whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx")?);
/// let headers = [
///     ("x-fluxora-delivery-id", "dlv_01"),
///     ("x-fluxora-timestamp", "1700000000"),
///     ("x-fluxora-signature", "75489f9034334efce782fb8d7a536cfc1c95b6b19fc067f5baf7abe533f62e7e"),
///     ("x-fluxora-event", "stream.updated"),
/// ];
/// let now = UnixSeconds::new(1_700_000_042); // in a service: SystemTime::now()
/// assert_eq!(verifier.verify(&headers, b"", now)?.delivery_id(), "dlv_01");
/// assert_eq!(verifier.verify(&headers, b" ", now).unwrap_err(), Rejection::SignatureMismatch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Verifier {
    keys: Keyring,
    limits: Limits,
}

impl Verifier {
    /// Accepts one secret, with the contract's limits: 300 seconds and 256 KiB.
    ///
    /// ```
    /// # use fluxora_webhook::{Secret, Verifier};
    /// let verifier = Verifier::new(&Secret::new("topsecret")?);
    /// # Ok::<(), fluxora_webhook::SecretError>(())
    /// ```
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self { keys: Keyring::of(contract_key(secret)), limits: Limits::default() }
    }

    /// Refuses every delivery with [`Rejection::MissingSecret`], for a service that has to start without its secret.
    ///
    /// ```
    /// # use fluxora_webhook::{Rejection, UnixSeconds, Verifier};
    /// let verifier = Verifier::unconfigured();
    /// let headers: [(&str, &str); 0] = [];
    /// assert_eq!(verifier.verify(&headers, b"", UnixSeconds::new(0)).unwrap_err(), Rejection::MissingSecret);
    /// ```
    #[must_use]
    pub fn unconfigured() -> Self {
        Self { keys: Keyring::default(), limits: Limits::default() }
    }

    /// Accepts a further secret for good: the next one of a rotation, or another sender's.
    ///
    /// # Errors
    /// [`TooManySecrets`], when there are three already.
    ///
    /// ```
    /// # use fluxora_webhook::{Secret, Verifier};
    /// let verifier = Verifier::new(&Secret::new("current")?).with_secret(&Secret::new("next")?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_secret(self, secret: &Secret) -> Result<Self, TooManySecrets> {
        Ok(Self { keys: self.keys.with(contract_key(secret), None)?, ..self })
    }

    /// Accepts a further secret up to and including the instant `not_after`: the old one of a rotation.
    ///
    /// Afterwards its signatures are refused with [`Rejection::PreviousSecretExpired`], so that an operator can tell a late
    /// sender from a forger.
    ///
    /// # Errors
    /// [`TooManySecrets`], when there are three already.
    ///
    /// ```
    /// # use fluxora_webhook::{ROTATION_GRACE_SECONDS, Secret, UnixSeconds, Verifier};
    /// let rotated_at = UnixSeconds::new(1_700_000_000);
    /// let verifier = Verifier::new(&Secret::new("new")?)
    ///     .with_secret_until(&Secret::new("old")?, rotated_at.plus(ROTATION_GRACE_SECONDS))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_secret_until(
        self,
        secret: &Secret,
        not_after: impl Into<UnixSeconds>,
    ) -> Result<Self, TooManySecrets> {
        Ok(Self { keys: self.keys.with(contract_key(secret), Some(not_after.into()))?, ..self })
    }

    /// Accepts timestamps up to this far from now, in either direction. A wider window is a wider door for replays.
    ///
    /// ```
    /// # use fluxora_webhook::{Secret, Verifier};
    /// let verifier = Verifier::new(&Secret::new("topsecret")?).with_tolerance_seconds(60);
    /// # Ok::<(), fluxora_webhook::SecretError>(())
    /// ```
    #[must_use]
    pub fn with_tolerance_seconds(mut self, tolerance_seconds: u64) -> Self {
        self.limits.tolerance_seconds = tolerance_seconds;
        self
    }

    /// Accepts bodies of up to this many bytes.
    ///
    /// ```
    /// # use fluxora_webhook::{Secret, Verifier};
    /// let verifier = Verifier::new(&Secret::new("topsecret")?).with_max_body_bytes(16 * 1024);
    /// # Ok::<(), fluxora_webhook::SecretError>(())
    /// ```
    #[must_use]
    pub fn with_max_body_bytes(mut self, max_body_bytes: usize) -> Self {
        self.limits.max_body_bytes = max_body_bytes;
        self
    }

    /// Verifies one delivery: its headers, its body as it was received, and the time at which it was.
    ///
    /// Give it the raw bytes: JSON that was parsed and written again has other bytes and never verifies.
    ///
    /// # Errors
    /// The first that applies, in the contract's order: [`Rejection::MissingSecret`], [`Rejection::MissingDeliveryId`],
    /// [`Rejection::MissingTimestamp`], [`Rejection::MissingSignature`], [`Rejection::PayloadTooLarge`],
    /// [`Rejection::InvalidTimestamp`], [`Rejection::TimestampOutsideTolerance`], then
    /// [`Rejection::PreviousSecretExpired`] or [`Rejection::SignatureMismatch`]. A header that is there twice counts as
    /// missing.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, Verifier};
    /// # let secret = Secret::new("topsecret")?;
    /// # let body = br#"{"id":"evt_01"}"#;
    /// # let now = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    /// # let headers = Signer::new(&secret).sign(&Delivery::new("dlv_01", "stream.updated", body)?, now)?;
    /// # let verifier = Verifier::new(&secret);
    /// match verifier.verify(&headers, body, now) {
    ///     Ok(verified) => println!("process {} bytes", verified.body().len()),
    ///     Err(rejection) => println!("answer {} {}", rejection.status(), rejection.code()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify<'a, H: Headers + ?Sized>(
        &self,
        headers: &'a H,
        body: &'a [u8],
        now: impl Into<UnixSeconds>,
    ) -> Result<Verified<'a>, Rejection> {
        self.verify_fields(&headers.fields(), body, now.into())
    }

    fn verify_fields<'a>(
        &self,
        fields: &HeaderFields<'a>,
        body: &'a [u8],
        now: UnixSeconds,
    ) -> Result<Verified<'a>, Rejection> {
        if self.keys.len() == 0 {
            return Err(Rejection::MissingSecret);
        }
        let signatures = Signatures::find(fields);
        let envelope = Envelope::open(&NAMES, fields.delivery_id, fields.timestamp, signatures.is_some())?;
        let signed_at = envelope.check(body, now, self.limits)?;
        let candidates = signatures.map(Signatures::decode).unwrap_or_default();
        let secret_index = self.keys.judge(&[envelope.timestamp, body], &candidates, now)?;
        Ok(Verified {
            delivery_id: envelope.id,
            timestamp: envelope.timestamp,
            signed_at,
            event: EventHeader::Unsigned(fields.event),
            body,
            secret_index,
        })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("secrets", &self.keys.len()).field("limits", &self.limits).finish()
    }
}

/// The plain signature and the next secret's, as they were received. Either alone will do.
struct Signatures<'a> {
    plain: Option<&'a [u8]>,
    next: Option<&'a [u8]>,
}

impl<'a> Signatures<'a> {
    /// `None` when neither is there, or one is there twice.
    fn find(fields: &HeaderFields<'a>) -> Option<Self> {
        let (plain, next) = (fields.signature, fields.signature_next);
        if plain == Field::Repeated || next == Field::Repeated {
            return None;
        }
        let found = Self { plain: plain.value(), next: next.value() };
        (found.plain.is_some() || found.next.is_some()).then_some(found)
    }

    fn decode(self) -> [Option<Digest>; 2] {
        [self.plain.and_then(decode_hex), self.next.and_then(decode_hex)]
    }
}
