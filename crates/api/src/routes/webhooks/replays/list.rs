use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::Sequence;
use fluxora_store::delivery::ReplayQuery;
use serde::Serialize;
use serde_json::value::RawValue;

use super::view::ReplayView;
use crate::cursor::{self, Cursor, quoted};
use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::page_bytes::{self, BoundedPage};
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{ENDPOINT, OWNER, endpoint_parameter, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        OWNER,
        ENDPOINT,
        query("limit", "Replays per page: 1 to 100, 20 by default", "20"),
        query("cursor", "The `nextCursor` of the page before, with the same filters", ""),
    ],
    errors: &[ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new("List replays", &[response(200, "WebhookReplayList", "A page of replays, newest first")])
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookReplayList"))]
pub(crate) struct ListView {
    #[cfg_attr(test, schemars(with = "Vec<ReplayView>"))]
    replays: Vec<Box<RawValue>>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `GET /api/webhooks/replays`: replays, newest first.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    api.webhooks()?;
    let endpoint = endpoint_parameter(&mut query);
    let owner = owned::filter(&request, &mut query);
    let limit = query.limit();
    let list = cursor::describe(
        &[Some(quoted("webhook replays"))],
        &[
            ("endpointId", endpoint.map(|id| quoted(&id.to_string()))),
            ("owner", owner.as_ref().and_then(|owner| owner.as_deref().map(quoted))),
        ],
    );
    let needed = "the nextCursor of a page with the same filters";
    let before = query.parsed("cursor", FieldCode::InvalidCursor, needed, |text| {
        Some(Sequence(Cursor::parse(text, &list)?.position))
    });
    query.finish()?;
    let asked = ReplayQuery { owner, endpoint, before, limit };
    let read = async |limit| api.store().list_replays(&ReplayQuery { limit, ..asked.clone() }).await;
    let (page, replays) =
        page_bytes::fitting(limit, read, |page| BoundedPage::of(page.replays.iter().map(ReplayView::of)))
            .await?;
    Ok(HttpResponse::Ok().json(ListView {
        replays,
        has_more: page.next.is_some(),
        next_cursor: page.next.map(|Sequence(position)| Cursor::at(position, &list).to_string()),
    }))
}
