#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod contract;
mod dedupe;
mod delivery;
pub mod diagnose;
mod headers;
mod mac;
pub mod name;
mod receive;
mod rejection;
mod secret;
mod sign;
mod signature;
#[cfg(feature = "standard-webhooks")]
pub mod standard;
mod time;
mod verify;

pub use contract::{Verification, VerifyWebhookSignature, verify_webhook_signature};
pub use dedupe::asynchronous::AsyncReplayGuard;
pub use dedupe::guard::{Begun, LEASE_SECONDS, Lease, RETENTION_SECONDS, Refusal, ReplayGuard, Settled};
pub use dedupe::key::DedupeKey;
pub use dedupe::memory::{GuardFull, MemoryGuard};
pub use delivery::Delivery;
pub use headers::{HeaderFields, Headers};
pub use receive::{Claims, ReceiveError, Received};
pub use rejection::Rejection;
pub use secret::{MAX_SECRET_BYTES, Secret, SecretError};
pub use sign::{SignError, SignedHeaders, Signer};
pub use time::UnixSeconds;
pub use verify::Verifier;
pub use verify::keyring::{MAX_SECRETS, TooManySecrets};
pub use verify::verified::{BodyClaims, Verified};

/// How far a timestamp may be from now, in either direction, inclusive.
pub const TOLERANCE_SECONDS: u64 = 300;
/// Largest body in bytes, inclusive: 256 KiB.
pub const MAX_BODY_BYTES: usize = 262_144;
/// How long an old secret stays accepted after a rotation, unless the owner says otherwise.
pub const ROTATION_GRACE_SECONDS: u64 = 86_400;
