//! What is signed: an id, an event type and a body, checked once.

use std::fmt;

use crate::MAX_BODY_BYTES;
use crate::sign::SignError;

/// Longest delivery id and longest event type, in characters.
const MAX_NAME_CHARS: usize = 64;
/// Most parts of an event type.
const MAX_EVENT_PARTS: usize = 6;

/// A delivery whose parts are fit to be sent: the same for every attempt, only the time of signing differs.
///
/// ```
/// use fluxora_webhook::Delivery;
///
/// let delivery = Delivery::new("dlv_01", "stream.updated", br#"{"id":"evt_01"}"#)?;
/// assert_eq!(delivery.event(), "stream.updated");
/// assert!(Delivery::new("dlv.01\r\n", "stream.updated", b"").is_err());
/// # Ok::<(), fluxora_webhook::SignError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    id: &'a str,
    event: &'a str,
    body: &'a [u8],
}

impl<'a> Delivery<'a> {
    /// Checks the parts of a delivery.
    ///
    /// # Errors
    /// - [`SignError::DeliveryId`]: the id is not 1 to 64 of `A-Z a-z 0-9 _ -`.
    /// - [`SignError::Event`]: the event type is not 2 to 6 parts of `a-z 0-9 _` joined by `.`, at most 64 characters.
    /// - [`SignError::BodyTooLarge`]: the body has more than [`MAX_BODY_BYTES`].
    ///
    /// ```
    /// # use fluxora_webhook::Delivery;
    /// assert!(Delivery::new("dlv_01", "stream.created", b"{}").is_ok());
    /// ```
    pub fn new(id: &'a str, event: &'a str, body: &'a [u8]) -> Result<Self, SignError> {
        if !is_id(id) {
            return Err(SignError::DeliveryId);
        }
        if !is_event(event) {
            return Err(SignError::Event);
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(SignError::BodyTooLarge { max_bytes: MAX_BODY_BYTES });
        }
        Ok(Self { id, event, body })
    }

    /// The delivery id.
    ///
    /// ```
    /// # use fluxora_webhook::Delivery;
    /// assert_eq!(Delivery::new("dlv_01", "stream.created", b"{}")?.id(), "dlv_01");
    /// # Ok::<(), fluxora_webhook::SignError>(())
    /// ```
    #[must_use]
    pub const fn id(&self) -> &'a str {
        self.id
    }

    /// The event type.
    ///
    /// ```
    /// # use fluxora_webhook::Delivery;
    /// assert_eq!(Delivery::new("dlv_01", "stream.created", b"{}")?.event(), "stream.created");
    /// # Ok::<(), fluxora_webhook::SignError>(())
    /// ```
    #[must_use]
    pub const fn event(&self) -> &'a str {
        self.event
    }

    /// The exact bytes that are signed and have to be sent.
    ///
    /// ```
    /// # use fluxora_webhook::Delivery;
    /// assert_eq!(Delivery::new("dlv_01", "stream.created", b"{}")?.body(), b"{}");
    /// # Ok::<(), fluxora_webhook::SignError>(())
    /// ```
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Header-safe, and without the `.` that separates the pieces of what is signed.
fn is_id(id: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn is_event(event: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    event.len() <= MAX_NAME_CHARS
        && (2..=MAX_EVENT_PARTS).contains(&event.split('.').count())
        && event.split('.').all(is_part)
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("event", &self.event)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &str, event: &str, expect: Result<(), SignError>) {
        assert_eq!(Delivery::new(id, event, b"{}").map(|_| ()), expect, "{id:?} {event:?}");
    }

    #[test]
    fn an_id_that_could_break_a_header_or_the_signed_text_is_refused() {
        for id in ["", "a.b", "a\r\nx: y", "a\n", "a\0", "a b", "\u{fc}", "a,b", "a:b", " a", "a\n b"] {
            check(id, "stream.created", Err(SignError::DeliveryId));
        }
        check(&"i".repeat(64), "stream.created", Ok(()));
        check(&"i".repeat(65), "stream.created", Err(SignError::DeliveryId));
    }

    #[test]
    fn an_event_type_is_lower_case_parts_joined_by_dots() {
        for event in ["stream.created", "a.b.c.d.e.f", "stream_v2.cliff_reached", "endpoint.ping"] {
            check("dlv_01", event, Ok(()));
        }
        for event in [
            "",
            "stream",
            ".a",
            "a.",
            "a..b",
            "Stream.created",
            "a.b.c.d.e.f.g",
            "a.b\r\n",
            "a.b ",
            "a.\u{fc}",
            "a.b\0",
        ] {
            check("dlv_01", event, Err(SignError::Event));
        }
        check("dlv_01", &format!("a.{}", "b".repeat(62)), Ok(()));
        check("dlv_01", &format!("a.{}", "b".repeat(63)), Err(SignError::Event));
    }

    #[test]
    fn a_body_over_the_limit_is_refused() {
        let body = vec![b'a'; MAX_BODY_BYTES + 1];
        assert!(Delivery::new("dlv_01", "stream.created", &body[..MAX_BODY_BYTES]).is_ok());
        let error = Delivery::new("dlv_01", "stream.created", &body).unwrap_err();
        assert_eq!(error, SignError::BodyTooLarge { max_bytes: 262_144 });
    }

    #[test]
    fn debug_shows_no_body() {
        let delivery = Delivery::new("dlv_01", "stream.created", b"hunter2").unwrap();
        assert!(!format!("{delivery:?}").contains("hunter2"));
    }
}
