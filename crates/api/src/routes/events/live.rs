use std::convert::Infallible;

use actix_web::http::{Method, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_feed::{Form, Subscriber};
use fluxora_store::{EventFilter, Sequence};
use futures_util::stream::{once, unfold};
use futures_util::{Stream, StreamExt};

use super::Bounds;
use super::format::Format;
use super::frames::{frame, opening};
use crate::access::Caller;
use crate::connection;
use crate::error::ApiError;
use crate::routes::State;

/// Answers with a stream: where it begins, and then events as they are committed.
pub(super) fn answer(
    api: &State,
    after: Sequence,
    bounds: Bounds,
    filter: EventFilter,
    format: Format,
    request: &HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut response = HttpResponse::Ok();
    response
        .content_type(format.content_type())
        // Neither a cache nor a compressing proxy may hold frames back. nginx would buffer them.
        .insert_header((header::CACHE_CONTROL, "no-store, no-transform"))
        .insert_header(("x-accel-buffering", "no"));
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let is_resync = bounds.are_after(after);
    let cursor = if is_resync { bounds.head } else { after };
    let first = opening(format, cursor, bounds, is_resync, api.service().version);
    let subscriber = api.feed().subscribe(cursor, filter, Form::Stream)?;
    let reader = Reader { api: State::clone(api), caller: Caller::of_request(request), subscriber };
    connection::follows(request);
    let written = once(async { Ok::<_, Infallible>(first) }).chain(frames(reader, format));
    Ok(response.streaming(Box::pin(written)))
}

/// A subscriber, and who it is.
struct Reader {
    api: State,
    caller: Caller,
    subscriber: Subscriber,
}

/// The frames of a subscriber. The next one is made when the connection has room for it, so nothing is queued. Before each one,
/// a heartbeat included, the credential is checked again: the stream of a caller that may not read any more ends.
fn frames(reader: Reader, format: Format) -> impl Stream<Item = Result<Bytes, Infallible>> {
    unfold(reader, move |mut reader| async move {
        let delivery = reader.subscriber.next().await?;
        if !reader.caller.may_read_on(&reader.api).await {
            return None;
        }
        Some((Ok(frame(format, &delivery)), reader))
    })
}
