use jiff::Timestamp;

use crate::{Entry, Hash};

/// The first field of every encoding.
const VERSION: &str = "fluxora-audit-1";

/// The place of the newest row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 before the first row.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// A row of the audit log as it is stored. Names of actions and actors are texts: rows of later versions verify too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number: 1, 2, 3 and so on without gaps, in the order of commits.
    pub seq: u64,
    /// The instant of the request, in whole milliseconds.
    pub at: Timestamp,
    /// The kind of credential of who acted.
    pub actor_kind: String,
    /// The id of the key, the subject of the token, or which token of the configuration.
    pub actor_id: Option<String>,
    /// The role under which the action was allowed or refused.
    pub actor_role: String,
    /// What was done or attempted.
    pub action: String,
    /// The id of what the action changes.
    pub target: Option<String>,
    /// `done`, `refused` or `failed`.
    pub outcome: String,
    /// The error code, if it was not done.
    pub code: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The address of the client.
    pub client_address: Option<String>,
    /// How many actions the row stands for.
    pub count: u64,
    /// The hash of the row before; zeros for the first one.
    pub previous_hash: Hash,
    /// SHA-256 of `previous_hash` followed by the [encoding](Row::encode).
    pub hash: Hash,
}

impl Head {
    /// The head of a log without rows.
    pub const EMPTY: Self = Self { seq: 0, hash: Hash::ZERO };
}

impl Row {
    /// The row that follows a head.
    pub fn seal(head: Head, entry: &Entry) -> Self {
        let mut row = Self::unsealed(head, entry);
        row.hash = row.computed_hash();
        row
    }

    pub(crate) fn unsealed(head: Head, entry: &Entry) -> Self {
        let Entry { at, actor, action, target, outcome, request_id, client_address, count } =
            entry.normalized();
        Self {
            seq: head.seq.saturating_add(1),
            at,
            actor_kind: actor.kind.as_str().to_owned(),
            actor_id: actor.id,
            actor_role: actor.role.to_owned(),
            action: action.as_str().to_owned(),
            target,
            outcome: outcome.name().to_owned(),
            code: outcome.code().map(str::to_owned),
            request_id,
            client_address,
            count,
            previous_hash: head.hash,
            hash: Hash::ZERO,
        }
    }

    /// Its number and hash.
    pub const fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// The hash that follows from the other fields.
    pub fn computed_hash(&self) -> Hash {
        self.previous_hash.chain(&self.encode())
    }

    /// The canonical encoding of all fields but the hashes: each field as a netstring (`length:bytes,` with the length in bytes), an
    /// absent one as `-,`. No two different rows have the same encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut encoded = netstrings([Some(VERSION), Some(&self.seq.to_string())]);
        encoded.extend(self.encode_entry());
        encoded
    }

    /// The encoding after the number.
    pub(crate) fn encode_entry(&self) -> Vec<u8> {
        let Self {
            seq: _,
            at,
            actor_kind,
            actor_id,
            actor_role,
            action,
            target,
            outcome,
            code,
            request_id,
            client_address,
            count,
            previous_hash: _,
            hash: _,
        } = self;
        let (at, count) = (at.as_millisecond().to_string(), count.to_string());
        netstrings([
            Some(&at),
            Some(actor_kind),
            actor_id.as_deref(),
            Some(actor_role),
            Some(action),
            target.as_deref(),
            Some(outcome),
            code.as_deref(),
            request_id.as_deref(),
            client_address.as_deref(),
            Some(&count),
        ])
    }
}

fn netstrings<const N: usize>(fields: [Option<&str>; N]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(256);
    for field in fields {
        match field {
            Some(text) => {
                encoded.extend_from_slice(text.len().to_string().as_bytes());
                encoded.push(b':');
                encoded.extend_from_slice(text.as_bytes());
            }
            None => encoded.push(b'-'),
        }
        encoded.push(b',');
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Actor, ActorKind, Outcome};

    fn entry() -> Entry {
        let at = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        let actor = Actor { id: Some("key_1".to_owned()), ..Actor::of(ActorKind::Key, "partner") };
        let outcome = Outcome::Refused("VALIDATION_ERROR".to_owned());
        Entry { request_id: Some("r-1".to_owned()), ..Entry::new(at, actor, Action::StreamCreate, outcome) }
    }

    /// The worked example of docs/AUDIT.md.
    #[test]
    fn the_encoding_of_a_row_is_its_fields_as_netstrings() {
        let row = Row::seal(Head::EMPTY, &entry());
        let encoded = String::from_utf8(row.encode()).unwrap();
        assert_eq!(
            encoded,
            "15:fluxora-audit-1,1:1,13:1700000000123,3:key,5:key_1,7:partner,13:stream.create,-,\
             7:refused,16:VALIDATION_ERROR,3:r-1,-,1:1,"
        );
        assert_eq!(row.hash.to_string(), HASH);
    }

    /// By `(head -c 32 /dev/zero; printf %s "$encoding") | sha256sum`.
    const HASH: &str = "e0b355b1469b701f89e9e4f02915708b73ea7c086a68e57252e8fa550c314b82";

    #[test]
    fn texts_are_cut_and_lose_control_characters_before_they_are_hashed() {
        let entry = entry().with_target(&format!("a\r\n{}", "é".repeat(300)));
        let row = Row::seal(Head::EMPTY, &entry);
        assert_eq!(row.target, Some(format!("a{}", "é".repeat(crate::LONGEST - 1))));
        assert_eq!(row.hash, row.computed_hash());
    }

    #[test]
    fn an_instant_is_cut_to_milliseconds() {
        let at = Timestamp::from_nanosecond(1_700_000_000_123_456_789).unwrap();
        let row = Row::seal(Head::EMPTY, &Entry { at, ..entry() });
        assert_eq!(row.at.as_nanosecond(), 1_700_000_000_123_000_000);
    }
}
