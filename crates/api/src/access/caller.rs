use actix_web::{HttpMessage, HttpRequest};
use fluxora_auth::{Permission, Principal};

use crate::{Api, HealthDetails};

/// The caller of a request, in the request's extensions from the access check on.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
}

impl Caller {
    pub(crate) const ANONYMOUS: Self = Self { principal: Principal::ANONYMOUS };
}

/// The caller of a request. A request that was refused before its caller was identified has an anonymous one.
pub fn principal(request: &HttpRequest) -> Principal {
    request.extensions().get::<Caller>().map_or(Principal::ANONYMOUS, |caller| caller.principal.clone())
}

impl Api {
    /// Whether the details of `/health` are shown to the caller of a request.
    pub(crate) fn shows_details(&self, request: &HttpRequest) -> bool {
        match self.health_details() {
            HealthDetails::Public => true,
            HealthDetails::Operator => principal(request).may(Permission::Operate),
        }
    }
}
