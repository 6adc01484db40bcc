use fluxora_auth::{ApiKey, Name};
use jiff::Timestamp;
use serde::Serialize;

use crate::view::Instant;

/// An API key without its secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "ApiKey"))]
pub(crate) struct KeyView {
    id: String,
    name: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::RoleName"))]
    role: &'static str,
    /// The partner whose data the key opens; null for every other role.
    owner: Option<String>,
    /// The beginning of the key.
    prefix: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::KeyStateName"))]
    state: &'static str,
    created_at: Instant,
    expires_at: Option<Instant>,
    revoked_at: Option<Instant>,
    /// To the minute.
    last_used_at: Option<Instant>,
    /// The key that this one replaces.
    rotated_from: Option<String>,
}

/// A new API key: the only answer that shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "NewApiKey"))]
pub(crate) struct NewKeyView<'a> {
    #[serde(flatten)]
    pub(super) about: KeyView,
    /// What the holder sends after `Authorization: Bearer`.
    pub(super) key: &'a str,
}

impl KeyView {
    pub(super) fn of(key: &ApiKey, now: Timestamp) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            role: key.grant.role().as_str(),
            owner: key.grant.owner().map(Name::to_string),
            prefix: key.prefix.clone(),
            state: key.state(now).as_str(),
            created_at: Instant(key.created_at),
            expires_at: key.expires_at.map(Instant),
            revoked_at: key.revoked_at.map(Instant),
            last_used_at: key.last_used_at.map(Instant),
            rotated_from: key.rotated_from.map(|id| id.to_string()),
        }
    }
}
