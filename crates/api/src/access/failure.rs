use fluxora_auth::Refusal;

/// Why a request was refused for want of access: the closed set of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthFailure {
    /// No credential was sent where one is required.
    Missing,
    /// The configuration admits no caller to the route.
    Off,
    /// A token of the configuration is wrong.
    WrongToken,
    /// The credential is neither a JSON Web Token nor an API key, too long, or sent twice.
    Malformed,
    /// The JSON Web Token has another algorithm than this server uses.
    Algorithm,
    /// No key of this server has the `kid` of the JSON Web Token.
    UnknownSigningKey,
    /// The signature of the JSON Web Token is wrong.
    Signature,
    /// A claim of the JSON Web Token is missing or not valid.
    Claim,
    /// The JSON Web Token is not valid yet.
    NotYetValid,
    /// This server verifies no JSON Web Tokens.
    TokensOff,
    /// The text of the API key is damaged.
    KeyText,
    /// There is no such API key.
    UnknownKey,
    /// The API key was revoked.
    Revoked,
    /// The credential has expired.
    Expired,
    /// The role does not allow the request.
    Role,
    /// The stream belongs to another partner, or to none.
    NotOwner,
}

impl AuthFailure {
    /// Every reason.
    pub(crate) const ALL: [Self; 16] = [
        Self::Missing,
        Self::Off,
        Self::WrongToken,
        Self::Malformed,
        Self::Algorithm,
        Self::UnknownSigningKey,
        Self::Signature,
        Self::Claim,
        Self::NotYetValid,
        Self::TokensOff,
        Self::KeyText,
        Self::UnknownKey,
        Self::Revoked,
        Self::Expired,
        Self::Role,
        Self::NotOwner,
    ];

    /// The value of the label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Off => "off",
            Self::WrongToken => "wrong_token",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::UnknownSigningKey => "unknown_signing_key",
            Self::Signature => "signature",
            Self::Claim => "claim",
            Self::NotYetValid => "not_yet_valid",
            Self::TokensOff => "tokens_off",
            Self::KeyText => "key_text",
            Self::UnknownKey => "unknown_key",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Role => "role",
            Self::NotOwner => "not_owner",
        }
    }
}

impl From<Refusal> for AuthFailure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Expired => Self::Expired,
            Refusal::Malformed | Refusal::TooLong => Self::Malformed,
            Refusal::Algorithm => Self::Algorithm,
            Refusal::UnknownSigningKey => Self::UnknownSigningKey,
            Refusal::Signature => Self::Signature,
            Refusal::Claim(_) => Self::Claim,
            Refusal::NotYetValid => Self::NotYetValid,
            Refusal::TokensAreOff => Self::TokensOff,
            Refusal::KeyText => Self::KeyText,
            Refusal::UnknownKey => Self::UnknownKey,
            Refusal::Revoked => Self::Revoked,
        }
    }
}
