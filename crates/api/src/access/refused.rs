//! The errors of callers that may not call a route.

use fluxora_auth::{Permission, Refusal, Role};

use super::{Access, AuthFailure};
use crate::Api;
use crate::error::{ApiError, ErrorKind};

/// A credential that is wrong.
pub(super) fn credential(refusal: Refusal) -> ApiError {
    let kind = match refusal {
        Refusal::Expired => ErrorKind::CredentialsExpired,
        _ => ErrorKind::CredentialsInvalid,
    };
    ApiError::denied(kind, refusal.into(), refusal.to_string())
}

pub(super) fn duplicate() -> ApiError {
    let message = "send one header Authorization";
    ApiError::denied(ErrorKind::CredentialsInvalid, AuthFailure::Malformed, message)
}

pub(super) fn scheme() -> ApiError {
    let message = "the header Authorization must be Bearer and a JSON Web Token or an API key";
    ApiError::denied(ErrorKind::CredentialsInvalid, AuthFailure::Malformed, message)
}

/// A caller whose role does not have the permission.
pub(super) fn role(role: Role, permission: Permission) -> ApiError {
    let what = match permission {
        Permission::Read => "read streams and events",
        Permission::Write => "create and cancel streams or use webhooks",
        Permission::Ingest => "push contract events",
        Permission::Operate => "operate the server",
    };
    let message = format!("the role {role} may not {what}");
    ApiError::denied(ErrorKind::Forbidden, AuthFailure::Role, message)
}

/// A caller without a credential, on a route that requires one.
pub(super) async fn anonymous(api: &Api, access: Access) -> ApiError {
    let credentials = api.credentials();
    // While storage does not answer, the configuration alone decides how the refusal reads.
    let keys_are_used = api.keys().are_used().await.unwrap_or_default();
    match access {
        Access::Partner if !credentials.admit_partners() && !keys_are_used => writes_are_off(),
        Access::Operator if !credentials.admit_operators() && !keys_are_used => operator_is_off(),
        Access::Worker | Access::Operator => {
            let header = access.header().unwrap_or_default();
            missing(format!("send the token of this route in the header {header}, or Authorization: Bearer"))
        }
        Access::Public | Access::Reader | Access::Partner => {
            missing("send Authorization: Bearer and a JSON Web Token or an API key".to_owned())
        }
    }
}

fn missing(message: String) -> ApiError {
    ApiError::denied(ErrorKind::Unauthorized, AuthFailure::Missing, message)
}

fn writes_are_off() -> ApiError {
    ApiError::denied(
        ErrorKind::Forbidden,
        AuthFailure::Off,
        "writes are off: OPEN_WRITES is false, or this server listens beyond this machine (HOST) and has no authentication. \
         An operator can set JWT_SECRET, create an API key, or set OPEN_WRITES=true.",
    )
}

/// The refusal of contract events where they are not accepted.
pub(crate) fn not_configured() -> ApiError {
    ApiError::new(
        ErrorKind::IndexerNotConfigured,
        "this server takes no contract events: an operator has to set INDEXER_WORKER_TOKEN",
    )
}

fn operator_is_off() -> ApiError {
    let message = "operator actions are off: set OPERATOR_TOKEN to allow them";
    ApiError::denied(ErrorKind::Forbidden, AuthFailure::Off, message)
}
