use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};

use super::claims::Claims;
use super::keys::{JwtKeys, Keys, SigningKey};
use super::provider;
use crate::{Principal, Refusal};

/// The longest token that is read.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How far the clocks of the issuer and of this server may differ.
pub const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Verifies tokens of one issuer.
#[derive(Clone)]
pub struct JwtVerifier {
    keys: JwtKeys,
    audience: Option<String>,
    issuer: Option<String>,
}

/// A token that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The caller.
    pub principal: Principal,
    /// From when on the token is refused: its `exp` and [`SKEW`].
    pub expires_at: Timestamp,
}

impl JwtVerifier {
    /// Accepts tokens that one of the keys signed. `aud` and `iss` are required and compared where they are given here.
    pub fn new(keys: JwtKeys, audience: Option<String>, issuer: Option<String>) -> Self {
        provider::install();
        Self { keys, audience, issuer }
    }

    /// Checks a token at `now`: signature, algorithm, `exp`, `nbf`, `aud`, `iss`, then reads the caller from `sub` and `role` or
    /// `roles`.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, Refusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::TooLong);
        }
        let SigningKey { algorithm, key } = self.signing_key(token)?;
        let claims = self.claims(token, key, *algorithm)?;
        let expires_at = claims.expires_at()?.saturating_add(SKEW).unwrap_or(Timestamp::MAX);
        if expires_at <= now {
            return Err(Refusal::Expired);
        }
        let not_before = claims.not_before()?.map(|at| at.saturating_sub(SKEW).unwrap_or(Timestamp::MIN));
        if not_before.is_some_and(|at| now < at) {
            return Err(Refusal::NotYetValid);
        }
        Ok(Verified { principal: claims.principal()?, expires_at })
    }

    /// The key that the token must be signed with. Where there are several, the token's `kid` names it.
    fn signing_key(&self, token: &str) -> Result<&SigningKey, Refusal> {
        match &self.keys.0 {
            Keys::One(key) => Ok(key),
            Keys::ByKid(keys) => {
                let header = decode_header(token).map_err(|error| refusal(&error))?;
                match (header.kid, keys.len()) {
                    (Some(kid), _) => keys.get(&kid).ok_or(Refusal::UnknownSigningKey),
                    (None, 1) => keys.values().next().ok_or(Refusal::UnknownSigningKey),
                    (None, _) => Err(Refusal::UnknownSigningKey),
                }
            }
        }
    }

    fn claims(
        &self,
        token: &str,
        key: &DecodingKey,
        algorithm: jsonwebtoken::Algorithm,
    ) -> Result<Claims, Refusal> {
        let required = [("exp", true), ("aud", self.audience.is_some()), ("iss", self.issuer.is_some())];
        let required = required.into_iter().filter(|(_, is_required)| *is_required);
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims = required.map(|(claim, _)| claim.to_owned()).collect();
        // The library would read the system clock.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        validation.validate_aud = self.audience.is_some();
        validation.aud = self.audience.clone().map(|audience| HashSet::from([audience]));
        validation.iss = self.issuer.clone().map(|issuer| HashSet::from([issuer]));
        decode(token, key, &validation).map(|decoded| decoded.claims).map_err(|error| refusal(&error))
    }
}

fn refusal(error: &Error) -> Refusal {
    match error.kind() {
        ErrorKind::InvalidSignature => Refusal::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => Refusal::Algorithm,
        ErrorKind::InvalidAudience => Refusal::Claim("aud"),
        ErrorKind::InvalidIssuer => Refusal::Claim("iss"),
        ErrorKind::MissingRequiredClaim(claim) | ErrorKind::InvalidClaimFormat(claim) => {
            let known = ["exp", "nbf", "aud", "iss"].into_iter().find(|known| known == claim);
            Refusal::Claim(known.unwrap_or("of the token"))
        }
        _ => Refusal::Malformed,
    }
}
