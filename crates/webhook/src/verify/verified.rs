//! A delivery that has passed, and what of it may be believed.

use std::fmt;

use crate::headers::Field;
use crate::verify::envelope::visible_ascii;
use crate::{DedupeKey, Rejection, UnixSeconds};

/// A delivery whose signature, time and size are right.
///
/// Believe [`body`](Self::body) and [`timestamp`](Self::timestamp): they are signed. The contract's signature does **not**
/// cover the delivery id and the event header, so an attacker who captured a request could send it again under another id for as
/// long as its timestamp is fresh. The body repeats both: parse it and call [`match_body`](Self::match_body).
///
/// ```
/// use fluxora_webhook::{BodyClaims, Delivery, Secret, Signer, UnixSeconds, Verifier};
///
/// let secret = Secret::new("topsecret")?;
/// let body = br#"{"id":"evt_01","type":"stream.updated"}"#;
/// let now = UnixSeconds::new(1_700_000_000);
/// let headers = Signer::new(&secret).sign(&Delivery::new("dlv_01", "stream.updated", body)?, now)?;
///
/// let verifier = Verifier::new(&secret);
/// let verified = verifier.verify(&headers, body, now)?;
/// assert_eq!((verified.delivery_id(), verified.body()), ("dlv_01", body.as_slice()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Verified<'a> {
    pub(crate) delivery_id: &'a str,
    pub(crate) timestamp: &'a [u8],
    pub(crate) signed_at: UnixSeconds,
    pub(crate) event: EventHeader<'a>,
    pub(crate) body: &'a [u8],
    pub(crate) secret_index: usize,
}

/// What a profile says about the event beside the body.
#[derive(Clone, Copy)]
pub(crate) enum EventHeader<'a> {
    /// The contract's header, unchecked; neither it nor the delivery id is signed.
    Unsigned(Field<'a>),
    /// Standard Webhooks has no such header, and signs the id.
    #[cfg_attr(
        not(feature = "standard-webhooks"),
        expect(dead_code, reason = "made by the profile of that name")
    )]
    NotSent,
}

/// What the caller read in a verified body, to be compared with the headers.
///
/// ```
/// use fluxora_webhook::BodyClaims;
///
/// // {"id":"evt_01","delivery_id":"dlv_01","type":"stream.updated", ...}
/// let claims = BodyClaims { delivery_id: Some("dlv_01"), event_id: Some("evt_01"), event_type: "stream.updated" };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyClaims<'a> {
    /// The member `delivery_id`, if the body has it.
    pub delivery_id: Option<&'a str>,
    /// The member `id`: the id of the event, if the body has it.
    pub event_id: Option<&'a str>,
    /// The member `type`.
    pub event_type: &'a str,
}

impl<'a> Verified<'a> {
    /// The delivery id of the header: for logs. To deduplicate, take the key of [`match_body`](Self::match_body).
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds, Verifier};
    /// # let (secret, now) = (Secret::new("topsecret")?, UnixSeconds::new(1_700_000_000));
    /// # let headers = Signer::new(&secret).sign(&Delivery::new("dlv_01", "stream.updated", b"{}")?, now)?;
    /// assert_eq!(Verifier::new(&secret).verify(&headers, b"{}", now)?.delivery_id(), "dlv_01");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn delivery_id(&self) -> &'a str {
        self.delivery_id
    }

    /// The event type of the header, if it is there once and readable. A hint: it is not signed.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds, Verifier};
    /// # let (secret, now) = (Secret::new("topsecret")?, UnixSeconds::new(1_700_000_000));
    /// # let headers = Signer::new(&secret).sign(&Delivery::new("dlv_01", "stream.updated", b"{}")?, now)?;
    /// assert_eq!(Verifier::new(&secret).verify(&headers, b"{}", now)?.event(), Some("stream.updated"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn event(&self) -> Option<&'a str> {
        match self.event {
            EventHeader::Unsigned(field) => visible_ascii(field),
            EventHeader::NotSent => None,
        }
    }

    /// When the sender signed this attempt.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds, Verifier};
    /// # let (secret, now) = (Secret::new("topsecret")?, UnixSeconds::new(1_700_000_000));
    /// # let headers = Signer::new(&secret).sign(&Delivery::new("dlv_01", "stream.updated", b"{}")?, now)?;
    /// assert_eq!(Verifier::new(&secret).verify(&headers, b"{}", now)?.timestamp(), now);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn timestamp(&self) -> UnixSeconds {
        self.signed_at
    }

    /// The bytes that were signed. Parse these and nothing else.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds, Verifier};
    /// # let (secret, now) = (Secret::new("topsecret")?, UnixSeconds::new(1_700_000_000));
    /// # let headers = Signer::new(&secret).sign(&Delivery::new("dlv_01", "stream.updated", b"{}")?, now)?;
    /// assert_eq!(Verifier::new(&secret).verify(&headers, b"{}", now)?.body(), b"{}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Which of the verifier's secrets matched, in the order they were given: not 0 means an old one is still in use.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds, Verifier};
    /// # let now = UnixSeconds::new(1_700_000_000);
    /// # let (new, old) = (Secret::new("new")?, Secret::new("old")?);
    /// # let headers = Signer::new(&old).sign(&Delivery::new("dlv_01", "stream.updated", b"{}")?, now)?;
    /// let verifier = Verifier::new(&new).with_secret_until(&old, now.plus(86_400))?;
    /// assert_eq!(verifier.verify(&headers, b"{}", now)?.secret_index(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn secret_index(&self) -> usize {
        self.secret_index
    }

    /// The dedupe key of the delivery id **header**, for bodies that cannot be parsed.
    ///
    /// Under the contract's profile that header is not signed: prefer [`match_body`](Self::match_body).
    ///
    /// ```
    /// # use fluxora_webhook::{DedupeKey, Delivery, Secret, Signer, UnixSeconds, Verifier};
    /// # let (secret, now) = (Secret::new("topsecret")?, UnixSeconds::new(1_700_000_000));
    /// # let headers = Signer::new(&secret).sign(&Delivery::new("dlv_01", "stream.updated", b"{}")?, now)?;
    /// let key = Verifier::new(&secret).verify(&headers, b"{}", now)?.header_key();
    /// assert_eq!(key, DedupeKey::of_delivery("dlv_01"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn header_key(&self) -> DedupeKey {
        DedupeKey::of_delivery(self.delivery_id)
    }

    /// Compares the unsigned headers with the signed body, and gives the key to deduplicate by.
    ///
    /// The key comes from what is signed: the body's delivery id; else its event id (each endpoint is owed an event
    /// once); else the digest of timestamp and body, which stops a captured request but not a retry, as every attempt is
    /// signed again. Fluxora's bodies always have an id.
    ///
    /// # Errors
    /// [`Rejection::HeaderBodyMismatch`], when the event header is not the body's `type`, or the delivery id header is
    /// not the body's `delivery_id`.
    ///
    /// ```
    /// # use fluxora_webhook::{BodyClaims, DedupeKey, Delivery, Rejection, Secret, Signer, UnixSeconds, Verifier};
    /// # let (secret, now) = (Secret::new("topsecret")?, UnixSeconds::new(1_700_000_000));
    /// # let headers = Signer::new(&secret).sign(&Delivery::new("dlv_01", "stream.updated", b"{}")?, now)?;
    /// # let verifier = Verifier::new(&secret);
    /// let verified = verifier.verify(&headers, b"{}", now)?;
    /// let claims = BodyClaims { delivery_id: Some("dlv_01"), event_id: None, event_type: "stream.updated" };
    /// assert_eq!(verified.match_body(&claims)?, DedupeKey::of_delivery("dlv_01"));
    ///
    /// let other = BodyClaims { delivery_id: Some("dlv_02"), ..claims };
    /// assert_eq!(verified.match_body(&other), Err(Rejection::HeaderBodyMismatch));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn match_body(&self, claims: &BodyClaims<'_>) -> Result<DedupeKey, Rejection> {
        let event_matches = match self.event {
            EventHeader::Unsigned(field) => field == Field::One(claims.event_type.as_bytes()),
            EventHeader::NotSent => true,
        };
        if !event_matches || claims.delivery_id.is_some_and(|id| id != self.delivery_id) {
            return Err(Rejection::HeaderBodyMismatch);
        }
        let event_id = claims.event_id.filter(|id| !id.is_empty());
        Ok(match (claims.delivery_id, self.event, event_id) {
            (Some(_), _, _) | (None, EventHeader::NotSent, _) => self.header_key(),
            (None, EventHeader::Unsigned(_), Some(id)) => DedupeKey::of_event(id),
            (None, EventHeader::Unsigned(_), None) => DedupeKey::of_request(self.timestamp, self.body),
        })
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("delivery_id", &self.delivery_id)
            .field("event", &self.event())
            .field("timestamp", &self.signed_at)
            .field("body_bytes", &self.body.len())
            .field("secret_index", &self.secret_index)
            .finish()
    }
}
