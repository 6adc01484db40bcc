//! The audit log of requests. The route table names the action of every route that writes; a done write leaves its row in its own
//! transaction, a refused one is queued.

mod actor;
mod refused;

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use fluxora_audit::{Action, Entry, Outcome};
use fluxora_store::Store;
use fluxora_stream::StreamId;
use uuid::Uuid;

use crate::Api;
use crate::error::{ApiError, ErrorKind};
use crate::request_id::RequestId;

pub use refused::{RefusedWrites, SUMMARY_INTERVAL};

/// What the audit log records of requests.
#[derive(Clone)]
pub struct Audit {
    /// Writes that were refused and wait for their rows.
    pub refused: Arc<RefusedWrites>,
    /// Whether rows have the addresses of clients.
    pub client_addresses: bool,
}

/// The action of the route that a request has reached, in the request's extensions.
#[derive(Clone, Copy)]
struct Attempted(Action);

/// Queues a row if the request is refused or fails. A done write has left its row itself.
pub(crate) async fn record(
    action: Action,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.extensions_mut().insert(Attempted(action));
    let response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        refuse(action, &response);
    }
    Ok(response)
}

fn refuse(action: Action, response: &ServiceResponse<BoxBody>) {
    let request = response.request();
    let Some(api) = request.app_data::<Data<Arc<Api>>>() else { return };
    let error = response.response().error().and_then(Error::as_error::<ApiError>);
    let kind = error.map_or_else(|| ErrorKind::of_status(response.status()), |error| error.kind);
    let code = kind.code().to_owned();
    let outcome =
        if response.status().is_server_error() { Outcome::Failed(code) } else { Outcome::Refused(code) };
    let target = request.match_info().get("id").and_then(id);
    let entry = Entry { target, ..entry(api, request, action, outcome) };
    api.audit().refused.record(api.limits().client_of(request), entry);
}

/// The id in a path, if it has the form of one. Any other text may be a secret.
fn id(text: &str) -> Option<String> {
    let uuid = Uuid::try_parse(text).ok().map(|id| id.to_string());
    uuid.or_else(|| StreamId::parse(text).map(|id| id.to_string()))
}

fn entry(api: &Api, request: &HttpRequest, action: Action, outcome: Outcome) -> Entry {
    let request_id = request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned());
    let client = api.limits().client_of(request).filter(|_| api.audit().client_addresses);
    Entry {
        request_id,
        client_address: client.map(|client| client.to_string()),
        ..Entry::new(api.now(), actor::of(request), action, outcome)
    }
}

impl Api {
    /// The store for the write of a request: the write and its row in the audit log are committed together.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if the route table names no action for the route.
    pub(crate) fn audited(
        &self,
        request: &HttpRequest,
        target: &impl ToString,
    ) -> Result<Box<dyn Store>, ApiError> {
        Ok(self.store().audited(self.done(request, target)?))
    }

    /// Leaves the row of an action that writes nothing else.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if the route table names no action for the route; those of the store.
    pub(crate) async fn record_done(
        &self,
        request: &HttpRequest,
        target: &impl ToString,
    ) -> Result<(), ApiError> {
        let entry = self.done(request, target)?;
        Ok(self.store().append_audit(vec![entry]).await?)
    }

    fn done(&self, request: &HttpRequest, target: &impl ToString) -> Result<Entry, ApiError> {
        let attempted = request.extensions().get::<Attempted>().copied();
        let Attempted(action) =
            attempted.ok_or_else(|| ApiError::new(ErrorKind::Internal, "the route has no action"))?;
        Ok(entry(self, request, action, Outcome::Done).with_target(target))
    }
}
