use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_feed::{Delivery, Form};
use fluxora_store::Sequence;
use serde::Serialize;

use super::Bounds;
use super::request::FeedRequest;
use crate::connection;
use crate::error::{ApiError, ErrorKind};
use crate::routes::State;

/// A page of the event log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageView<E> {
    events: Vec<E>,
    /// `after` of the next page.
    next: u64,
    has_more: bool,
    head: u64,
    oldest: u64,
}

/// Answers with a page; if it is empty and at the end of the log, with the next event within the wait.
pub(super) async fn answer(
    api: &State,
    after: Sequence,
    bounds: Bounds,
    feed: FeedRequest,
    request: &HttpRequest,
) -> Result<HttpResponse, ApiError> {
    if bounds.are_after(after) {
        let Sequence(oldest) = bounds.oldest;
        let message = format!(
            "events before sequence {oldest} are not kept: read the streams, then begin at after=now"
        );
        return Err(ApiError::new(ErrorKind::CursorExpired, message));
    }
    let FeedRequest { limit, wait, filter, .. } = feed;
    let page = api.store().events_after(after, &filter, limit).await?;
    let head = page.head.max(bounds.head);
    if !page.events.is_empty() || wait.is_zero() || request.method() == Method::HEAD {
        return Ok(view(page.events, page.next, head, bounds.oldest));
    }
    let mut subscriber = api.feed().subscribe(page.next, filter, Form::Poll { wait, limit })?;
    connection::follows(request);
    let delivered = subscriber.next().await;
    let events = match &delivered {
        Some(Delivery::Events(events)) => events.iter().map(|event| &*event.json).collect(),
        _ => Vec::new(),
    };
    Ok(view(events, subscriber.cursor(), head.max(subscriber.cursor()), bounds.oldest))
}

fn view<E: Serialize>(events: Vec<E>, next: Sequence, head: Sequence, oldest: Sequence) -> HttpResponse {
    let has_more = next < head;
    HttpResponse::Ok().json(PageView { events, next: next.0, has_more, head: head.0, oldest: oldest.0 })
}
