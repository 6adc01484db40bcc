use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What a caller is to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Reads streams and events.
    Reader,
    /// Creates streams and receives webhooks. It sees and changes only its own webhooks and streams.
    Partner,
    /// Pushes contract events.
    Worker,
    /// Operates the server and administers the data of every partner.
    Operator,
}

/// What a route requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Read streams and events.
    Read,
    /// Create and cancel streams, use webhooks.
    Write,
    /// Push contract events.
    Ingest,
    /// Administer keys, rewind the chain, read metrics.
    Operate,
}

/// A text that names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("reader, partner, worker or operator")]
pub struct UnknownRole;

impl Role {
    /// Every role, the least powerful first.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Partner, Self::Worker, Self::Operator];

    /// Whether the role has a permission. An operator does not push contract events: they would become payments.
    pub const fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => true,
            Permission::Write => matches!(self, Self::Partner | Self::Operator),
            Permission::Ingest => matches!(self, Self::Worker),
            Permission::Operate => matches!(self, Self::Operator),
        }
    }

    /// The role in claims, settings and storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Partner => "partner",
            Self::Worker => "worker",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_permissions_and_no_other() {
        use Permission::{Ingest, Operate, Read, Write};
        for (role, expect) in [
            (Role::Reader, &[Read][..]),
            (Role::Partner, &[Read, Write]),
            (Role::Worker, &[Read, Ingest]),
            (Role::Operator, &[Read, Write, Operate]),
        ] {
            for permission in [Read, Write, Ingest, Operate] {
                assert_eq!(role.may(permission), expect.contains(&permission), "{role}: {permission:?}");
            }
        }
    }

    #[test]
    fn a_role_reads_back_from_its_text_and_from_no_other() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(role.to_string().to_uppercase().parse::<Role>(), Err(UnknownRole));
        }
        assert_eq!("admin".parse::<Role>(), Err(UnknownRole));
    }
}
