use actix_web::http::header;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::{Answer, CreateStream, Created, IdempotencyKey, KeyedResponse};
use fluxora_stream::{Stream, TermsDraft, UnixTime};
use jiff::Timestamp;

use crate::body;
use crate::doc::{Doc, content, header as header_parameter, response};
use crate::error::{ApiError, ErrorKind};
use crate::fields::Fields;
use crate::idempotency::{self, IDEMPOTENCY_REPLAYED};
use crate::query::Query;
use crate::routes::State;
use crate::view::StreamView;

pub(crate) const DOC: Doc = Doc {
    parameters: &[header_parameter(
        "Idempotency-Key",
        "1 to 128 visible ASCII characters. The same key with the same request gets the first answer again for 24 hours",
        "order-7",
    )],
    request: Some(content("CreateStream", "The terms of the stream")),
    errors: &[ErrorKind::IdempotencyKeyReused, ErrorKind::Forbidden],
    ..Doc::new("Create a stream", &[response(201, "Stream", "The stream; its path is in `Location`")])
};

const SCOPE: &str = "POST /api/streams";

/// `POST /api/streams`: creates a stream.
pub(crate) async fn create(
    api: State,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let key = idempotency::key(request.headers())?;
    let mut fields = Fields::of(body::members(&request, payload).await?);
    let draft = TermsDraft {
        sender: fields.account("sender"),
        recipient: fields.account("recipient"),
        deposit: fields.amount("depositAmount"),
        rate: fields.amount("ratePerSecond"),
        start: fields.optional_time("startTime"),
        cliff: fields.optional_time("cliffTime"),
        end: fields.optional_time("endTime"),
    };
    let now = api.now();
    let terms = match draft.settle(now) {
        Ok(terms) => {
            fields.finish()?;
            terms
        }
        Err(broken) => {
            let sound = fields.are_sound();
            fields.add_broken(broken);
            let Some(answered) = fields.finish().err() else { return Err(unsettled()) };
            return repeated(&api, key.filter(|_| sound), &draft, now).await?.ok_or(answered);
        }
    };

    let (stream, event) = Stream::create(api.next_id(), &terms, now);
    let answer = made(&stream, now)?;
    let keyed = key.map(|key| KeyedResponse {
        scope: SCOPE,
        key,
        request: canonical(&draft),
        answer: answer.clone(),
        at: now,
    });
    match api.store().create_stream(CreateStream { stream, event, keyed }).await? {
        Created::Done => respond(answer, false),
        Created::Replayed(answer) => respond(answer, true),
        Created::KeyReused => Err(ApiError::new(
            ErrorKind::IdempotencyKeyReused,
            "this Idempotency-Key was used for another request: use a key of its own for each request",
        )),
    }
}

/// The answer to a request that was made before under its key, when its times were still ahead: time has made it impossible, but
/// a repetition is answered as the request was.
async fn repeated(
    api: &State,
    key: Option<IdempotencyKey>,
    draft: &TermsDraft,
    now: Timestamp,
) -> Result<Option<HttpResponse>, ApiError> {
    let Some(key) = key else { return Ok(None) };
    let kept = api.store().idempotency_record(SCOPE, &key, now).await?;
    kept.filter(|(request, _)| *request == canonical(draft))
        .map(|(_, answer)| respond(answer, true))
        .transpose()
}

fn unsettled() -> ApiError {
    ApiError::new(ErrorKind::Internal, "the terms could not be settled")
}

fn made(stream: &Stream, now: Timestamp) -> Result<Answer, ApiError> {
    let view = StreamView::of(stream, UnixTime::of(now));
    let body = serde_json::to_string(&view).map_err(|error| ApiError {
        cause: Some(error.into()),
        ..ApiError::new(ErrorKind::Internal, "the answer could not be written")
    })?;
    Ok(Answer { status: 201, location: format!("/api/streams/{}", stream.id()), body })
}

/// The request as it was meant: other white space or another order of fields is still the same request.
fn canonical(draft: &TermsDraft) -> String {
    let TermsDraft { sender, recipient, deposit, rate, start, cliff, end } = draft;
    let parties = [sender, recipient].map(|account| account.map(|account| account.to_string()));
    let amounts = [deposit, rate].map(|amount| amount.map(|amount| amount.to_string()));
    let times = [start, cliff, end].map(|time| time.map(UnixTime::seconds));
    format!("{parties:?} {amounts:?} {times:?}")
}

fn respond(answer: Answer, replayed: bool) -> Result<HttpResponse, ApiError> {
    let status = actix_web::http::StatusCode::from_u16(answer.status).map_err(|error| ApiError {
        cause: Some(error.into()),
        ..ApiError::new(ErrorKind::Internal, "the kept answer could not be read")
    })?;
    let mut response = HttpResponse::build(status);
    response.insert_header((header::LOCATION, answer.location)).content_type("application/json");
    if replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    Ok(response.body(answer.body))
}
