use std::time::Duration;

use actix_web::HttpRequest;
use fluxora_store::{EventFilter, Sequence};
use fluxora_stream::{Address, EventKind, StreamId};

use super::format::Format;
use crate::error::{ApiError, FieldFault};
use crate::field_code::FieldCode;
use crate::query::Query;

const LAST_EVENT_ID: &str = "Last-Event-ID";
const POSITION: &str = "the sequence of an event, or now";
const MAX_WAIT: u64 = 30;

/// What a client asks of the feed.
pub(super) struct FeedRequest {
    pub(super) format: Format,
    pub(super) start: Start,
    /// Of a page.
    pub(super) limit: u32,
    /// Of a page.
    pub(super) wait: Duration,
    pub(super) filter: EventFilter,
}

/// Where the feed begins.
#[derive(Clone, Copy)]
pub(super) enum Start {
    /// At the newest event.
    Now,
    /// After a position, which a parameter or header names.
    After(Sequence, &'static str),
}

impl FeedRequest {
    /// Reads a request for all events, or for those of one stream.
    ///
    /// # Errors
    /// Every fault.
    pub(super) fn read(
        request: &HttpRequest,
        mut query: Query,
        format: Format,
        stream: Option<StreamId>,
    ) -> Result<Self, ApiError> {
        let given = query.parsed("after", FieldCode::InvalidCursor, POSITION, |text| start(text, "after"));
        let last = if format == Format::Page { None } else { last_event_id(request, &mut query) };
        let default = if format == Format::Page { Start::After(Sequence(0), "after") } else { Start::Now };
        let (limit, wait) = match format {
            Format::Page => (query.limit_up_to(1_000, 100), wait(&mut query)),
            Format::EventStream | Format::Lines => (0, Duration::ZERO),
        };
        let filter = match (stream, request.match_info().get("id")) {
            (None, None) => filter(&mut query),
            // One stream has one pair of parties and one contract.
            _ => EventFilter { stream, kinds: kinds(&mut query), ..EventFilter::default() },
        };
        query.finish()?;
        Ok(Self { format, start: last.or(given).unwrap_or(default), limit, wait, filter })
    }
}

fn start(text: &str, field: &'static str) -> Option<Start> {
    if text == "now" { Some(Start::Now) } else { number(text).map(|n| Start::After(Sequence(n), field)) }
}

/// Digits only: `u64::from_str` also accepts a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The header that a browser sends when it connects again. An empty one is none.
fn last_event_id(request: &HttpRequest, query: &mut Query) -> Option<Start> {
    let value = request.headers().get(LAST_EVENT_ID).filter(|value| !value.is_empty())?;
    let position = value.to_str().ok().and_then(number);
    if position.is_none() {
        let message = format!("{LAST_EVENT_ID} must be the sequence of an event");
        query.fault(FieldFault::new(LAST_EVENT_ID, FieldCode::InvalidCursor, message));
    }
    position.map(|position| Start::After(Sequence(position), LAST_EVENT_ID))
}

fn wait(query: &mut Query) -> Duration {
    let needed = "a whole number of seconds from 0 to 30";
    let seconds = query.parsed("wait", FieldCode::InvalidValue, needed, |text| {
        number(text).filter(|seconds| *seconds <= MAX_WAIT)
    });
    Duration::from_secs(seconds.unwrap_or(0))
}

fn filter(query: &mut Query) -> EventFilter {
    let party = |query: &mut Query, name: &'static str| {
        query.checked(name, |text| {
            Address::parse(text).map_err(|error| (error.into(), format!("{name}: {error}")))
        })
    };
    EventFilter {
        stream: query.parsed("streamId", FieldCode::InvalidValue, "the id of a stream", |text| {
            StreamId::parse(text).or_else(|| StreamId::parse(&text.to_ascii_lowercase()))
        }),
        sender: party(query, "sender"),
        recipient: party(query, "recipient"),
        contract: query.contract("contractId"),
        kinds: kinds(query),
    }
}

fn kinds(query: &mut Query) -> Vec<EventKind> {
    let needed = format!("types separated by commas, of {}", EventKind::ALL.map(EventKind::name).join(", "));
    let parse = |text: &str| text.split(',').map(|name| name.parse().ok()).collect();
    query.parsed("type", FieldCode::InvalidValue, &needed, parse).unwrap_or_default()
}
