use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_stream::{Stream, StreamEvent, StreamId, UnixTime};
use fluxora_treasury::{Asset, Segment};
use serde::Serialize;

use crate::cursor::Cursor;
use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::query::Query;
use crate::routes::State;
use crate::view::treasury::{AssetView, Shown};
use crate::{Api, Tokens};

/// Events that are read for the segments of a stream.
const MOST_EVENTS: u32 = 10_000;
/// Events per query.
const PAGE: u32 = 1_000;

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        super::ID,
        query("limit", "Segments per page: 1 to 100, 20 by default", "20"),
        query("cursor", "The `nextCursor` of the page before", ""),
    ],
    errors: &[ErrorKind::NotFound, ErrorKind::TooMuchToRead],
    ..Doc::new(
        "List the segments of a stream",
        &[response(200, "StreamSegments", "The spans in which one rate applies, from the creation on")],
    )
};

/// The spans of a stream in which its accrued amount grows by one rate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "StreamSegments"))]
pub(crate) struct SegmentsView {
    asset: AssetView,
    segments: Vec<SegmentView>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Segment"))]
struct SegmentView {
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Seconds"))]
    from: UnixTime,
    /// The first second after it; `null` if it lasts until an event comes.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    to: Option<UnixTime>,
    /// Rounded down where the rate is not whole.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    rate_per_second: Option<String>,
    rate_is_exact: bool,
    /// What its first second brings at once.
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    released: String,
    /// The accrued amount at `from`.
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    opening: String,
    /// The accrued amount at `to`, without what the next segment releases.
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    closing: String,
    event: EventView,
}

/// The event whose terms apply.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "SegmentEvent"))]
struct EventView {
    id: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Type"))]
    r#type: &'static str,
    stream_seq: u32,
    /// Hash of the transaction of a contract event.
    tx_hash: Option<String>,
}

/// `GET /api/streams/{id}/segments`: the spans in which one rate applies.
pub(crate) async fn segments(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = super::id(&path);
    let list = id.as_ref().map_or_else(|_| path.to_string(), |id| format!("segments of {id}"));
    let mut query = Query::of(&request)?;
    let limit = query.limit();
    let needed = "the nextCursor of this list's last page";
    let from = query.parsed("cursor", FieldCode::InvalidCursor, needed, |text| {
        usize::try_from(Cursor::parse(text, &list)?.position).ok()
    });
    query.finish()?;
    let id = id?;
    let stream = api.store().stream(&id).await?.ok_or_else(ApiError::stream_not_found)?;
    let events = history(&api, &id).await?;
    let (from, limit) = (from.unwrap_or(0), usize::try_from(limit).unwrap_or(usize::MAX));
    let all = fluxora_treasury::segments(&events);
    let page: Vec<_> = all.iter().skip(from).take(limit).collect();
    let end = from.saturating_add(page.len());
    let has_more = end < all.len();
    let next = u64::try_from(end).ok().filter(|_| has_more);
    let view = View { stream: &stream, events: &events, tokens: api.tokens() };
    Ok(HttpResponse::Ok().json(SegmentsView {
        asset: view.shown().asset(),
        segments: page.into_iter().filter_map(|segment| view.segment(segment)).collect(),
        has_more,
        next_cursor: next.map(|position| Cursor::at(position, &list).to_string()),
    }))
}

/// Reads every event of a stream.
async fn history(api: &Api, id: &StreamId) -> Result<Vec<StreamEvent>, ApiError> {
    let mut events = Vec::<StreamEvent>::new();
    loop {
        let after = events.last().map_or(0, |event| event.stream_seq);
        if after >= MOST_EVENTS {
            let message = format!("the stream has more than {MOST_EVENTS} events: read them one by one");
            return Err(ApiError::new(ErrorKind::TooMuchToRead, message));
        }
        let page = api.store().stream_events(id, after, PAGE).await?;
        let page = page.ok_or_else(ApiError::stream_not_found)?;
        events.extend(page.events.into_iter().map(|logged| logged.event));
        if !page.more {
            return Ok(events);
        }
    }
}

struct View<'a> {
    stream: &'a Stream,
    events: &'a [StreamEvent],
    tokens: &'a Tokens,
}

impl View<'_> {
    fn shown(&self) -> Shown<'_> {
        Shown::of(Asset::of(self.stream), self.tokens)
    }

    fn segment(&self, segment: &Segment) -> Option<SegmentView> {
        let (shown, event) = (self.shown(), self.events.get(segment.event)?);
        Some(SegmentView {
            from: segment.from,
            to: segment.to,
            rate_per_second: shown.rate(segment.rate, 1),
            rate_is_exact: segment.rate.is_whole(),
            released: shown.amount(segment.released),
            opening: shown.amount(segment.opening),
            closing: shown.amount(segment.closing),
            event: EventView {
                id: event.id(),
                r#type: event.kind.name(),
                stream_seq: event.stream_seq,
                tx_hash: event.data.cause.tx_hash().map(str::to_owned),
            },
        })
    }
}
