//! The sender's side of the profile.

use std::fmt;

use base64::Engine as _;

use super::key::{BASE64, KeyError, decode_key};
use crate::headers::{HeaderFields, Headers};
use crate::mac::Key;
use crate::{Delivery, Secret, SignError, UnixSeconds, name};

/// Signs deliveries as Standard Webhooks does, with one secret or, while a rotation overlaps, with two.
///
/// ```
/// use fluxora_webhook::{Delivery, Secret, UnixSeconds, standard};
///
/// let secret = Secret::new("whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx")?;
/// let body = br#"{"id":"evt_01","type":"stream.updated","data":{"amount":"10.0000000"}}"#;
/// let delivery = Delivery::new("dlv_01", "stream.updated", body)?;
/// let headers = standard::Signer::new(&secret)?.sign(&delivery, UnixSeconds::new(1_700_000_000))?;
/// assert_eq!(headers.signature(), "v1,REf88TY/yOeuv1P8RcvBt98k47FRytE7RFkh4xwOzJA=");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    current: Key,
    old: Option<Key>,
}

impl Signer {
    /// Signs with one secret.
    ///
    /// # Errors
    /// [`KeyError`], when the secret is not `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// ```
    /// # use fluxora_webhook::{Secret, standard};
    /// assert!(standard::Signer::new(&Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(secret: &Secret) -> Result<Self, KeyError> {
        Ok(Self { current: decode_key(secret.expose())?, old: None })
    }

    /// Signs with both secrets of a rotation in the one header, the new one first.
    ///
    /// # Errors
    /// [`KeyError`], as for [`new`](Self::new).
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, UnixSeconds, standard};
    /// let (old, new) = (standard::secret_from_random(&[1; 32]), standard::secret_from_random(&[2; 32]));
    /// let signer = standard::Signer::rotating(&old, &new)?;
    /// let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// let headers = signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?;
    /// assert_eq!(headers.signature().split(' ').count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rotating(old: &Secret, new: &Secret) -> Result<Self, KeyError> {
        Ok(Self { current: decode_key(new.expose())?, old: Some(decode_key(old.expose())?) })
    }

    /// Signs one attempt of a delivery at the time `now`.
    ///
    /// # Errors
    /// [`SignError::Timestamp`], when `now` is not between 1 and 999 999 999 999 seconds.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, UnixSeconds, standard};
    /// # let signer = standard::Signer::new(&standard::secret_from_random(&[1; 32]))?;
    /// let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// let headers = signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?;
    /// let names: Vec<&str> = headers.iter().map(|(name, _)| name).collect();
    /// assert_eq!(names, ["webhook-id", "webhook-timestamp", "webhook-signature"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign<'a>(
        &self,
        delivery: &Delivery<'a>,
        now: impl Into<UnixSeconds>,
    ) -> Result<SignedHeaders<'a>, SignError> {
        let timestamp = now.into().to_header().ok_or(SignError::Timestamp)?;
        let mut signature = String::new();
        for key in std::iter::once(&self.current).chain(&self.old) {
            if !signature.is_empty() {
                signature.push(' ');
            }
            signature.push_str("v1,");
            let tag = key.sign(&[delivery.id().as_bytes(), timestamp.as_bytes(), delivery.body()]);
            BASE64.encode_string(tag, &mut signature);
        }
        Ok(SignedHeaders { id: delivery.id(), timestamp, signature })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("rotating", &self.old.is_some()).finish_non_exhaustive()
    }
}

/// The profile's headers of one attempt.
///
/// ```
/// # use fluxora_webhook::{Delivery, UnixSeconds, standard};
/// # let signer = standard::Signer::new(&standard::secret_from_random(&[1; 32]))?;
/// let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
/// let headers = signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?;
/// assert!(headers.signature().starts_with("v1,"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SignedHeaders<'a> {
    id: &'a str,
    timestamp: String,
    signature: String,
}

impl SignedHeaders<'_> {
    /// Names (lower case) and values, each name once.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, UnixSeconds, standard};
    /// # let signer = standard::Signer::new(&standard::secret_from_random(&[1; 32]))?;
    /// # let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// let headers = signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?;
    /// assert!(headers.iter().any(|(name, value)| name == "webhook-id" && value == "dlv_01"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            (name::STANDARD_ID, self.id),
            (name::STANDARD_TIMESTAMP, self.timestamp.as_str()),
            (name::STANDARD_SIGNATURE, self.signature.as_str()),
        ]
        .into_iter()
    }

    /// The value of `webhook-signature`.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, UnixSeconds, standard};
    /// # let signer = standard::Signer::new(&standard::secret_from_random(&[1; 32]))?;
    /// # let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// assert_eq!(signer.sign(&delivery, UnixSeconds::new(1_700_000_000))?.signature().len(), 47);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.signature
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
            .field("id", &self.id)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}
