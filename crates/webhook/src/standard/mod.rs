//! The [Standard Webhooks](https://www.standardwebhooks.com) profile, for receivers that already have a library for it
//! (feature `standard-webhooks`).
//!
//! A sender may put this profile's three headers beside the contract's; a receiver chooses one of the two verifiers.
//!
//! | | contract | Standard Webhooks |
//! |---|---|---|
//! | signed | `timestamp.body` | `id.timestamp.body` |
//! | signature | hex | base64 after `v1,`, several separated by blanks |
//! | **key** | **the text of the secret, `whsec_` and all** | **the bytes that the base64 after `whsec_` stands for** |
//!
//! The last row is the trap: one secret gives two keys, and an implementation that takes the wrong one never matches.
//! [`diagnose`](crate::diagnose) recognises it.
//!
//! ```
//! use fluxora_webhook::{Delivery, Secret, UnixSeconds, standard};
//!
//! let secret = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?;
//! let body = br#"{"email":"test@example.com","username":"test_user"}"#;
//! let delivery = Delivery::new("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "user.created", body)?;
//! let now = UnixSeconds::new(1_649_367_553);
//!
//! let headers = standard::Signer::new(&secret)?.sign(&delivery, now)?;
//! assert_eq!(headers.signature(), "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
//! assert!(standard::Verifier::new(&secret)?.verify(&headers, body, now).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod key;
mod sign;
mod verify;

pub use key::{KeyError, secret_from_random};
pub use sign::{SignedHeaders, Signer};
pub use verify::{Verifier, VerifierError};

pub(crate) use key::{decode_key, undecoded_key};
pub(crate) use verify::decode_base64 as decode_digest;
