use std::time::Duration;

use clap::Args;
use fluxora_api::Reads;
use fluxora_auth::jwt::{InvalidJwtKey, JwtKeys, JwtVerifier};

use super::ConfigFaults;
use super::setting::{Parser, Setting, any, number, optional, text};

/// Who is known by which credential.
#[derive(Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct AccessSettings {
    /// Secret that JSON Web Tokens are signed with (HS256): at least 32 bytes. Give one of JWT_SECRET, JWT_PUBLIC_KEY and
    /// JWT_JWKS_FILE; without one no tokens are accepted.
    #[arg(
        long,
        env = "JWT_SECRET",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    jwt_secret: Setting<Option<String>>,

    /// File that holds the JWT_SECRET.
    #[arg(
        long,
        env = "JWT_SECRET_FILE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    jwt_secret_file: Setting<Option<String>>,

    /// Public key that JSON Web Tokens are verified with, in PEM: RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA). The type of
    /// the key is the algorithm.
    #[arg(
        long,
        env = "JWT_PUBLIC_KEY",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    jwt_public_key: Setting<Option<String>>,

    /// File that holds the JWT_PUBLIC_KEY.
    #[arg(
        long,
        env = "JWT_PUBLIC_KEY_FILE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    jwt_public_key_file: Setting<Option<String>>,

    /// File with a JSON Web Key Set whose keys verify JSON Web Tokens; the kid of a token names its key. It is read at the
    /// start.
    #[arg(
        long,
        env = "JWT_JWKS_FILE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    jwt_jwks_file: Setting<Option<String>>,

    /// Audience that the claim aud must name: up to 200 characters. Without it aud is not read.
    #[arg(
        long,
        env = "JWT_AUDIENCE",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(text(1..=200))
    )]
    jwt_audience: Setting<Option<String>>,

    /// Issuer that the claim iss must name: up to 200 characters. Without it iss is not read.
    #[arg(
        long,
        env = "JWT_ISSUER",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(text(1..=200))
    )]
    jwt_issuer: Setting<Option<String>>,

    /// Who may read streams and events: public or authenticated. Probes and the documentation stay public.
    #[arg(long, env = "READS", default_value = "public", value_parser = reads())]
    reads: Setting<Reads>,

    /// How long API keys that have expired or were revoked are kept, in days: 1 to 3650.
    #[arg(long, env = "API_KEY_RETENTION_DAYS", default_value = "90", value_parser = number::<u16>(1..=3_650))]
    api_key_retention_days: Setting<u16>,
}

#[derive(Debug)]
pub(crate) struct AccessConfig {
    /// `None` if no tokens are accepted.
    pub(crate) jwt: Option<Jwt>,
    pub(crate) reads: Reads,
    /// How long ended API keys are kept.
    pub(crate) key_retention: Duration,
}

/// How JSON Web Tokens are verified.
#[derive(Clone, Debug)]
pub(crate) struct Jwt {
    keys: JwtKeys,
    /// What HS256 signs with.
    pub(crate) secret: Option<Secret>,
    pub(crate) audience: Option<String>,
    pub(crate) issuer: Option<String>,
}

/// A secret that is not printed.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl Jwt {
    pub(crate) fn verifier(&self) -> JwtVerifier {
        JwtVerifier::new(self.keys.clone(), self.audience.clone(), self.issuer.clone())
    }
}

impl AccessSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<AccessConfig> {
        let secret = faults.secret("JWT_SECRET", &self.jwt_secret, &self.jwt_secret_file);
        let public = faults.secret("JWT_PUBLIC_KEY", &self.jwt_public_key, &self.jwt_public_key_file);
        let set = faults.file("JWT_JWKS_FILE", &self.jwt_jwks_file);
        let audience = faults.take(&self.jwt_audience);
        let issuer = faults.take(&self.jwt_issuer);
        let reads = faults.take(&self.reads);
        let days = faults.take(&self.api_key_retention_days);
        let (secret, public, set) = (secret?, public?, set?);
        let keys = [
            secret.as_ref().map(|secret| ("JWT_SECRET", JwtKeys::secret(secret))),
            public.as_ref().map(|pem| ("JWT_PUBLIC_KEY", JwtKeys::public_key(pem))),
            set.as_ref().map(|json| ("JWT_JWKS_FILE", JwtKeys::key_set(json))),
        ];
        let keys = one(keys, faults)?;
        let (audience, issuer) = (audience?, issuer?);
        let jwt = keys.map(|keys| Jwt { keys, secret: secret.map(Secret), audience, issuer });
        let key_retention = Duration::from_hours(u64::from(days?).saturating_mul(24));
        Some(AccessConfig { jwt, reads: reads?, key_retention })
    }
}

/// The keys of the one setting that is given; `Some(None)` if none is, `None` adds a fault.
fn one(
    given: [Option<(&'static str, Result<JwtKeys, InvalidJwtKey>)>; 3],
    faults: &mut ConfigFaults,
) -> Option<Option<JwtKeys>> {
    let mut keys = Vec::new();
    let mut sound = true;
    for (name, read) in given.into_iter().flatten() {
        match read {
            Ok(read) => keys.push((name, read)),
            Err(fault) => {
                faults.add(format!("{name} must be {fault}"));
                sound = false;
            }
        }
    }
    if let [(first, _), (second, _), ..] = keys.as_slice() {
        faults.add(format!("{first} and {second} are both given: give one of them"));
        sound = false;
    }
    sound.then(|| keys.pop().map(|(_, keys)| keys))
}

fn reads() -> Parser<Reads> {
    Parser::new("public or authenticated", |text| match text {
        "public" => Some(Reads::Public),
        "authenticated" => Some(Reads::Authenticated),
        _ => None,
    })
}
