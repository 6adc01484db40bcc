use actix_web::HttpRequest;
use actix_web::http::Method;
use fluxora_feed::{Delivery, Form};
use fluxora_store::{EventFilter, Sequence};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Bounds;
use super::request::FeedRequest;
use crate::connection;
use crate::error::ApiError;
use crate::page_bytes::BoundedPage;
use crate::routes::State;

/// Events that are read at a time.
const PART: u32 = 128;

/// A page of the event log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "EventLogPage"))]
pub(crate) struct PageView<E> {
    pub(crate) events: Vec<E>,
    /// `after` of the next page.
    pub(crate) next: u64,
    pub(crate) has_more: bool,
    head: u64,
    oldest: u64,
}

/// A page; if it is empty and at the end of the log, the next event within the wait.
pub(super) async fn answer(
    api: &State,
    after: Sequence,
    bounds: Bounds,
    feed: FeedRequest,
    request: &HttpRequest,
) -> Result<PageView<Box<RawValue>>, ApiError> {
    bounds.check_kept(after)?;
    let FeedRequest { limit, wait, filter, .. } = feed;
    let Page { events, next, head } = read(api, after, &filter, limit).await?;
    let head = head.max(bounds.head);
    if !events.is_empty() || wait.is_zero() || request.method() == Method::HEAD {
        return Ok(view(events, next, head, bounds.oldest));
    }
    let mut subscriber = api.feed().subscribe(next, filter, Form::Poll { wait, limit })?;
    connection::follows(request);
    let delivered = subscriber.next().await;
    let events = match &delivered {
        Some(Delivery::Events(events)) => events.iter().map(|event| (*event.json).to_owned()).collect(),
        _ => Vec::new(),
    };
    Ok(view(events, subscriber.cursor(), head.max(subscriber.cursor()), bounds.oldest))
}

/// A part of the event log.
struct Page {
    events: Vec<Box<RawValue>>,
    next: Sequence,
    head: Sequence,
}

/// Reads a page in parts, and no part after the page is full.
async fn read(api: &State, after: Sequence, filter: &EventFilter, limit: u32) -> Result<Page, ApiError> {
    let (mut page, mut next, mut left) = (BoundedPage::default(), after, limit);
    loop {
        let part = left.min(PART);
        let read = api.store().events_after(next, filter, part).await?;
        let is_last = usize::try_from(part).is_ok_and(|part| read.events.len() < part);
        next = read.next;
        for logged in &read.events {
            page.add(logged)?;
            left = left.saturating_sub(1);
            if page.is_full() {
                next = logged.sequence;
                break;
            }
        }
        if is_last || left == 0 || page.is_full() {
            return Ok(Page { events: page.items, next, head: read.head });
        }
    }
}

fn view<E>(events: Vec<E>, next: Sequence, head: Sequence, oldest: Sequence) -> PageView<E> {
    let has_more = next < head;
    PageView { events, next: next.0, has_more, head: head.0, oldest: oldest.0 }
}
