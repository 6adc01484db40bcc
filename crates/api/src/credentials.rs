use fluxora_auth::jwt::JwtVerifier;

use crate::Token;

/// The credentials that the server accepts, beside API keys and the token of workers.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The token of operators; `None` if there is none.
    pub operator_token: Option<Token>,
    /// Verifies JSON Web Tokens; `None` if none are accepted.
    pub jwt: Option<JwtVerifier>,
    /// Who may read streams and events.
    pub reads: Reads,
}

/// Who may read streams and events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    /// Everyone who can reach the port.
    #[default]
    Public,
    /// Callers with a credential.
    Authenticated,
}

impl Credentials {
    /// Whether operators have a credential that the configuration names.
    pub(crate) const fn admit_operators(&self) -> bool {
        self.operator_token.is_some() || self.jwt.is_some()
    }

    /// Whether partners have a credential that the configuration names.
    pub(crate) const fn admit_partners(&self) -> bool {
        self.jwt.is_some()
    }
}
