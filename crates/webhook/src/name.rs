//! Names of the headers a delivery carries, in lower case.
//!
//! ```
//! assert_eq!(fluxora_webhook::name::SIGNATURE, "x-fluxora-signature");
//! ```

/// Stable id of one delivery: the same on every attempt. Not covered by the signature.
pub const DELIVERY_ID: &str = "x-fluxora-delivery-id";
/// Unix seconds at which this attempt was signed. Covered by the signature.
pub const TIMESTAMP: &str = "x-fluxora-timestamp";
/// Lower-case hex HMAC-SHA256 of `timestamp + "." + body`.
pub const SIGNATURE: &str = "x-fluxora-signature";
/// The same under the secret that takes over, while a rotation's two secrets overlap.
pub const SIGNATURE_NEXT: &str = "x-fluxora-signature-next";
/// Event type, for example `stream.updated`. Not covered by the signature.
pub const EVENT: &str = "x-fluxora-event";
/// Number of the attempt, from 1. Not covered by the signature.
pub const ATTEMPT: &str = "x-fluxora-attempt";
/// On a receiver's answer: the [code](crate::Rejection::code) that says what became of the delivery.
pub const CODE: &str = "x-fluxora-code";

/// Standard Webhooks: id of the delivery. Covered by that profile's signature.
pub const STANDARD_ID: &str = "webhook-id";
/// Standard Webhooks: Unix seconds of the attempt. Covered by that profile's signature.
pub const STANDARD_TIMESTAMP: &str = "webhook-timestamp";
/// Standard Webhooks: signatures, separated by blanks, each `v1,` and base64.
pub const STANDARD_SIGNATURE: &str = "webhook-signature";
