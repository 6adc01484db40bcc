//! Who may call a route: the credentials of a request become a [`Principal`] once, before its handler runs.

mod caller;
mod credential;
mod failure;
mod keys;
mod refused;

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use fluxora_auth::Permission;

use crate::access_log::Ongoing;
use crate::connection::is_reserved;
use crate::error::{ApiError, ErrorKind};
use crate::table::{LimitClass, ROUTES, Route};
use crate::{Api, Reads, Writes};

pub(crate) use caller::Caller;
pub use caller::principal;
pub(crate) use failure::AuthFailure;
pub(crate) use keys::Keys;
pub(crate) use refused::not_configured;

/// The header that carries the worker token.
const WORKER_TOKEN: &str = "x-indexer-worker-token";
/// The header that carries the operator token.
const OPERATOR_TOKEN: &str = "x-operator-token";

/// Who may call a route. The check runs before the handler, so a refused request reads no body and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Public,
    /// Anyone with [`Permission::Read`]. Without a credential where [`Reads::Public`] is configured.
    Reader,
    /// Anyone with [`Permission::Write`]. Without a credential where [`Writes`] are open.
    Partner,
    /// Anyone with [`Permission::Ingest`]. `INDEXER_NOT_CONFIGURED` where contract events are not accepted.
    Worker,
    /// Anyone with [`Permission::Operate`]. `FORBIDDEN` where no credential is configured.
    Operator,
}

impl Access {
    /// The header that carries the token of the configuration, if there is one for this access alone.
    pub const fn header(self) -> Option<&'static str> {
        match self {
            Self::Public | Self::Reader | Self::Partner => None,
            Self::Worker => Some(WORKER_TOKEN),
            Self::Operator => Some(OPERATOR_TOKEN),
        }
    }

    /// The permission that a caller needs; `None` if it needs none.
    pub const fn permission(self) -> Option<Permission> {
        match self {
            Self::Public => None,
            Self::Reader => Some(Permission::Read),
            Self::Partner => Some(Permission::Write),
            Self::Worker => Some(Permission::Ingest),
            Self::Operator => Some(Permission::Operate),
        }
    }

    /// Identifies the caller and checks that it may call the route.
    async fn check(self, api: &Api, request: &ServiceRequest) -> Result<Caller, ApiError> {
        let Some(permission) = self.permission() else {
            return Ok(credential::if_valid(api, request.headers()));
        };
        if self == Self::Worker && !api.indexer().is_some_and(|indexer| indexer.pushes) {
            return Err(not_configured());
        }
        let caller = credential::identify(api, self, request).await?;
        // Before the decision: the audit log names the caller of a refused write.
        request.extensions_mut().insert(caller.clone());
        if caller.principal.may(permission) {
            return Ok(caller);
        }
        match (caller.principal.role(), self) {
            (Some(role), _) => Err(refused::role(role, permission)),
            (None, Self::Reader) if api.credentials().reads == Reads::Public => Ok(caller),
            (None, Self::Partner) if writes_are_open(api).await? => Ok(caller),
            (None, _) => Err(refused::anonymous(api, self).await),
        }
    }
}

/// Whether callers without a credential may write.
async fn writes_are_open(api: &Api) -> Result<bool, ApiError> {
    match api.writes() {
        Writes::Open => Ok(true),
        Writes::OpenWithoutKeys => Ok(!api.keys().are_used().await?),
        Writes::Refused => Ok(false),
    }
}

/// Calls the handler only if the client's quota for the class allows the request and the caller has the access that its route
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
        Some(api) => admit(api, access, limit, &request).await,
        None => Err(ApiError::new(ErrorKind::Internal, "the server has no state")),
    };
    match allowed {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            let response = next.call(request).await?.map_into_boxed_body();
            let changes_health = route.and_then(|route| ROUTES.get(route)).is_some_and(Route::changes_health);
            if changes_health && let Some(api) = response.request().app_data::<Data<Arc<Api>>>() {
                api.readings().change();
            }
            Ok(response)
        }
        Err(error) => Ok(request.error_response(error)),
    }
}

async fn admit(
    api: &Api,
    access: Access,
    limit: LimitClass,
    request: &ServiceRequest,
) -> Result<Caller, ApiError> {
    let (limits, now) = (api.limits(), api.now());
    // A caller with a credential is counted once it is identified, by itself; one whose credential is refused by its address.
    let is_anonymous = !credential::is_sent(request.headers());
    if is_anonymous {
        limits.charge(limit, None, request, now).await?;
    }
    check_connection(api, limit, request)?;
    match access.check(api, request).await {
        Ok(caller) if is_anonymous => Ok(caller),
        Ok(caller) => limits.charge(limit, Some(&caller.principal), request, now).await.map(|()| caller),
        // It was refused by the count already.
        Err(error) if error.kind == ErrorKind::RateLimited => Err(error),
        Err(error) => {
            if !is_anonymous || matches!(limit, LimitClass::Ingest | LimitClass::Operate) {
                limits.charge_refused(request, now).await?;
            }
            Err(error)
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
