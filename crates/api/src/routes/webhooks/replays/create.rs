use actix_web::http::header;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_delivery::{DeliveryStatus, EndpointId, Replay, ReplayFilter, ReplayId};
use fluxora_store::Sequence;
use fluxora_store::delivery::StartReplay;

use super::PATH;
use super::view::ReplayView;
use crate::body::{self, JsonObject, JsonValue};
use crate::doc::{Doc, content, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::fields::Fields;
use crate::idempotency::{self, IDEMPOTENCY_REPLAYED};
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{IDEMPOTENCY_KEY, endpoint_not_found, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[IDEMPOTENCY_KEY],
    request: Some(content("CreateWebhookReplay", "The endpoint, and which of its settled deliveries")),
    errors: &[
        ErrorKind::NotFound,
        ErrorKind::IdempotencyKeyReused,
        ErrorKind::Forbidden,
        ErrorKind::WebhooksNotConfigured,
    ],
    ..Doc::new(
        "Send settled deliveries again",
        &[response(201, "WebhookReplay", "The job; it goes on by itself. Its path is in `Location`")],
    )
};

/// What ids of this operation depend on. Stored in them: it never changes.
const SCOPE: &str = "POST /api/webhooks/replays";
/// The states from which a delivery can be sent again.
pub(crate) const SETTLED: [DeliveryStatus; 3] =
    [DeliveryStatus::Delivered, DeliveryStatus::Dead, DeliveryStatus::Cancelled];

/// `POST /api/webhooks/replays`: begins to send settled deliveries again.
pub(crate) async fn create(
    api: State,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    api.webhooks()?;
    let key = idempotency::key(request.headers())?;
    let (endpoint, filter, fresh_ids) = read(body::members(&request, payload).await?)?;
    owned::endpoint(&api, &request, endpoint).await?;
    let owner = owned::owner(&request);
    let now = api.now();
    let id = match &key {
        None => ReplayId::new(api.next_id()),
        Some(key) => {
            ReplayId::new(idempotency::id_of(SCOPE, owner.as_ref().map(fluxora_auth::Name::as_str), key))
        }
    };
    let is_same =
        |known: &Replay| (known.endpoint, &known.filter, known.fresh_ids) == (endpoint, &filter, fresh_ids);
    let known = match key {
        Some(_) => api.store().replay_job(id).await?,
        None => None,
    };
    let (replay, is_repeated) = match known {
        Some(known) if is_same(&known) => (known, true),
        Some(_) => return Err(idempotency::reused()),
        None => {
            let start = StartReplay { id, endpoint, filter: filter.clone(), fresh_ids };
            let started = api.audited(&request, &id)?.start_replay(start, now).await?;
            let (started, is_new) = started.ok_or_else(endpoint_not_found)?;
            // Another request may have used the key in the meantime.
            if !is_same(&started) {
                return Err(idempotency::reused());
            }
            (started, !is_new)
        }
    };
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, format!("{PATH}/{}", replay.id)));
    if is_repeated {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    Ok(response.json(ReplayView::of(&replay)))
}

fn read(members: JsonObject) -> Result<(EndpointId, ReplayFilter, bool), ApiError> {
    let mut fields = Fields::of(members);
    let endpoint = endpoint(&mut fields);
    let words = SETTLED.map(DeliveryStatus::name).join(", ");
    let settled = |text: &str| SETTLED.into_iter().find(|status| status.name() == text);
    let filter = ReplayFilter {
        statuses: fields.words("statuses", FieldCode::InvalidStatus, &words, settled),
        kinds: fields.event_types("types"),
        stream: fields.optional_stream("streamId"),
        created_from: fields.optional_instant("createdFrom"),
        created_until: fields.optional_instant("createdUntil"),
        from_sequence: fields.optional_number("fromSequence", 0..=u64::MAX).map(Sequence),
        to_sequence: fields.optional_number("toSequence", 0..=u64::MAX).map(Sequence),
        deliveries: fields.deliveries("deliveryIds"),
        missing: fields.optional_boolean("missing").unwrap_or_default(),
    };
    let fresh_ids = fields.optional_boolean("freshIds").unwrap_or_default();
    if filter.missing {
        refuse_beside_missing(&mut fields, &filter);
    }
    fields.finish()?;
    // Without a fault, it was read.
    endpoint.map(|endpoint| (endpoint, filter, fresh_ids)).ok_or_else(|| ApiError::invalid(Vec::new()))
}

/// What speaks of deliveries says nothing of events that have none.
fn refuse_beside_missing(fields: &mut Fields, filter: &ReplayFilter) {
    for (field, is_given) in [
        ("statuses", !filter.statuses.is_empty()),
        ("createdFrom", filter.created_from.is_some()),
        ("createdUntil", filter.created_until.is_some()),
        ("deliveryIds", !filter.deliveries.is_empty()),
    ] {
        if is_given {
            let message = format!("{field} cannot be given together with missing");
            fields.refuse::<()>(field, FieldCode::InvalidValue, message);
        }
    }
}

fn endpoint(fields: &mut Fields) -> Option<EndpointId> {
    let JsonValue::Text(text) = fields.required("endpointId")? else {
        return fields.refuse("endpointId", FieldCode::InvalidType, "endpointId must be a string");
    };
    EndpointId::parse(&text.to_ascii_lowercase()).or_else(|| {
        fields.refuse("endpointId", FieldCode::InvalidValue, "endpointId must be the id of an endpoint")
    })
}
