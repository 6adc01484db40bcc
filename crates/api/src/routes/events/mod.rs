//! `GET /api/events`: the event log in pages, by long poll and as a stream; and the same for the events of one stream.

mod format;
mod frames;
mod live;
pub(crate) mod page;
pub(crate) mod proof;
mod request;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::{EventFilter, Sequence};
use fluxora_stream::StreamId;
use serde_json::value::RawValue;

use self::format::Format;
use self::request::{FeedRequest, Start};
use crate::doc::{CONTRACT, Doc, Parameter, header, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::query::Query;
use crate::routes::State;

const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";

pub(crate) const AFTER: Parameter = query(
    "after",
    "The position after which to begin, or `now`. Pages begin at 0 by default, streams at `now`",
    "0",
);
pub(crate) const WAIT: Parameter =
    query("wait", "Pages: how many seconds to wait for an event, 0 to 30; 0 by default", "0");
pub(crate) const TYPE: Parameter =
    query("type", "Events of these types, separated by commas", "stream.created,stream.cancelled");
pub(crate) const ACCEPT: Parameter = header(
    "Accept",
    "`text/event-stream` or `application/x-ndjson` for a stream; JSON pages by default",
    "text/event-stream",
);
pub(crate) const LAST_EVENT_ID: Parameter =
    header("Last-Event-ID", "Streams: the position after which to begin; it wins over `after`", "17");

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        AFTER,
        query("limit", "Pages: events per page, 1 to 1000, 100 by default", "100"),
        WAIT,
        query("streamId", "Events of this stream", "01930000-0000-7000-8000-000000000001"),
        query("sender", "Events of streams this account or contract pays", ACCOUNT),
        query("recipient", "Events of streams that pay this account or contract", ACCOUNT),
        query("contractId", "Events of chain streams of this contract", CONTRACT),
        TYPE,
        ACCEPT,
        LAST_EVENT_ID,
    ],
    errors: &[ErrorKind::CursorExpired, ErrorKind::FeedFull],
    ..Doc::new(
        "Follow the event log",
        &[response(200, "EventLogPage", "Events in commit order: a page, or a stream that does not end")],
    )
};

/// Where the event log begins and ends.
#[derive(Clone, Copy)]
struct Bounds {
    head: Sequence,
    oldest: Sequence,
}

impl Bounds {
    async fn read(api: &State) -> Result<Self, ApiError> {
        // The oldest first: the log only grows.
        let oldest = api.store().oldest().await?;
        Ok(Self { head: api.store().head().await?, oldest })
    }

    /// Whether events after a position are not kept.
    fn are_after(self, after: Sequence) -> bool {
        after.0.saturating_add(1) < self.oldest.0
    }

    /// Refuses a position after which events are not kept.
    fn check_kept(self, after: Sequence) -> Result<(), ApiError> {
        if !self.are_after(after) {
            return Ok(());
        }
        let Sequence(oldest) = self.oldest;
        let message = format!(
            "events before sequence {oldest} are not kept: read the streams, then begin at the newest event"
        );
        Err(ApiError::new(ErrorKind::CursorExpired, message))
    }

    /// Refuses a position that the log has not reached: it is of another database.
    fn check(self, after: Sequence, field: &'static str) -> Result<(), ApiError> {
        if after <= self.head {
            return Ok(());
        }
        let Sequence(head) = self.head;
        let message = format!("{field} is after the newest event, whose sequence is {head}");
        Err(ApiError::invalid_field(field, FieldCode::CursorAhead, message))
    }
}

/// Refuses a position after which the log cannot be read: one that it has not reached, or whose events are not kept.
pub(crate) async fn check_start(api: &State, after: Sequence, field: &'static str) -> Result<(), ApiError> {
    let bounds = Bounds::read(api).await?;
    bounds.check(after, field)?;
    bounds.check_kept(after)
}

/// `GET /api/events`: the events of all streams.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let query = Query::of(&request)?;
    let format = Format::of(&request);
    let feed = FeedRequest::read(&request, query, format, None)?;
    answer(&api, &request, feed).await
}

/// Whether a request for the events of one stream asks for the feed: by its format, or by a parameter of the feed.
pub(crate) fn is_feed(request: &HttpRequest, query: &Query) -> bool {
    Format::of(request) != Format::Page || ["after", "wait", "type"].iter().any(|name| query.has(name))
}

/// Events of one stream after a position, or the next one within the wait.
///
/// # Errors
/// `INVALID_VALUE` of the parameter `field` if the log has not reached the position.
pub(crate) async fn poll_stream(
    api: &State,
    request: &HttpRequest,
    stream: StreamId,
    (field, after): (&'static str, Sequence),
    wait: Duration,
) -> Result<page::PageView<Box<RawValue>>, ApiError> {
    if api.store().stream_events(&stream, 0, 1).await?.is_none() {
        return Err(ApiError::stream_not_found());
    }
    let bounds = Bounds::read(api).await?;
    bounds.check(after, field)?;
    let filter = EventFilter { stream: Some(stream), ..EventFilter::default() };
    let start = Start::After(after, field);
    let feed = FeedRequest { format: Format::Page, start, limit: 100, wait, filter };
    page::answer(api, after, bounds, feed, request).await
}

/// The feed of one stream.
pub(crate) async fn of_stream(
    api: &State,
    request: &HttpRequest,
    query: Query,
    id: Result<StreamId, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let format = Format::of(request);
    let unknown = id.as_ref().ok().copied();
    let feed = FeedRequest::read(request, query, format, unknown)?;
    if api.store().stream_events(&id?, 0, 1).await?.is_none() {
        return Err(ApiError::stream_not_found());
    }
    answer(api, request, feed).await
}

async fn answer(api: &State, request: &HttpRequest, feed: FeedRequest) -> Result<HttpResponse, ApiError> {
    let bounds = Bounds::read(api).await?;
    let after = match feed.start {
        Start::Now => bounds.head,
        Start::After(after, field) => {
            bounds.check(after, field)?;
            after
        }
    };
    match feed.format {
        Format::Page => Ok(HttpResponse::Ok().json(page::answer(api, after, bounds, feed, request).await?)),
        format => live::answer(api, after, bounds, feed.filter, format, request),
    }
}
