use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::Sequence;
use fluxora_store::delivery::EndpointQuery;
use serde::Serialize;
use serde_json::value::RawValue;

use super::view::EndpointView;
use crate::cursor::{self, Cursor, quoted};
use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::page_bytes::{self, BoundedPage};
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{OWNER, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        OWNER,
        query("limit", "Endpoints per page: 1 to 100, 20 by default", "20"),
        query("cursor", "The `nextCursor` of the page before", ""),
    ],
    errors: &[ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new(
        "List webhook endpoints",
        &[response(200, "WebhookEndpointList", "A page of endpoints, newest first")],
    )
};

/// What cursors of this list are bound to.
const LIST: &str = "webhook endpoints";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookEndpointList"))]
pub(crate) struct ListView {
    #[cfg_attr(test, schemars(with = "Vec<super::view::WithSecret<'static>>"))]
    endpoints: Vec<Box<RawValue>>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `GET /api/webhooks/endpoints`: endpoints, newest first.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let webhooks = api.webhooks()?;
    let owner = owned::filter(&request, &mut query);
    let list = cursor::describe(
        &[Some(quoted(LIST))],
        &[("owner", owner.as_ref().and_then(|owner| owner.as_deref().map(quoted)))],
    );
    let limit = query.limit();
    let before =
        query.parsed("cursor", FieldCode::InvalidCursor, "the nextCursor of a page of this list", |text| {
            Some(Sequence(Cursor::parse(text, &list)?.position))
        });
    query.finish()?;
    let asked = EndpointQuery { owner, before, limit };
    let read = async |limit| api.store().list_endpoints(&EndpointQuery { limit, ..asked.clone() }).await;
    let (keyring, now) = (webhooks.sender.keyring(), api.now());
    let (page, endpoints) = page_bytes::fitting(limit, read, |page| {
        BoundedPage::of(page.endpoints.iter().map(|stored| EndpointView::of(stored, keyring, now)))
    })
    .await?;
    Ok(HttpResponse::Ok().json(ListView {
        endpoints,
        has_more: page.next.is_some(),
        next_cursor: page.next.map(|Sequence(position)| Cursor::at(position, &list).to_string()),
    }))
}
