//! The sender's side.

use std::fmt;

use crate::headers::{HeaderFields, Headers};
use crate::mac::Key;
use crate::{Delivery, Secret, UnixSeconds, name};

/// Signs deliveries with one secret, or with two while a rotation overlaps.
///
/// Sign again for every attempt: receivers refuse a timestamp more than 300 seconds old.
///
/// ```
/// use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds};
///
/// let signer = Signer::new(&Secret::new("topsecret")?);
/// let delivery = Delivery::new("dlv_01", "stream.updated", br#"{"event":"stream.updated"}"#)?;
/// let headers = signer.sign(&delivery, UnixSeconds::new(1_710_000_000))?;
/// assert_eq!(headers.signature(), "925006549b879c8d9e91c10a153254fb4b6e2241820a1b072e28aa2fa8caeb79");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    current: Key,
    next: Option<Key>,
}

/// Why a delivery cannot be signed. Messages never repeat the refused value.
///
/// ```
/// use fluxora_webhook::{Delivery, SignError};
///
/// assert_eq!(Delivery::new("", "stream.created", b"{}").unwrap_err(), SignError::DeliveryId);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The delivery id cannot be a header value or would be ambiguous in what is signed.
    #[error("a delivery id is 1 to 64 of the characters A-Z, a-z, 0-9, `_` and `-`")]
    DeliveryId,
    /// The event type does not have the shape of one.
    #[error("an event type is 2 to 6 parts of a-z, 0-9 and `_`, joined by `.`, at most 64 characters")]
    Event,
    /// The body is larger than receivers accept.
    #[error("the body is larger than {max_bytes} bytes")]
    BodyTooLarge {
        /// The most that is accepted.
        max_bytes: usize,
    },
    /// The time of signing is before 1970-01-01T00:00:01Z or has more than 12 digits.
    #[error("the time of signing is not a positive number of seconds with at most 12 digits")]
    Timestamp,
}

impl Signer {
    /// Signs with one secret.
    ///
    /// ```
    /// # use fluxora_webhook::{Secret, Signer};
    /// let signer = Signer::new(&Secret::new("topsecret")?);
    /// # Ok::<(), fluxora_webhook::SecretError>(())
    /// ```
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self { current: contract_key(secret), next: None }
    }

    /// Signs with the old secret in the plain header and with the new one in `x-fluxora-signature-next`.
    ///
    /// Receivers that know only the old secret keep working until the overlap ends; those that know both, or only the new
    /// one, accept it already when they use this crate.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds};
    /// let signer = Signer::rotating(&Secret::new("old")?, &Secret::new("new")?);
    /// let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// assert!(signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?.signature_next().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rotating(old: &Secret, new: &Secret) -> Self {
        Self { current: contract_key(old), next: Some(contract_key(new)) }
    }

    /// Signs one attempt of a delivery at the time `now`.
    ///
    /// # Errors
    /// [`SignError::Timestamp`], when `now` is not between 1 and 999 999 999 999 seconds.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer};
    /// # use std::time::{Duration, SystemTime};
    /// let signer = Signer::new(&Secret::new("topsecret")?);
    /// let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    /// for (name, value) in signer.sign(&delivery, now)?.iter() {
    ///     println!("{name}: {value}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign<'a>(
        &self,
        delivery: &Delivery<'a>,
        now: impl Into<UnixSeconds>,
    ) -> Result<SignedHeaders<'a>, SignError> {
        let timestamp = now.into().to_header().ok_or(SignError::Timestamp)?;
        let sign = |key: &Key| hex::encode(key.sign(&[timestamp.as_bytes(), delivery.body()]));
        Ok(SignedHeaders {
            delivery_id: delivery.id(),
            event: delivery.event(),
            signature: sign(&self.current),
            signature_next: self.next.as_ref().map(sign),
            timestamp,
        })
    }
}

/// The contract's key: the text of the secret as it stands.
pub(crate) fn contract_key(secret: &Secret) -> Key {
    Key::new(secret.expose().as_bytes())
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("rotating", &self.next.is_some()).finish_non_exhaustive()
    }
}

/// The headers of one attempt, to be put on the request beside the body.
///
/// ```
/// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds};
/// # let signer = Signer::new(&Secret::new("topsecret")?);
/// let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
/// let headers = signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?;
/// let names: Vec<&str> = headers.iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["x-fluxora-delivery-id", "x-fluxora-timestamp", "x-fluxora-signature", "x-fluxora-event"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SignedHeaders<'a> {
    delivery_id: &'a str,
    event: &'a str,
    timestamp: String,
    signature: String,
    signature_next: Option<String>,
}

impl SignedHeaders<'_> {
    /// Names (lower case) and values, each name once.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds};
    /// # let signer = Signer::new(&Secret::new("topsecret")?);
    /// # let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// # let headers = signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?;
    /// assert!(headers.iter().any(|(name, value)| name == "x-fluxora-timestamp" && value == "1700000000"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let next = self.signature_next.as_deref().map(|value| (name::SIGNATURE_NEXT, value));
        [
            (name::DELIVERY_ID, self.delivery_id),
            (name::TIMESTAMP, self.timestamp.as_str()),
            (name::SIGNATURE, self.signature.as_str()),
            (name::EVENT, self.event),
        ]
        .into_iter()
        .chain(next)
    }

    /// The value of `x-fluxora-timestamp`.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds};
    /// # let signer = Signer::new(&Secret::new("topsecret")?);
    /// # let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// assert_eq!(signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?.timestamp(), "1700000000");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn timestamp(&self) -> &str {
        &self.timestamp
    }

    /// The value of `x-fluxora-signature`: 64 lower-case hex digits.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds};
    /// # let signer = Signer::new(&Secret::new("topsecret")?);
    /// # let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// assert_eq!(signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?.signature().len(), 64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The value of `x-fluxora-signature-next`, while a rotation overlaps.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds};
    /// # let signer = Signer::new(&Secret::new("topsecret")?);
    /// # let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// assert_eq!(signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?.signature_next(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn signature_next(&self) -> Option<&str> {
        self.signature_next.as_deref()
    }
}

impl Headers for SignedHeaders<'_> {
    fn fields(&self) -> HeaderFields<'_> {
        self.iter().map(|(name, value)| (name, value.as_bytes())).collect()
    }
}

impl fmt::Debug for SignedHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedHeaders")
            .field("delivery_id", &self.delivery_id)
            .field("event", &self.event)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> SignedHeaders<'static> {
        let (old, new) = (Secret::new("hunter2").unwrap(), Secret::new("hunter3").unwrap());
        let delivery = Delivery::new("dlv_01", "stream.updated", b"{}").unwrap();
        Signer::rotating(&old, &new).sign(&delivery, UnixSeconds::new(1_700_000_000)).unwrap()
    }

    #[test]
    fn debug_shows_neither_secrets_nor_signatures() {
        let headers = signed();
        let shown = format!("{headers:?} {:?}", Signer::new(&Secret::new("hunter2").unwrap()));
        assert!(!shown.contains("hunter2"));
        assert!(!shown.contains(headers.signature()));
        assert!(!shown.contains(headers.signature_next().unwrap()));
    }

    #[test]
    fn a_time_that_no_timestamp_can_say_is_refused() {
        let signer = Signer::new(&Secret::new("s").unwrap());
        let delivery = Delivery::new("dlv_01", "stream.updated", b"{}").unwrap();
        for seconds in [i64::MIN, -1, 0, 1_000_000_000_000, i64::MAX] {
            assert_eq!(signer.sign(&delivery, seconds).unwrap_err(), SignError::Timestamp);
        }
    }

    #[test]
    fn signing_again_changes_only_time_and_signature() {
        let signer = Signer::new(&Secret::new("s").unwrap());
        let delivery = Delivery::new("dlv_01", "stream.updated", b"{}").unwrap();
        let (first, second) =
            (signer.sign(&delivery, 1_i64).unwrap(), signer.sign(&delivery, 2_i64).unwrap());
        let changed: Vec<_> =
            first.iter().zip(second.iter()).filter(|(a, b)| a != b).map(|((name, _), _)| name).collect();
        assert_eq!(changed, [name::TIMESTAMP, name::SIGNATURE]);
    }
}
