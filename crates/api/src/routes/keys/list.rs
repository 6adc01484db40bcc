use actix_web::{HttpRequest, HttpResponse};
use fluxora_auth::Name;
use fluxora_store::{KeyQuery, Sequence};
use serde::Serialize;
use serde_json::value::RawValue;

use super::view::KeyView;
use crate::cursor::{self, Cursor, quoted};
use crate::doc::{Doc, query, response};
use crate::error::ApiError;
use crate::field_code::FieldCode;
use crate::page_bytes::{self, BoundedPage};
use crate::query::Query;
use crate::routes::State;

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        query("owner", "Keys of this partner", "acme"),
        query("limit", "Keys per page: 1 to 100, 20 by default", "20"),
        query("cursor", "The `nextCursor` of the page before, with the same filters", ""),
    ],
    ..Doc::new("List API keys", &[response(200, "ApiKeyList", "A page of keys, newest first")])
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "ApiKeyList"))]
pub(crate) struct ListView {
    #[cfg_attr(test, schemars(with = "Vec<KeyView>"))]
    keys: Vec<Box<RawValue>>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `GET /api/admin/keys`: keys, newest first.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let needed = "1 to 128 visible ASCII characters";
    let owner: Option<Name> =
        query.parsed("owner", FieldCode::InvalidValue, needed, |text| text.parse().ok());
    let limit = query.limit();
    let list = cursor::describe(
        &[Some(quoted("API keys"))],
        &[("owner", owner.as_ref().map(|owner| quoted(owner.as_str())))],
    );
    let needed = "the nextCursor of a page with the same filters";
    let before = query.parsed("cursor", FieldCode::InvalidCursor, needed, |text| {
        Some(Sequence(Cursor::parse(text, &list)?.position))
    });
    query.finish()?;
    let asked = KeyQuery { owner, before, limit };
    let read = async |limit| api.store().list_keys(&KeyQuery { limit, ..asked.clone() }).await;
    let now = api.now();
    let (page, keys) = page_bytes::fitting(limit, read, |page| {
        BoundedPage::of(page.keys.iter().map(|stored| KeyView::of(&stored.key, now)))
    })
    .await?;
    Ok(HttpResponse::Ok().json(ListView {
        keys,
        has_more: page.next.is_some(),
        next_cursor: page.next.map(|Sequence(position)| Cursor::at(position, &list).to_string()),
    }))
}
