//! The checks both profiles share, in the contract's order, up to the signature.

use crate::headers::Field;
use crate::{MAX_BODY_BYTES, Rejection, TOLERANCE_SECONDS, UnixSeconds};

/// Longest delivery id a receiver looks at.
const MAX_ID_BYTES: usize = 255;

/// The headers of one profile.
pub(crate) struct Names {
    pub(crate) id: &'static str,
    pub(crate) timestamp: &'static str,
    pub(crate) signature: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) tolerance_seconds: u64,
    pub(crate) max_body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { tolerance_seconds: TOLERANCE_SECONDS, max_body_bytes: MAX_BODY_BYTES }
    }
}

/// The values that are there, not yet believed.
pub(crate) struct Envelope<'a> {
    pub(crate) id: &'a str,
    pub(crate) timestamp: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Takes what was found under a profile's names; `has_signature` says whether there is one to check.
    pub(crate) fn open(
        names: &Names,
        id: Field<'a>,
        timestamp: Field<'a>,
        has_signature: bool,
    ) -> Result<Self, Rejection> {
        let id = visible_ascii(id).ok_or(Rejection::MissingDeliveryId { header: names.id })?;
        let timestamp = timestamp.value().ok_or(Rejection::MissingTimestamp { header: names.timestamp })?;
        if !has_signature {
            return Err(Rejection::MissingSignature { header: names.signature });
        }
        Ok(Self { id, timestamp })
    }

    /// Size before anything is hashed, then the grammar of the timestamp, then its distance from now.
    pub(crate) fn check(
        &self,
        body: &[u8],
        now: UnixSeconds,
        limits: Limits,
    ) -> Result<UnixSeconds, Rejection> {
        let Limits { tolerance_seconds, max_body_bytes } = limits;
        if body.len() > max_body_bytes {
            return Err(Rejection::PayloadTooLarge { max_bytes: max_body_bytes });
        }
        let signed_at = UnixSeconds::from_header(self.timestamp).ok_or(Rejection::InvalidTimestamp)?;
        if signed_at.distance(now) > tolerance_seconds {
            return Err(Rejection::TimestampOutsideTolerance { tolerance_seconds });
        }
        Ok(signed_at)
    }
}

/// A value that is safe to log and to compare: one, not empty, without blanks and controls.
pub(crate) fn visible_ascii(field: Field<'_>) -> Option<&str> {
    let value = field.value().filter(|value| value.len() <= MAX_ID_BYTES)?;
    if !value.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    std::str::from_utf8(value).ok()
}
