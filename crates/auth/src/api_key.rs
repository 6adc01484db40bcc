use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::{Grant, Principal, Refusal};

/// The id of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Uuid);

/// What a person calls a key: 1 to 100 characters without control characters and without white space at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(Box<str>);

/// A text that is no [`KeyName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "1 to {} characters without control characters and without white space at either end",
    KeyName::MAX_CHARACTERS
)]
pub struct InvalidKeyName;

/// An API key as it is stored, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The id.
    pub id: KeyId,
    /// What a person calls it.
    pub name: KeyName,
    /// What its holder may do.
    pub grant: Grant,
    /// The beginning of its text.
    pub prefix: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// From when on it is refused; `None` if it does not expire.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// The key that it replaces.
    pub rotated_from: Option<KeyId>,
}

/// Whether a key is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is accepted.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl ApiKey {
    /// The state at an instant.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }

    /// The caller that sends this key at `now`.
    ///
    /// # Errors
    /// [`Refusal::Expired`] or [`Refusal::Revoked`].
    pub fn principal(&self, now: Timestamp) -> Result<Principal, Refusal> {
        match self.state(now) {
            KeyState::Active => Ok(Principal::key(self.id, self.grant.clone())),
            KeyState::Expired => Err(Refusal::Expired),
            KeyState::Revoked => Err(Refusal::Revoked),
        }
    }

    /// Since when it has not been accepted, at `now`.
    pub fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        let expired = self.expires_at.filter(|end| *end <= now);
        match (self.revoked_at, expired) {
            (Some(revoked), Some(expired)) => Some(revoked.min(expired)),
            (revoked, expired) => revoked.or(expired),
        }
    }
}

impl KeyState {
    /// `active`, `expired` or `revoked`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl KeyId {
    /// The id of this UUID.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// Reads a UUID in lower case with hyphens.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        (id.hyphenated().to_string() == text).then_some(Self(id))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl KeyName {
    /// The most characters.
    pub const MAX_CHARACTERS: usize = 100;

    /// The name as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = InvalidKeyName;

    fn from_str(text: &str) -> Result<Self, InvalidKeyName> {
        let fits = (1..=Self::MAX_CHARACTERS).contains(&text.chars().count());
        let plain = !text.chars().any(char::is_control) && text.trim() == text;
        if fits && plain { Ok(Self(text.into())) } else { Err(InvalidKeyName) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[track_caller]
    fn check(expires: Option<i64>, revoked: Option<i64>, now: i64, expect: KeyState, ended: Option<i64>) {
        let key = ApiKey {
            id: KeyId::new(Uuid::from_u128(1)),
            name: "billing".parse().unwrap(),
            grant: Grant::Reader,
            prefix: "flx_01010101".to_owned(),
            created_at: at(0),
            expires_at: expires.map(at),
            revoked_at: revoked.map(at),
            last_used_at: None,
            rotated_from: None,
        };
        assert_eq!(key.state(at(now)), expect);
        assert_eq!(key.ended_at(at(now)), ended.map(at));
        assert_eq!(key.principal(at(now)).is_ok(), expect == KeyState::Active);
    }

    #[test]
    fn a_key_is_refused_from_its_expiry_or_revocation_on() {
        check(None, None, 9, KeyState::Active, None);
        check(Some(10), None, 9, KeyState::Active, None);
        check(Some(10), None, 10, KeyState::Expired, Some(10));
        check(Some(10), Some(5), 6, KeyState::Revoked, Some(5));
        check(Some(10), Some(15), 16, KeyState::Revoked, Some(10));
        check(None, Some(5), 6, KeyState::Revoked, Some(5));
    }

    #[test]
    fn a_key_name_is_short_and_printable() {
        for text in ["a", "billing service", "ключ", &"ü".repeat(100)] {
            assert_eq!(text.parse::<KeyName>().unwrap().as_str(), text);
        }
        for text in ["", " a", "a ", "a\nb", "\u{7f}", &"ü".repeat(101)] {
            assert_eq!(text.parse::<KeyName>(), Err(InvalidKeyName), "{text:?}");
        }
    }

    #[test]
    fn an_id_has_one_text() {
        let text = "01930000-0000-7000-8000-00000000000a";
        assert_eq!(KeyId::parse(text).unwrap().to_string(), text);
        for other in ["", &text.to_uppercase(), &text.replace('-', "")] {
            assert_eq!(KeyId::parse(other), None, "{other}");
        }
    }
}
