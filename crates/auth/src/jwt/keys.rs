use std::collections::BTreeMap;
use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use thiserror::Error;

use super::spki::{self, PublicKey};

/// The keys that tokens may be signed with.
#[derive(Clone)]
pub struct JwtKeys(pub(super) Keys);

#[derive(Clone)]
pub(super) enum Keys {
    /// One key. The `kid` of a token is not read.
    One(SigningKey),
    /// Keys by their `kid`.
    ByKid(BTreeMap<String, SigningKey>),
}

/// A key and the one algorithm that it is used with.
#[derive(Clone)]
pub(super) struct SigningKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// A key that cannot verify tokens.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidJwtKey {
    /// The secret is shorter than the output of its hash (RFC 7518, section 3.2).
    #[error("at least {} bytes", JwtKeys::MIN_SECRET_BYTES)]
    ShortSecret,
    /// The text holds no public key of a supported type.
    #[error("a PEM file with one RSA (2048 to 8192 bits), P-256 or Ed25519 public key (BEGIN PUBLIC KEY)")]
    PublicKey,
    /// The text is no key set.
    #[error("a JSON Web Key Set with the member keys")]
    KeySet,
    /// No key of the set can be used.
    #[error("a JSON Web Key Set with at least one RSA, P-256 or Ed25519 key for signatures that has a kid")]
    NoKey,
    /// Two keys of the set have one `kid`.
    #[error("a JSON Web Key Set whose keys have different kids")]
    DuplicateKid,
}

impl JwtKeys {
    /// The fewest bytes of a secret.
    pub const MIN_SECRET_BYTES: usize = 32;

    /// A secret for HS256.
    ///
    /// # Errors
    /// [`InvalidJwtKey::ShortSecret`]
    pub fn secret(secret: &str) -> Result<Self, InvalidJwtKey> {
        if secret.len() < Self::MIN_SECRET_BYTES {
            return Err(InvalidJwtKey::ShortSecret);
        }
        let key = DecodingKey::from_secret(secret.as_bytes()).map_err(|_| InvalidJwtKey::ShortSecret)?;
        Ok(Self(Keys::One(SigningKey { algorithm: Algorithm::HS256, key })))
    }

    /// A public key in PEM: RS256, ES256 or EdDSA, as its type says.
    ///
    /// # Errors
    /// [`InvalidJwtKey::PublicKey`]
    pub fn public_key(pem: &str) -> Result<Self, InvalidJwtKey> {
        let key = spki::read(pem).ok_or(InvalidJwtKey::PublicKey)?;
        Ok(Self(Keys::One(match key {
            PublicKey::Rsa(der) => {
                SigningKey { algorithm: Algorithm::RS256, key: DecodingKey::from_rsa_der(&der) }
            }
            PublicKey::P256(point) => {
                SigningKey { algorithm: Algorithm::ES256, key: DecodingKey::from_ec_der(&point) }
            }
            PublicKey::Ed25519(point) => {
                SigningKey { algorithm: Algorithm::EdDSA, key: DecodingKey::from_ed_der(&point) }
            }
        })))
    }

    /// A JSON Web Key Set (RFC 7517). Keys of other types, for encryption and without a `kid` are passed over, as the RFC asks.
    ///
    /// # Errors
    /// [`InvalidJwtKey`]
    pub fn key_set(json: &str) -> Result<Self, InvalidJwtKey> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| InvalidJwtKey::KeySet)?;
        let mut keys = BTreeMap::new();
        for (kid, key) in set.keys.iter().filter_map(signing_key) {
            if keys.insert(kid, key).is_some() {
                return Err(InvalidJwtKey::DuplicateKid);
            }
        }
        if keys.is_empty() { Err(InvalidJwtKey::NoKey) } else { Ok(Self(Keys::ByKid(keys))) }
    }
}

/// A key of a set with its `kid`; `None` if tokens are not signed with it here.
fn signing_key(jwk: &Jwk) -> Option<(String, SigningKey)> {
    let common = &jwk.common;
    if !matches!(common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        // A symmetric key in a file of public keys is a mistake.
        _ => return None,
    };
    if common.key_algorithm.is_some_and(|named| named.to_string() != format!("{algorithm:?}")) {
        return None;
    }
    Some((common.key_id.clone()?, SigningKey { algorithm, key: DecodingKey::from_jwk(jwk).ok()? }))
}

impl fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JwtKeys(redacted)")
    }
}
