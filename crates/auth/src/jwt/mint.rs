use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use thiserror::Error;

use super::keys::{InvalidJwtKey, JwtKeys};
use super::provider;
use crate::{Name, Role};

/// A token could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MintFailed {
    /// The secret is too short.
    #[error("the secret must have at least {} bytes", JwtKeys::MIN_SECRET_BYTES)]
    ShortSecret,
    /// Writing or signing the claims failed.
    #[error("the token could not be signed")]
    Signing,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    role: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
}

/// Makes an HS256 token that is valid from `now` for `seconds`.
///
/// # Errors
/// [`MintFailed`]
pub fn mint(
    secret: &str,
    subject: &Name,
    role: Role,
    now: Timestamp,
    seconds: u32,
    audience: Option<&str>,
    issuer: Option<&str>,
) -> Result<String, MintFailed> {
    provider::install();
    JwtKeys::secret(secret).map_err(|_: InvalidJwtKey| MintFailed::ShortSecret)?;
    let key = EncodingKey::from_secret(secret.as_bytes()).map_err(|_| MintFailed::ShortSecret)?;
    let iat = now.as_second();
    let exp = iat.saturating_add(i64::from(seconds));
    let claims = Claims { sub: subject.as_str(), role: role.as_str(), iat, exp, aud: audience, iss: issuer };
    encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(|_| MintFailed::Signing)
}
