//! API keys as text. Every record is taken apart by naming all its fields.

use fluxora_auth::{ApiKey, KeyHash};

use super::canonical::Fields;
use crate::StoredKey;

pub(super) fn key(fields: &mut Fields, stored: &StoredKey) {
    let StoredKey { sequence, key, hash: KeyHash(hash) } = stored;
    let ApiKey { id, name, grant, prefix, created_at, expires_at, revoked_at, last_used_at, rotated_from } =
        key;
    fields.put("sequence", sequence.0).put("id", id).put("name", name);
    fields.put("role", grant.role()).optional("owner", grant.owner());
    fields.text("prefix", prefix);
    fields.text("hash", &hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    fields.put("createdAt", created_at).optional("expiresAt", expires_at.as_ref());
    fields.optional("revokedAt", revoked_at.as_ref()).optional("lastUsedAt", last_used_at.as_ref());
    fields.optional("rotatedFrom", rotated_from.as_ref());
}
