use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cursor::Cursor;
use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::page_bytes::BoundedPage;
use crate::query::Query;
use crate::routes::{State, events as feed};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "StreamEvents"))]
pub(crate) struct EventsView {
    #[cfg_attr(test, schemars(with = "Vec<crate::openapi::kinds::Event>"))]
    events: Vec<Box<RawValue>>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        super::ID,
        query("limit", "Events per page: 1 to 100, 20 by default", "20"),
        query("cursor", "The `nextCursor` of the page before", ""),
        feed::AFTER,
        feed::WAIT,
        feed::TYPE,
        feed::ACCEPT,
        feed::LAST_EVENT_ID,
    ],
    errors: &[ErrorKind::NotFound, ErrorKind::CursorExpired, ErrorKind::FeedFull],
    ..Doc::new(
        "List the events of a stream",
        &[response(200, "StreamEvents", "A page of the stream's history, oldest first")],
    )
};

/// `GET /api/streams/{id}/events`: the stream's history, oldest first.
pub(crate) async fn events(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = super::id(&path);
    // The same cursor is accepted for an id in lower case and in capitals.
    let list = id.as_ref().map_or_else(|_| path.to_string(), ToString::to_string);
    let mut query = Query::of(&request)?;
    if feed::is_feed(&request, &query) {
        return feed::of_stream(&api, &request, query, id).await;
    }
    let limit = query.limit();
    let after =
        query.parsed("cursor", FieldCode::InvalidCursor, "the nextCursor of this list's last page", |text| {
            u32::try_from(Cursor::parse(text, &list)?.position).ok()
        });
    query.finish()?;
    let id = id?;
    let page = api.store().stream_events(&id, after.unwrap_or(0), limit).await?;
    let page = page.ok_or_else(ApiError::stream_not_found)?;
    let events = BoundedPage::of(&page.events)?.items;
    let has_more = page.more || events.len() < page.events.len();
    let last = events.len().checked_sub(1).and_then(|last| page.events.get(last));
    let next = last.map(|logged| Cursor::at(logged.event.stream_seq.into(), &list).to_string());
    let next_cursor = next.filter(|_| has_more);
    Ok(HttpResponse::Ok().json(EventsView { events, has_more, next_cursor }))
}
