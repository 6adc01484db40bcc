//! What a delivery is recognised by.

use std::fmt;

use ring::digest;

/// A fixed-size name for "this delivery": SHA-256 of an id, so that a guard's memory does not depend on what was sent.
///
/// ```
/// use fluxora_webhook::DedupeKey;
///
/// let key = DedupeKey::of_delivery("dlv_01");
/// assert_eq!(key, DedupeKey::from_bytes(*key.as_bytes())); // as a store would keep it
/// assert_ne!(key, DedupeKey::of_event("dlv_01"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DedupeKey([u8; 32]);

impl DedupeKey {
    /// The key of a delivery id.
    ///
    /// ```
    /// # use fluxora_webhook::DedupeKey;
    /// assert_ne!(DedupeKey::of_delivery("dlv_01"), DedupeKey::of_delivery("dlv_02"));
    /// ```
    #[must_use]
    pub fn of_delivery(id: &str) -> Self {
        Self::of(b"delivery", &[id.as_bytes()])
    }

    /// The key of an event id.
    ///
    /// ```
    /// # use fluxora_webhook::DedupeKey;
    /// assert_ne!(DedupeKey::of_event("evt_01"), DedupeKey::of_event("evt_02"));
    /// ```
    #[must_use]
    pub fn of_event(id: &str) -> Self {
        Self::of(b"event", &[id.as_bytes()])
    }

    /// The key of one signed request: its timestamp header and its body.
    ///
    /// ```
    /// # use fluxora_webhook::DedupeKey;
    /// assert_ne!(DedupeKey::of_request(b"1700000000", b"{}"), DedupeKey::of_request(b"1700000001", b"{}"));
    /// ```
    #[must_use]
    pub fn of_request(timestamp: &[u8], body: &[u8]) -> Self {
        Self::of(b"request", &[timestamp, b".", body])
    }

    /// Takes back what [`as_bytes`](Self::as_bytes) gave.
    ///
    /// ```
    /// # use fluxora_webhook::DedupeKey;
    /// assert_eq!(DedupeKey::from_bytes([7; 32]).as_bytes(), &[7; 32]);
    /// ```
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, for a store.
    ///
    /// ```
    /// # use fluxora_webhook::DedupeKey;
    /// assert_eq!(DedupeKey::of_delivery("dlv_01").as_bytes().len(), 32);
    /// ```
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(kind: &[u8], pieces: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(kind);
        context.update(&[0]);
        for piece in pieces {
            context.update(piece);
        }
        let mut bytes = [0; 32];
        for (byte, computed) in bytes.iter_mut().zip(context.finish().as_ref()) {
            *byte = *computed;
        }
        Self(bytes)
    }
}

impl fmt::Display for DedupeKey {
    /// 64 lower-case hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for DedupeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DedupeKey({self})")
    }
}
