use actix_web::http::header;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_auth::{ApiKey, Grant, KeyId, KeyName, Name, Role};
use jiff::Timestamp;

use super::view::{KeyView, NewKeyView};
use super::{PATH, new_secret};
use crate::body::{self, JsonObject, JsonValue};
use crate::doc::{Doc, content, response};
use crate::error::ApiError;
use crate::field_code::FieldCode;
use crate::fields::Fields;
use crate::query::Query;
use crate::routes::State;

pub(crate) const DOC: Doc = Doc {
    request: Some(content("CreateApiKey", "`name`, `role`, `owner` for a partner, and `expiresAt`")),
    ..Doc::new("Create an API key", &[response(201, "NewApiKey", "The key. It is shown in this answer only")])
};

/// What a request asks for.
struct Asked {
    name: KeyName,
    grant: Grant,
    expires_at: Option<Timestamp>,
}

/// `POST /api/admin/keys`: creates a key. A repeated request creates another one: no answer with a key is stored.
pub(crate) async fn create(
    api: State,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let now = api.now();
    let asked = read(body::members(&request, payload).await?, now)?;
    let secret = new_secret(&api)?;
    let key = ApiKey {
        id: KeyId::new(api.next_id()),
        name: asked.name,
        grant: asked.grant,
        prefix: secret.prefix(),
        created_at: now,
        expires_at: asked.expires_at,
        revoked_at: None,
        last_used_at: None,
        rotated_from: None,
    };
    let stored = api.audited(&request, &key.id)?.create_key(key, secret.hash()).await?;
    api.keys().forget();
    tracing::info!(key = %stored.key.id, role = stored.key.grant.role().as_str(), "an API key was created");
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("{PATH}/{}", stored.key.id)))
        .json(NewKeyView { about: KeyView::of(&stored.key, now), key: &secret.expose() }))
}

fn read(members: JsonObject, now: Timestamp) -> Result<Asked, ApiError> {
    let mut fields = Fields::of(members);
    let name = text(&mut fields, "name", |text| text.parse().map_err(|error| format!("{error}")));
    let role: Option<Role> =
        text(&mut fields, "role", |text| text.parse().map_err(|error| format!("{error}")));
    let owner = owner(&mut fields, role);
    let expires_at = fields.optional_instant("expiresAt").and_then(|end| {
        if end > now {
            Some(end)
        } else {
            fields.refuse("expiresAt", FieldCode::InvalidValue, "expiresAt must lie ahead")
        }
    });
    fields.finish()?;
    // Without a fault, all were read.
    let (Some(name), Some(grant)) = (name, role.and_then(|role| grant(role, owner))) else {
        return Err(ApiError::invalid(Vec::new()));
    };
    Ok(Asked { name, grant, expires_at })
}

fn grant(role: Role, owner: Option<Name>) -> Option<Grant> {
    match role {
        Role::Reader => Some(Grant::Reader),
        Role::Partner => owner.map(|owner| Grant::Partner { owner }),
        Role::Worker => Some(Grant::Worker),
        Role::Operator => Some(Grant::Operator),
    }
}

/// The field `owner`: required for a partner, refused for every other role. Null is absent.
fn owner(fields: &mut Fields, role: Option<Role>) -> Option<Name> {
    if role == Some(Role::Partner) {
        return text(fields, "owner", |text| text.parse().map_err(|error| format!("{error}")));
    }
    match fields.take("owner")? {
        JsonValue::Null => None,
        _ if role.is_none() => None,
        _ => fields.refuse("owner", FieldCode::InvalidValue, "owner must be absent: only a partner has one"),
    }
}

/// A required text; `parse` returns what is needed.
fn text<T>(
    fields: &mut Fields,
    field: &'static str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    match fields.required(field)? {
        JsonValue::Text(text) => match parse(&text) {
            Ok(value) => Some(value),
            Err(needed) => fields.refuse(field, FieldCode::InvalidValue, format!("{field} must be {needed}")),
        },
        other => fields.wrong_type(field, "a string", &other),
    }
}
