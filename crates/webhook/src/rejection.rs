//! Why a delivery is refused: one code, one status and one message each.

/// Why a delivery must not be acted on.
///
/// Codes and statuses are the contract's and do not change. The first reason in the order of the variants is the one that
/// is reported. The message (`Display`) tells the sender what to do and never repeats a secret, a signature or a body.
///
/// ```
/// use fluxora_webhook::Rejection;
///
/// let rejection = Rejection::PayloadTooLarge { max_bytes: 262_144 };
/// assert_eq!((rejection.status(), rejection.code()), (413, "payload_too_large"));
/// assert_eq!(rejection.message(), "Payload exceeds 262144 bytes");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The receiver has no secret: its own configuration fault, so the sender must retry.
    #[error("Webhook secret is required")]
    MissingSecret,
    /// The delivery id is absent, repeated, or not 1 to 255 visible ASCII characters.
    #[error("Missing {header} header")]
    MissingDeliveryId {
        /// The header that was looked for.
        header: &'static str,
    },
    /// The timestamp is absent, empty or repeated.
    #[error("Missing {header} header")]
    MissingTimestamp {
        /// The header that was looked for.
        header: &'static str,
    },
    /// The signature is absent, empty or repeated.
    #[error("Missing {header} header")]
    MissingSignature {
        /// The header that was looked for.
        header: &'static str,
    },
    /// The body is larger than the limit. Nothing was hashed.
    #[error("Payload exceeds {max_bytes} bytes")]
    PayloadTooLarge {
        /// The most that is accepted.
        max_bytes: usize,
    },
    /// The timestamp is not 1 to 12 ASCII digits without a leading zero.
    #[error("Timestamp must be a positive Unix seconds value")]
    InvalidTimestamp,
    /// The timestamp is too far in the past or in the future.
    #[error("Timestamp is outside the {tolerance_seconds} second verification window")]
    TimestampOutsideTolerance {
        /// How far it may be away, in either direction.
        tolerance_seconds: u64,
    },
    /// No secret gives this signature for this timestamp and body.
    #[error("Webhook signature verification failed")]
    SignatureMismatch,
    /// Only a secret whose overlap has ended gives this signature.
    #[error("Previous webhook secret has expired; rotate to the current secret")]
    PreviousSecretExpired,
    /// The unsigned headers say something else than the signed body: the delivery was tampered with.
    #[error("Delivery id or event header does not match the signed body")]
    HeaderBodyMismatch,
    /// This delivery was processed before.
    #[error("Duplicate delivery id")]
    DuplicateDelivery,
}

impl Rejection {
    /// The stable, lower-case code for programs.
    ///
    /// ```
    /// # use fluxora_webhook::Rejection;
    /// assert_eq!(Rejection::SignatureMismatch.code(), "signature_mismatch");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingSecret => "missing_secret",
            Self::MissingDeliveryId { .. } => "missing_delivery_id",
            Self::MissingTimestamp { .. } => "missing_timestamp",
            Self::MissingSignature { .. } => "missing_signature",
            Self::PayloadTooLarge { .. } => "payload_too_large",
            Self::InvalidTimestamp => "invalid_timestamp",
            Self::TimestampOutsideTolerance { .. } => "timestamp_outside_tolerance",
            Self::SignatureMismatch => "signature_mismatch",
            Self::PreviousSecretExpired => "previous_secret_expired",
            Self::HeaderBodyMismatch => "header_body_mismatch",
            Self::DuplicateDelivery => "duplicate_delivery",
        }
    }

    /// The HTTP status to answer with.
    ///
    /// ```
    /// # use fluxora_webhook::Rejection;
    /// assert_eq!(Rejection::MissingSecret.status(), 500); // never acknowledge what cannot be checked
    /// assert_eq!(Rejection::DuplicateDelivery.status(), 409);
    /// ```
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::MissingSecret => 500,
            Self::InvalidTimestamp => 400,
            Self::PayloadTooLarge { .. } => 413,
            Self::DuplicateDelivery => 409,
            Self::MissingDeliveryId { .. }
            | Self::MissingTimestamp { .. }
            | Self::MissingSignature { .. }
            | Self::TimestampOutsideTolerance { .. }
            | Self::SignatureMismatch
            | Self::PreviousSecretExpired
            | Self::HeaderBodyMismatch => 401,
        }
    }

    /// The sentence for people, the same as `to_string()`.
    ///
    /// ```
    /// # use fluxora_webhook::{Rejection, name};
    /// let rejection = Rejection::MissingSignature { header: name::SIGNATURE };
    /// assert_eq!(rejection.message(), "Missing x-fluxora-signature header");
    /// ```
    #[must_use]
    pub fn message(&self) -> String {
        self.to_string()
    }
}
