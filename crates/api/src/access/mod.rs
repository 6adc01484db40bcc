use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};

use crate::access_log::Ongoing;
use crate::connection::is_reserved;
use crate::error::{ApiError, ErrorKind};
use crate::table::LimitClass;
use crate::{Api, HealthDetails, Writes};

/// The header that carries the worker token.
const WORKER_TOKEN: &str = "x-indexer-worker-token";
/// The header that carries the operator token.
const OPERATOR_TOKEN: &str = "x-operator-token";

/// Who may call a route. The check runs before the handler, so a refused request reads no body and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Public,
    /// Anyone who may read streams: no credential is required.
    Reader,
    /// Anyone, where [`Writes::Open`] is configured. `FORBIDDEN` elsewhere.
    Partner,
    /// The holder of the worker token. `INDEXER_NOT_CONFIGURED` where no token is configured.
    Worker,
    /// The holder of the operator token. `FORBIDDEN` where no token is configured.
    Operator,
}

impl Access {
    /// The header that carries the credential, if one is required.
    pub const fn header(self) -> Option<&'static str> {
        match self {
            Self::Public | Self::Reader | Self::Partner => None,
            Self::Worker => Some(WORKER_TOKEN),
            Self::Operator => Some(OPERATOR_TOKEN),
        }
    }

    fn check(self, api: &Api, headers: &HeaderMap) -> Result<(), ApiError> {
        match self {
            Self::Public | Self::Reader => Ok(()),
            Self::Partner => match api.writes() {
                Writes::Open => Ok(()),
                Writes::Refused => Err(writes_are_off()),
            },
            Self::Worker => {
                let indexer = api.indexer().ok_or_else(not_configured)?;
                let token = indexer.worker_token.as_ref().ok_or_else(not_configured)?;
                token.check(headers, WORKER_TOKEN)
            }
            Self::Operator => {
                let token = api.operator_token().ok_or_else(operator_is_off)?;
                token.check(headers, OPERATOR_TOKEN)
            }
        }
    }
}

/// Calls the handler only if the client's quota for the class allows the request and it has the access that its route
/// requires. `route` is the position of the route in the table.
pub(crate) async fn require(
    access: Access,
    limit: LimitClass,
    route: Option<usize>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(ongoing) = request.extensions_mut().get_mut::<Ongoing>() {
        ongoing.route = route;
    }
    let allowed = match request.app_data::<Data<Arc<Api>>>() {
        Some(api) => admit(api, access, limit, &request),
        None => Err(ApiError::new(ErrorKind::Internal, "the server has no state")),
    };
    match allowed {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(error) => Ok(request.error_response(error)),
    }
}

fn admit(api: &Api, access: Access, limit: LimitClass, request: &ServiceRequest) -> Result<(), ApiError> {
    let now = api.now();
    api.limits().charge(limit, request, now)?;
    check_connection(api, limit, request)?;
    let allowed = access.check(api, request.headers());
    if allowed.is_err() && access.header().is_some() {
        api.limits().charge_refused(request, now)?;
    }
    allowed
}

impl Api {
    /// Whether the details of `/health` are shown to the sender of these headers.
    pub(crate) fn shows_details(&self, headers: &HeaderMap) -> bool {
        match self.health_details() {
            HealthDetails::Public => true,
            HealthDetails::Operator => Access::Operator.check(self, headers).is_ok(),
        }
    }
}

/// Probes are answered under every name and on connections that are reserved for them. They change nothing.
fn check_connection(api: &Api, limit: LimitClass, request: &ServiceRequest) -> Result<(), ApiError> {
    if limit == LimitClass::Probe {
        return Ok(());
    }
    api.allowed_hosts().check(request.headers())?;
    if is_reserved(request.request()) { Err(too_many_connections()) } else { Ok(()) }
}

fn too_many_connections() -> ApiError {
    let message = "every connection is in use: try again shortly";
    ApiError { retry_after_seconds: Some(1), ..ApiError::new(ErrorKind::Unavailable, message) }
}

fn writes_are_off() -> ApiError {
    ApiError::new(
        ErrorKind::Forbidden,
        "writes are off: OPEN_WRITES is false, or this server listens beyond this machine (HOST) and has no authentication. \
         An operator can set OPEN_WRITES=true to allow them.",
    )
}

/// The refusal of contract events where no worker token is configured.
pub(crate) fn not_configured() -> ApiError {
    ApiError::new(
        ErrorKind::IndexerNotConfigured,
        "this server takes no contract events: an operator has to set INDEXER_WORKER_TOKEN",
    )
}

fn operator_is_off() -> ApiError {
    ApiError::new(ErrorKind::Forbidden, "operator actions are off: set OPERATOR_TOKEN to allow them")
}
