use std::fmt;

use crate::{KeyId, Name, Permission, Role};

/// The caller of one request: who it is and what it may do.
///
/// Its text form is stable. It is in audit rows and in the keys of limits: `anonymous`, `token:worker`, `token:operator`,
/// `jwt:<subject>`, `key:<id>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    identity: Identity,
    /// `None` for an anonymous caller: the configuration of the server decides what it may do.
    grant: Option<Grant>,
}

/// How a caller is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// No credential was sent.
    Anonymous,
    /// A token that the configuration of the server names.
    Token(SharedToken),
    /// The subject of a JSON Web Token.
    Subject(Name),
    /// An API key.
    Key(KeyId),
}

/// A token that the configuration of the server names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SharedToken {
    /// `INDEXER_WORKER_TOKEN`
    Worker,
    /// `OPERATOR_TOKEN`
    Operator,
}

/// A role with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    /// [`Role::Reader`]
    Reader,
    /// [`Role::Partner`]
    Partner {
        /// The partner whose webhooks and streams the caller may use.
        owner: Name,
    },
    /// [`Role::Worker`]
    Worker,
    /// [`Role::Operator`]
    Operator,
}

impl Grant {
    /// The grant of a role; `owner` is used for a partner only.
    pub fn new(role: Role, owner: Name) -> Self {
        match role {
            Role::Reader => Self::Reader,
            Role::Partner => Self::Partner { owner },
            Role::Worker => Self::Worker,
            Role::Operator => Self::Operator,
        }
    }

    /// The role.
    pub const fn role(&self) -> Role {
        match self {
            Self::Reader => Role::Reader,
            Self::Partner { .. } => Role::Partner,
            Self::Worker => Role::Worker,
            Self::Operator => Role::Operator,
        }
    }

    /// The partner; `None` for every other role.
    pub const fn owner(&self) -> Option<&Name> {
        match self {
            Self::Partner { owner } => Some(owner),
            Self::Reader | Self::Worker | Self::Operator => None,
        }
    }
}

impl Principal {
    /// A caller without a credential.
    pub const ANONYMOUS: Self = Self { identity: Identity::Anonymous, grant: None };

    /// The holder of a token of the configuration.
    pub const fn token(token: SharedToken) -> Self {
        let grant = match token {
            SharedToken::Worker => Grant::Worker,
            SharedToken::Operator => Grant::Operator,
        };
        Self { identity: Identity::Token(token), grant: Some(grant) }
    }

    /// The subject of a JSON Web Token. A partner's data belong to the subject.
    pub fn subject(subject: Name, role: Role) -> Self {
        let grant = Grant::new(role, subject.clone());
        Self { identity: Identity::Subject(subject), grant: Some(grant) }
    }

    /// The holder of an API key.
    pub const fn key(id: KeyId, grant: Grant) -> Self {
        Self { identity: Identity::Key(id), grant: Some(grant) }
    }

    /// How the caller is known.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The role; `None` for an anonymous caller.
    pub fn role(&self) -> Option<Role> {
        self.grant.as_ref().map(Grant::role)
    }

    /// Whether its role has a permission. An anonymous caller has none.
    pub fn may(&self, permission: Permission) -> bool {
        self.role().is_some_and(|role| role.may(permission))
    }

    /// Whether no credential was sent.
    pub const fn is_anonymous(&self) -> bool {
        matches!(self.identity, Identity::Anonymous)
    }

    /// The partner whose data alone the caller may see and change. `None` for an operator, who may see and change everything, and for
    /// an anonymous caller of a server whose writes are open.
    pub fn owner(&self) -> Option<&Name> {
        self.grant.as_ref().and_then(Grant::owner)
    }
}

impl Identity {
    /// The kind in audit rows: `anonymous`, `token`, `jwt` or `key`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Token(_) => "token",
            Self::Subject(_) => "jwt",
            Self::Key(_) => "key",
        }
    }
}

impl SharedToken {
    /// `worker` or `operator`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.fmt(f)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::Anonymous => f.write_str(kind),
            Self::Token(token) => write!(f, "{kind}:{}", token.as_str()),
            Self::Subject(subject) => write!(f, "{kind}:{subject}"),
            Self::Key(id) => write!(f, "{kind}:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_principal_never_changes() {
        let subject = Principal::subject("acme".parse().unwrap(), Role::Partner);
        let key = Principal::key(KeyId::new(uuid::Uuid::from_u128(7)), Grant::Reader);
        for (principal, text) in [
            (Principal::ANONYMOUS, "anonymous"),
            (Principal::token(SharedToken::Worker), "token:worker"),
            (Principal::token(SharedToken::Operator), "token:operator"),
            (subject, "jwt:acme"),
            (key, "key:00000000-0000-0000-0000-000000000007"),
        ] {
            assert_eq!(principal.to_string(), text);
        }
    }

    #[test]
    fn only_a_partner_is_bound_to_an_owner() {
        let name: Name = "acme".parse().unwrap();
        for role in Role::ALL {
            let owner = Principal::subject(name.clone(), role).owner().cloned();
            assert_eq!(owner, (role == Role::Partner).then(|| name.clone()), "{role}");
        }
        assert_eq!(Principal::token(SharedToken::Operator).owner(), None);
    }

    #[test]
    fn an_anonymous_caller_has_no_permission_by_itself() {
        for permission in [Permission::Read, Permission::Write, Permission::Ingest, Permission::Operate] {
            assert!(!Principal::ANONYMOUS.may(permission), "{permission:?}");
        }
    }
}
