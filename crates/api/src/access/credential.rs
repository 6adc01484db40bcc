//! The credentials of a request.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap};
use fluxora_auth::{KEY_PREFIX, KeySecret, Principal, Refusal, SharedToken};

use super::{Access, Caller, OPERATOR_TOKEN, WORKER_TOKEN, refused};
use crate::Api;
use crate::error::ApiError;

/// Whether a request has a credential, right or wrong.
pub(super) fn is_sent(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
        || headers.contains_key(OPERATOR_TOKEN)
        || headers.contains_key(WORKER_TOKEN)
}

/// The caller of a route that everyone may call. A credential that is missing or wrong does not matter. API keys are not looked
/// up: a probe does not wait for storage.
pub(super) fn if_valid(api: &Api, headers: &HeaderMap) -> Caller {
    let token = shared(api, Access::Public, headers).unwrap_or_default();
    let caller = token.map(|token| Ok(of_token(token)));
    let caller = caller.or_else(|| {
        let bearer = bearer(headers).ok()??;
        Some(of_jwt(api, bearer))
    });
    caller.and_then(Result::ok).unwrap_or(Caller::ANONYMOUS)
}

/// The caller of a route that not everyone may call. A credential that is sent must be right.
///
/// # Errors
/// `UNAUTHORIZED` for a wrong token of the configuration; `CREDENTIALS_EXPIRED` or `CREDENTIALS_INVALID` for another credential;
/// `RATE_LIMITED` for a key that is not looked up.
pub(super) async fn identify(
    api: &Api,
    access: Access,
    request: &ServiceRequest,
) -> Result<Caller, ApiError> {
    let headers = request.headers();
    if let Some(token) = shared(api, access, headers)? {
        return Ok(of_token(token));
    }
    let Some(bearer) = bearer(headers)? else { return Ok(Caller::ANONYMOUS) };
    if bearer.starts_with(KEY_PREFIX) {
        return of_key(api, request, bearer).await;
    }
    of_jwt(api, bearer).map_err(refused::credential)
}

/// A damaged key is refused without a lookup, and so is one that this server has not seen, from an address that has sent many wrong
/// credentials. A key that it has seen is admitted from there, so that a flood does not lock out the neighbours of its sender.
async fn of_key(api: &Api, request: &ServiceRequest, text: &str) -> Result<Caller, ApiError> {
    let secret = KeySecret::parse(text).map_err(|_| refused::credential(Refusal::KeyText))?;
    let (hash, now) = (secret.hash(), api.now());
    if !api.keys().has_seen(&hash) {
        api.limits().check_refused(request, now)?;
    }
    let (principal, expires_at) = api.keys().find(&hash, now).await?.map_err(refused::credential)?;
    api.keys().record_use(&hash, now);
    Ok(Caller { principal, expires_at, key: Some(hash) })
}

const fn of_token(token: SharedToken) -> Caller {
    Caller::of(Principal::token(token))
}

/// The token of the configuration that a request has in its own header, if this access takes it. A header whose token is not
/// configured is not read.
fn shared(api: &Api, access: Access, headers: &HeaderMap) -> Result<Option<SharedToken>, ApiError> {
    let worker = api.indexer().and_then(|indexer| indexer.worker_token.as_ref());
    let operator = api.credentials().operator_token.as_ref();
    let tokens = [
        (SharedToken::Operator, OPERATOR_TOKEN, operator, access != Access::Worker),
        (SharedToken::Worker, WORKER_TOKEN, worker, matches!(access, Access::Worker | Access::Reader)),
    ];
    for (shared, header, token, taken) in tokens {
        if let Some(token) = token.filter(|_| taken && headers.contains_key(header)) {
            return token.check(headers, header).map(|()| Some(shared));
        }
    }
    Ok(None)
}

/// The credential in the header `Authorization`, which must have the scheme `Bearer`.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused::duplicate());
    }
    let credential = value.to_str().ok().and_then(|text| text.split_once(' '));
    match credential {
        Some((scheme, credential)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(credential.trim())),
        _ => Err(refused::scheme()),
    }
}

fn of_jwt(api: &Api, token: &str) -> Result<Caller, Refusal> {
    let jwt = api.credentials().jwt.as_ref().ok_or(Refusal::TokensAreOff)?;
    let verified = jwt.verify(token, api.now())?;
    Ok(Caller { expires_at: Some(verified.expires_at), ..Caller::of(verified.principal) })
}
