//! The receiver's side of the profile.

use std::fmt;

use base64::Engine as _;

use super::key::{BASE64, KeyError, decode_key};
use crate::headers::{HeaderFields, Headers};
use crate::mac::Digest;
use crate::verify::envelope::{Envelope, Limits, Names};
use crate::verify::keyring::Keyring;
use crate::verify::verified::EventHeader;
use crate::{Rejection, Secret, TooManySecrets, UnixSeconds, Verified, name};

const NAMES: Names =
    Names { id: name::STANDARD_ID, timestamp: name::STANDARD_TIMESTAMP, signature: name::STANDARD_SIGNATURE };

/// Most `v1` signatures that are looked at; a sender has one for each of its live secrets.
const MAX_SIGNATURES: usize = 16;

/// Verifies deliveries signed as Standard Webhooks does, by any sender.
///
/// The checks, their order, codes and limits are those of the contract's [`Verifier`](crate::Verifier). As this profile
/// signs the id, the [header key](Verified::header_key) may be trusted.
///
/// ```
/// use fluxora_webhook::{Secret, UnixSeconds, standard};
///
/// let verifier = standard::Verifier::new(&Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?)?;
/// let headers = [
///     ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
///     ("webhook-timestamp", "1649367553"),
///     ("webhook-signature", "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="),
/// ];
/// let body = br#"{"email":"test@example.com","username":"test_user"}"#;
/// assert!(verifier.verify(&headers, body, UnixSeconds::new(1_649_367_553)).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Verifier {
    keys: Keyring,
    limits: Limits,
}

/// Why a further secret cannot be accepted.
///
/// ```
/// use fluxora_webhook::{Secret, standard};
///
/// let verifier = standard::Verifier::new(&standard::secret_from_random(&[1; 32]))?;
/// let error = verifier.with_secret(&Secret::new("topsecret")?).unwrap_err();
/// assert!(matches!(error, standard::VerifierError::Key { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifierError {
    /// The secret has no key in this profile.
    #[error("the secret has no Standard Webhooks key")]
    Key {
        /// Why not.
        source: KeyError,
    },
    /// There are as many as can be.
    #[error("no further secret can be accepted")]
    TooMany {
        /// How many can be.
        source: TooManySecrets,
    },
}

impl Verifier {
    /// Accepts one secret, with the limits of 300 seconds and 256 KiB.
    ///
    /// # Errors
    /// [`KeyError`], when the secret is not `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// ```
    /// # use fluxora_webhook::{Secret, standard};
    /// assert!(standard::Verifier::new(&Secret::new("topsecret")?).is_err());
    /// # Ok::<(), fluxora_webhook::SecretError>(())
    /// ```
    pub fn new(secret: &Secret) -> Result<Self, KeyError> {
        Ok(Self { keys: Keyring::of(decode_key(secret.expose())?), limits: Limits::default() })
    }

    /// Accepts a further secret for good.
    ///
    /// # Errors
    /// [`VerifierError`], when there are three already, or the secret has no key in this profile.
    ///
    /// ```
    /// # use fluxora_webhook::standard::{self, secret_from_random};
    /// let verifier = standard::Verifier::new(&secret_from_random(&[1; 32]))?.with_secret(&secret_from_random(&[2; 32]))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_secret(self, secret: &Secret) -> Result<Self, VerifierError> {
        self.with(secret, None)
    }

    /// Accepts a further secret up to and including the instant `not_after`.
    ///
    /// # Errors
    /// [`VerifierError`], as for [`with_secret`](Self::with_secret).
    ///
    /// ```
    /// # use fluxora_webhook::{UnixSeconds, standard::{self, secret_from_random}};
    /// let (old, new) = (secret_from_random(&[1; 32]), secret_from_random(&[2; 32]));
    /// let verifier = standard::Verifier::new(&new)?.with_secret_until(&old, UnixSeconds::new(1_700_086_400))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_secret_until(
        self,
        secret: &Secret,
        not_after: impl Into<UnixSeconds>,
    ) -> Result<Self, VerifierError> {
        self.with(secret, Some(not_after.into()))
    }

    fn with(self, secret: &Secret, not_after: Option<UnixSeconds>) -> Result<Self, VerifierError> {
        let key = decode_key(secret.expose()).map_err(|source| VerifierError::Key { source })?;
        let keys = self.keys.with(key, not_after).map_err(|source| VerifierError::TooMany { source })?;
        Ok(Self { keys, ..self })
    }

    /// Accepts timestamps up to this far from now, in either direction.
    ///
    /// ```
    /// # use fluxora_webhook::standard::{self, secret_from_random};
    /// let verifier = standard::Verifier::new(&secret_from_random(&[1; 32]))?.with_tolerance_seconds(60);
    /// # Ok::<(), standard::KeyError>(())
    /// ```
    #[must_use]
    pub fn with_tolerance_seconds(mut self, tolerance_seconds: u64) -> Self {
        self.limits.tolerance_seconds = tolerance_seconds;
        self
    }

    /// Accepts bodies of up to this many bytes.
    ///
    /// ```
    /// # use fluxora_webhook::standard::{self, secret_from_random};
    /// let verifier = standard::Verifier::new(&secret_from_random(&[1; 32]))?.with_max_body_bytes(16 * 1024);
    /// # Ok::<(), standard::KeyError>(())
    /// ```
    #[must_use]
    pub fn with_max_body_bytes(mut self, max_body_bytes: usize) -> Self {
        self.limits.max_body_bytes = max_body_bytes;
        self
    }

    /// Verifies one delivery: its headers, its body as it was received, and the time at which it was.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies, in the order of [`Verifier::verify`](crate::Verifier::verify).
    ///
    /// ```
    /// # use fluxora_webhook::{Rejection, UnixSeconds, standard::{self, secret_from_random}};
    /// let verifier = standard::Verifier::new(&secret_from_random(&[1; 32]))?;
    /// let headers = [("webhook-id", "msg_01"), ("webhook-timestamp", "1649367553")];
    /// let rejection = verifier.verify(&headers, b"{}", UnixSeconds::new(1_649_367_553)).unwrap_err();
    /// assert_eq!(rejection, Rejection::MissingSignature { header: "webhook-signature" });
    /// # Ok::<(), standard::KeyError>(())
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
        let signatures = fields.standard_signature.value();
        let envelope =
            Envelope::open(&NAMES, fields.standard_id, fields.standard_timestamp, signatures.is_some())?;
        let signed_at = envelope.check(body, now, self.limits)?;
        let candidates = decode_list(signatures.unwrap_or_default());
        let pieces = [envelope.id.as_bytes(), envelope.timestamp, body];
        let secret_index = self.keys.judge(&pieces, &candidates, now)?;
        Ok(Verified {
            delivery_id: envelope.id,
            timestamp: envelope.timestamp,
            signed_at,
            event: EventHeader::NotSent,
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

/// The `v1` signatures of a list; other versions (`v1a`) are passed over, as the specification asks.
fn decode_list(value: &[u8]) -> [Option<Digest>; MAX_SIGNATURES] {
    let mut candidates = [None; MAX_SIGNATURES];
    let versions = value.split(|byte| *byte == b' ').filter_map(|part| part.strip_prefix(b"v1,"));
    for (candidate, base64) in candidates.iter_mut().zip(versions) {
        *candidate = decode_base64(base64);
    }
    candidates
}

/// 32 bytes in base64.
pub(crate) fn decode_base64(value: &[u8]) -> Option<Digest> {
    let mut room = [0; 36]; // what 44 characters may need before the padding is known
    let length = BASE64.decode_slice(value, &mut room).ok()?;
    room.get(..length)?.try_into().ok()
}
