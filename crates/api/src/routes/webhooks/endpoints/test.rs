use actix_web::web::{Path, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use fluxora_delivery::AttemptResult;
use fluxora_dispatch::{Cause, Outgoing};
use fluxora_trace::TraceContext;
use jiff::Timestamp;
use serde::Serialize;

use crate::access_log::Ongoing;
use crate::body;
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::fields::Fields;
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{ID, endpoint_id, endpoint_not_found, owned};
use crate::view::Instant;

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    errors: &[ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new(
        "Send a test to a webhook endpoint",
        &[response(200, "WebhookTest", "What came of one signed request; it is not retried and not kept")],
    )
};

/// The event type of a test. No stream event has it, so no filter names it.
const TYPE: &str = "webhook.test";

/// The body of a test: the members that every delivery has, and empty data.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestBody<'a> {
    #[serde(rename = "delivery_id")]
    delivery_id: &'a str,
    id: String,
    r#type: &'static str,
    occurred_at: Instant,
    data: Empty,
}

#[derive(Serialize)]
struct Empty {}

/// What came of a test. Nothing that the receiver wrote is shown: it may be a host of the operator's network.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookTest"))]
pub(crate) struct TestView {
    delivery_id: String,
    delivered: bool,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Outcome"))]
    outcome: &'static str,
    status: Option<u16>,
    started_at: Instant,
    duration_ms: i64,
}

/// `POST /api/webhooks/endpoints/{id}/test`: sends one signed request. It also works for a paused or held endpoint.
pub(crate) async fn test(
    api: State,
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let webhooks = api.webhooks()?;
    Fields::of(body::optional_members(&request, payload).await?).finish()?;
    let id = endpoint_id(&path)?;
    owned::endpoint(&api, &request, id).await?;
    let stored = api.store().endpoint(id).await?.ok_or_else(endpoint_not_found)?;
    let delivery_id = api.next_id().to_string();
    let body = body_of(&delivery_id, api.now())?;
    let trace = request.extensions().get::<Ongoing>().map(|ongoing| ongoing.trace.clone());
    let trace = trace.unwrap_or_else(|| TraceContext::of_name(&delivery_id));
    let cause = Cause::Request(&trace);
    let outgoing = Outgoing {
        delivery_id: &delivery_id,
        event_type: TYPE,
        body: &body,
        attempt: 1,
        replay_of: None,
        cause,
    };
    // Before it is sent: no test leaves without its row.
    api.record_done(&request, &stored.endpoint.id).await?;
    let result = webhooks.sender.attempt(&stored.endpoint, outgoing).await;
    Ok(HttpResponse::Ok().json(TestView::of(delivery_id, &result)))
}

fn body_of(delivery_id: &str, now: Timestamp) -> Result<Vec<u8>, ApiError> {
    let body = TestBody {
        delivery_id,
        id: format!("evt_test_{delivery_id}"),
        r#type: TYPE,
        occurred_at: Instant(now),
        data: Empty {},
    };
    serde_json::to_vec(&body).map_err(|error| ApiError {
        cause: Some(error.into()),
        ..ApiError::new(ErrorKind::Internal, "the test could not be written")
    })
}

impl TestView {
    fn of(delivery_id: String, result: &AttemptResult) -> Self {
        Self {
            delivery_id,
            delivered: result.outcome.is_success(),
            outcome: result.outcome.name(),
            status: result.status,
            started_at: Instant(result.started_at),
            duration_ms: i64::try_from(result.duration.as_millis()).unwrap_or(i64::MAX),
        }
    }
}
