use thiserror::Error;

/// Why a credential is refused. The text is for the caller; it has no part of the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It was valid and has expired.
    #[error("the credential has expired")]
    Expired,
    /// It is no token and no key.
    #[error("the credential is neither a JSON Web Token nor an API key")]
    Malformed,
    /// It is longer than [`MAX_TOKEN_BYTES`](crate::jwt::MAX_TOKEN_BYTES).
    #[error("the token is longer than 8 KiB")]
    TooLong,
    /// The algorithm of the token is not that of the key.
    #[error("the token is signed with another algorithm than this server uses")]
    Algorithm,
    /// No key of this server has the `kid` of the token.
    #[error("this server has no key with the kid of the token")]
    UnknownSigningKey,
    /// The signature does not verify.
    #[error("the signature of the token is wrong")]
    Signature,
    /// A claim is missing or has another form.
    #[error("the claim {0} is missing or not valid")]
    Claim(&'static str),
    /// `nbf` lies ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// This server verifies no tokens.
    #[error("this server verifies no JSON Web Tokens")]
    TokensAreOff,
    /// The text of an API key is damaged.
    #[error("the text of the API key is damaged: it was not copied whole")]
    KeyText,
    /// There is no such API key.
    #[error("there is no such API key")]
    UnknownKey,
    /// The API key was revoked.
    #[error("the API key was revoked")]
    Revoked,
}

impl Refusal {
    /// The cause in metrics and logs.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::Algorithm => "algorithm",
            Self::UnknownSigningKey => "unknown_signing_key",
            Self::Signature => "signature",
            Self::Claim(_) => "claim",
            Self::NotYetValid => "not_yet_valid",
            Self::TokensAreOff => "tokens_are_off",
            Self::KeyText => "key_text",
            Self::UnknownKey => "unknown_key",
            Self::Revoked => "revoked",
        }
    }
}
