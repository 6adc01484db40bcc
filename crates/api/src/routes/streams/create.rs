use std::future::Future;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_decimal::Amount;
use fluxora_store::{CreateStream, Created, IdempotencyKey, KeyedResponse, expired_before};
use fluxora_stream::{AccountId, Stream, TermsDraft, UnixTime};
use jiff::Timestamp;
use serde_json::Value;

use crate::Tokens;
use crate::access::principal;
use crate::body::{self, JsonObject};
use crate::doc::{Doc, content, header as header_parameter, response};
use crate::error::{ApiError, ErrorKind};
use crate::fields::Fields;
use crate::idempotency::{self, SavedResponse};
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

/// What keys of this operation belong to. Stored: it never changes.
const SCOPE: &str = "POST /api/streams";

/// `POST /api/streams`: creates a stream.
pub(crate) async fn create(
    api: State,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let Answer { saved, replayed } = perform(&api, &request, body::members(&request, payload)).await?;
    saved.respond(replayed)
}

/// The answer to a creation.
pub(crate) struct Answer {
    pub(crate) saved: SavedResponse,
    /// Whether it was given before under the key.
    pub(crate) replayed: bool,
}

/// Creates a stream of the members of a body, once for each idempotency key of a caller.
pub(crate) async fn perform(
    api: &State,
    request: &HttpRequest,
    members: impl Future<Output = Result<JsonObject, ApiError>>,
) -> Result<Answer, ApiError> {
    let owner = principal(request).owner().cloned();
    let scope = idempotency::scope(SCOPE, owner.as_ref());
    let key = idempotency::key(request.headers())?;
    let mut fields = Fields::of(members.await?);
    let draft = TermsDraft {
        sender: fields.account("sender"),
        recipient: fields.account("recipient"),
        deposit: fields.amount("depositAmount"),
        rate: fields.amount("ratePerSecond"),
        start: fields.optional_time("startTime"),
        cliff: fields.optional_time("cliffTime"),
        end: fields.optional_time("endTime"),
    };
    let (now, confirmed) = (api.now(), api.confirmed_now());
    let terms = match draft.settle(now) {
        Ok(terms) => {
            fields.finish()?;
            terms
        }
        Err(broken) => {
            let sound = fields.are_sound();
            fields.add_broken(broken);
            let Some(answered) = fields.finish().err() else { return Err(unsettled()) };
            return repeated(api, &scope, key.filter(|_| sound), &draft, confirmed).await?.ok_or(answered);
        }
    };

    let (stream, event) = Stream::create(api.next_id(), &terms, now);
    let saved = created(&stream, now, api.tokens())?;
    let keyed = match key {
        Some(key) => {
            let (request, response) = (fingerprint(&draft), saved.encode()?);
            Some(KeyedResponse {
                scope,
                key,
                request,
                response,
                at: now,
                expired_before: expired_before(confirmed),
            })
        }
        None => None,
    };
    let store = api.audited(request, &stream.id())?;
    match store.create_stream(CreateStream { stream, event, keyed, owner }).await? {
        Created::Done => Ok(Answer { saved, replayed: false }),
        Created::Replayed(stored) => Ok(Answer { saved: SavedResponse::decode(&stored)?, replayed: true }),
        Created::KeyReused => Err(idempotency::reused()),
    }
}

/// The response to a request that was made before under its key, when its times were still ahead: it is not valid as a new request any
/// more, but a repetition gets the stored response.
async fn repeated(
    api: &State,
    scope: &str,
    key: Option<IdempotencyKey>,
    draft: &TermsDraft,
    confirmed: Timestamp,
) -> Result<Option<Answer>, ApiError> {
    let Some(key) = key else { return Ok(None) };
    let stored = api.store().idempotency_record(scope, &key, confirmed).await?;
    let same = stored.filter(|stored| stored.request == fingerprint(draft));
    same.map(|stored| Ok(Answer { saved: SavedResponse::decode(&stored.response)?, replayed: true }))
        .transpose()
}

fn unsettled() -> ApiError {
    ApiError::new(ErrorKind::Internal, "the terms could not be settled")
}

fn created(stream: &Stream, now: Timestamp, tokens: &Tokens) -> Result<SavedResponse, ApiError> {
    let view = StreamView::of(stream, UnixTime::of(now), tokens);
    let body = serde_json::to_string(&view).map_err(|error| ApiError {
        cause: Some(error.into()),
        ..ApiError::new(ErrorKind::Internal, "the response could not be written")
    })?;
    Ok(SavedResponse { status: 201, location: format!("/api/streams/{}", stream.id()), body })
}

/// The request as one text: a JSON array of its fields in this order, `null` where one is absent. White space and the order of fields in
/// the body do not matter. It is stored and compared across replicas and versions: a new field is appended only where it is given.
fn fingerprint(draft: &TermsDraft) -> String {
    let TermsDraft { sender, recipient, deposit, rate, start, cliff, end } = draft;
    let account = |account: &Option<AccountId>| Value::from(account.map(|account| account.to_string()));
    let amount = |amount: &Option<Amount>| Value::from(amount.map(|amount| amount.to_string()));
    let time = |time: &Option<UnixTime>| Value::from(time.map(UnixTime::seconds));
    let fields = vec![
        account(sender),
        account(recipient),
        amount(deposit),
        amount(rate),
        time(start),
        time(cliff),
        time(end),
    ];
    Value::from(fields).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Migration V4 rewrites what version 0.1.0 stored to this form.
    #[test]
    fn the_fingerprint_of_a_request_is_a_json_array_of_its_fields() {
        let draft = TermsDraft {
            sender: Some(AccountId::from_public_key([1; 32])),
            recipient: Some(AccountId::from_public_key([2; 32])),
            deposit: Some("100.50".parse().unwrap()),
            rate: Some("1".parse().unwrap()),
            start: None,
            cliff: Some(UnixTime::from_seconds(5)),
            end: Some(UnixTime::MAX),
        };
        let [sender, recipient] = [[1; 32], [2; 32]].map(AccountId::from_public_key);
        let expect = format!(r#"["{sender}","{recipient}","100.50","1",null,5,18446744073709551615]"#);
        assert_eq!(fingerprint(&draft), expect);
    }
}
