use actix_web::{HttpMessage, HttpRequest};
use fluxora_auth::{KeyHash, Permission, Principal};
use jiff::Timestamp;

use crate::{Api, HealthDetails};

/// The caller of a request, in the request's extensions from the access check on.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    /// From when on the credential is refused; `None` if it does not expire.
    pub(crate) expires_at: Option<Timestamp>,
    /// The API key that was sent.
    pub(crate) key: Option<KeyHash>,
}

impl Caller {
    pub(crate) const ANONYMOUS: Self = Self::of(Principal::ANONYMOUS);

    /// A caller whose credential does not expire.
    pub(crate) const fn of(principal: Principal) -> Self {
        Self { principal, expires_at: None, key: None }
    }

    /// The caller of a request that passed the access check.
    pub(crate) fn of_request(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or(Self::ANONYMOUS)
    }

    /// Whether the caller may go on reading: its credential has neither expired nor been revoked since the request. That holds also
    /// where reads are public: a request with the credential would be refused. While keys cannot be read, a revocation does not
    /// count.
    pub(crate) async fn may_read_on(&self, api: &Api) -> bool {
        if self.expires_at.is_some_and(|end| end <= api.now()) {
            return false;
        }
        match &self.key {
            None => true,
            Some(hash) => api.keys().find(hash, api.now()).await.map_or(true, |found| found.is_ok()),
        }
    }
}

/// The caller of a request. A request that was refused before its caller was identified has an anonymous one.
pub fn principal(request: &HttpRequest) -> Principal {
    Caller::of_request(request).principal
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
