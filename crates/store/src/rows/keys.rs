use fluxora_auth::{ApiKey, Grant, KeyHash, KeyId, Name, Role};

use super::ReadColumns;
use crate::{StoreError, StoredKey};

/// Reads `seq, id, name, role, owner, prefix, hash, created_at, expires_at, revoked_at, last_used_at, rotated_from` of `api_keys`.
pub fn api_key<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<StoredKey, StoreError> {
    let id = |columns: &mut C, name| columns.parsed(name, |text| KeyId::parse(text).ok_or("not an id"));
    let sequence = columns.sequence("seq")?;
    let key_id = id(columns, "id")?;
    let name = columns.parsed("name", str::parse)?;
    let role: Role = columns.parsed("role", str::parse)?;
    let owner: Option<Name> = columns.optional("owner", |columns, name| columns.parsed(name, str::parse))?;
    let grant = match (role, owner) {
        (Role::Partner, Some(owner)) => Grant::Partner { owner },
        (Role::Reader, None) => Grant::Reader,
        (Role::Worker, None) => Grant::Worker,
        (Role::Operator, None) => Grant::Operator,
        _ => return Err(columns.corrupt("owner", "does not go with the role")),
    };
    let prefix = columns.text("prefix")?.to_owned();
    let hash = columns.bytes("hash")?;
    let hash = KeyHash(hash.try_into().map_err(|_| columns.corrupt("hash", "is not 32 bytes long"))?);
    let key = ApiKey {
        id: key_id,
        name,
        grant,
        prefix,
        created_at: columns.instant("created_at")?,
        expires_at: columns.optional("expires_at", C::instant)?,
        revoked_at: columns.optional("revoked_at", C::instant)?,
        last_used_at: columns.optional("last_used_at", C::instant)?,
        rotated_from: columns.optional("rotated_from", id)?,
    };
    Ok(StoredKey { sequence, key, hash })
}
