//! JSON Web Tokens (RFC 7519) in compact form. `jsonwebtoken` reads tokens and key sets; `ring` does the cryptography. Times are
//! checked here, against the caller's clock.

mod claims;
mod keys;
mod mint;
mod provider;
mod spki;
#[cfg(test)]
mod tests;
mod verify;

pub use keys::{InvalidJwtKey, JwtKeys};
pub use mint::{MintFailed, mint};
pub use verify::{JwtVerifier, MAX_TOKEN_BYTES, SKEW, Verified};
