use jiff::Timestamp;

use crate::{Action, Head, Row};

/// The most characters of a target or an actor's id. Longer ones are cut.
pub const LONGEST: usize = 200;

/// Who acts, by the credential that was shown. The names are stored: one is never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A caller without a credential, or with one that is not valid.
    Anonymous,
    /// The holder of a token that the configuration names: `worker` or `operator`.
    Token,
    /// The holder of an API key.
    Key,
    /// The subject of a JSON Web Token.
    Jwt,
    /// The server itself.
    Server,
    /// Someone who ran a command of the binary on the database.
    Command,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind of credential.
    pub kind: ActorKind,
    /// The id of the key, the subject of the token, or which token of the configuration. Never the credential itself.
    pub id: Option<String>,
    /// The role under which the action was allowed or refused.
    pub role: &'static str,
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused with this error code (an HTTP status of 4xx).
    Refused(String),
    /// It failed with this error code (an HTTP status of 5xx).
    Failed(String),
}

/// What is to be recorded: a row without its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The instant of the request, in whole milliseconds.
    pub at: Timestamp,
    /// Who acts.
    pub actor: Actor,
    /// What is done or attempted.
    pub action: Action,
    /// The id of what the action changes, if there is one.
    pub target: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The address of the client, where the server records it.
    pub client_address: Option<String>,
    /// How many actions the row stands for; 1 except for [`Action::AuditSuppressed`].
    pub count: u64,
}

impl ActorKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Anonymous, Self::Token, Self::Key, Self::Jwt, Self::Server, Self::Command];

    /// The name in rows, answers and filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Token => "token",
            Self::Key => "key",
            Self::Jwt => "jwt",
            Self::Server => "server",
            Self::Command => "command",
        }
    }
}

impl Actor {
    /// An actor without an id.
    pub const fn of(kind: ActorKind, role: &'static str) -> Self {
        Self { kind, id: None, role }
    }

    /// A caller without a valid credential.
    pub const fn anonymous() -> Self {
        Self::of(ActorKind::Anonymous, "none")
    }

    /// The server itself.
    pub const fn server() -> Self {
        Self::of(ActorKind::Server, "operator")
    }

    /// Someone who ran a command on the database.
    pub const fn command() -> Self {
        Self::of(ActorKind::Command, "operator")
    }
}

impl Outcome {
    /// `done`, `refused` or `failed`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }

    /// The error code, if it was not done.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Refused(code) | Self::Failed(code) => Some(code),
        }
    }
}

impl Entry {
    /// An entry without target, request and client.
    pub fn new(at: Timestamp, actor: Actor, action: Action, outcome: Outcome) -> Self {
        Self { at, actor, action, target: None, outcome, request_id: None, client_address: None, count: 1 }
    }

    /// The entry as it is stored and hashed: whole milliseconds, texts without control characters and of at most [`LONGEST`] characters.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let cut = |text: &Option<String>| text.as_deref().map(cut);
        Self {
            // Databases store milliseconds. What is hashed must read back.
            at: Timestamp::from_millisecond(self.at.as_millisecond()).unwrap_or(self.at),
            actor: Actor { id: cut(&self.actor.id), ..self.actor },
            target: cut(&self.target),
            outcome: self.outcome.clone(),
            request_id: cut(&self.request_id),
            client_address: cut(&self.client_address),
            ..*self
        }
    }

    /// The canonical encoding of a row with this entry after its number ([`Row::encode`]), for a database that numbers rows itself.
    pub fn encode(&self) -> Vec<u8> {
        Row::unsealed(Head::EMPTY, self).encode_entry()
    }

    /// The same entry with a target.
    #[must_use]
    pub fn with_target(self, target: &(impl ToString + ?Sized)) -> Self {
        Self { target: Some(target.to_string()), ..self }
    }
}

/// A text of at most [`LONGEST`] characters without control characters.
fn cut(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(LONGEST).collect()
}
