//! Requests of browser pages that come from other origins.

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use thiserror::Error as ErrorDerive;

use crate::Api;
use crate::error::ApiError;

/// Headers of answers that a page may read, beside those that every page may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "allow, etag, idempotency-replayed, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, \
     x-correlation-id, x-request-id, x-streams-cut-at, x-streams-left-out",
);
/// Headers of requests that any page may send.
const READ_HEADERS: HeaderValue =
    HeaderValue::from_static("accept, if-none-match, last-event-id, x-correlation-id, x-request-id");
/// Headers of requests that a page of a listed origin may send.
const ALL_HEADERS: HeaderValue = HeaderValue::from_static(
    "accept, authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, x-correlation-id, \
     x-indexer-worker-token, x-operator-token, x-request-id",
);
const READ_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");
const ANY: HeaderValue = HeaderValue::from_static("*");
/// How long a browser remembers the answer to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const VARY: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// The origins whose pages may use the API in a browser. No cookie is used, so none is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// May read and write.
    listed: Vec<HeaderValue>,
    /// Whether pages of every origin may read.
    any_may_read: bool,
}

/// A text that is no list of origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ErrorDerive)]
#[error("entry {0} must be an origin such as https://app.example, or * for reads of every origin")]
pub struct InvalidOrigin(pub usize);

/// What the origin of a request may do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Grant {
    Nothing,
    Read,
    All(HeaderValue),
}

impl Cors {
    /// Reads origins separated by commas; `*` lets every origin read. An empty text names none.
    ///
    /// # Errors
    /// [`InvalidOrigin`] with the position of the first entry that is no origin, from 1.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let mut cors = Self::default();
        let entries = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
        for (position, entry) in (1..).zip(entries) {
            if entry == "*" {
                cors.any_may_read = true;
            } else {
                cors.listed.push(origin(entry).ok_or(InvalidOrigin(position))?);
            }
        }
        Ok(cors)
    }

    fn is_off(&self) -> bool {
        self.listed.is_empty() && !self.any_may_read
    }

    fn grant(&self, headers: &HeaderMap) -> Grant {
        match headers.get(header::ORIGIN) {
            Some(origin) if self.listed.contains(origin) => Grant::All(origin.clone()),
            Some(_) if self.any_may_read => Grant::Read,
            _ => Grant::Nothing,
        }
    }
}

/// An origin as browsers write it: in lower case, without a path and without the port that its scheme has by default.
fn origin(text: &str) -> Option<HeaderValue> {
    let lower = text.to_ascii_lowercase();
    let (scheme, authority) = lower.split_once("://")?;
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let of_authority = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    let is_sound =
        !authority.is_empty() && !authority.starts_with(':') && authority.bytes().all(of_authority);
    is_sound.then(|| HeaderValue::try_from(format!("{scheme}://{authority}")).ok())?
}

/// Answers preflights, and tells the browser which answers a page may read: errors too.
pub(crate) async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let cors =
        request.app_data::<Data<Arc<Api>>>().map(|api| api.cors().clone()).filter(|cors| !cors.is_off());
    let Some(cors) = cors else { return Ok(next.call(request).await?.map_into_boxed_body()) };
    let grant = cors.grant(request.headers());
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let response = next.call(request).await?.map_into_boxed_body();
    let mut response = if is_preflight { preflight(response, &grant) } else { response };
    let headers = response.headers_mut();
    headers.append(header::VARY, VARY);
    let allowed = match grant {
        Grant::Nothing => None,
        Grant::Read => Some(ANY).filter(|_| is_read || is_preflight),
        Grant::All(origin) => Some(origin),
    };
    if let Some(allowed) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if !is_preflight {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
    Ok(response)
}

/// The answer to a preflight: the methods of the path, as the route table refused `OPTIONS` with them. An unknown path stays a
/// 404.
fn preflight(response: ServiceResponse<BoxBody>, grant: &Grant) -> ServiceResponse<BoxBody> {
    let refused = response.response().error().and_then(Error::as_error::<ApiError>);
    let allow = refused.and_then(|refused| HeaderValue::try_from(refused.allow.as_deref()?).ok());
    let (methods, headers) = match (allow, grant) {
        (None, _) | (_, Grant::Nothing) => return response,
        (Some(allow), Grant::All(_)) => (allow, ALL_HEADERS),
        (Some(_), Grant::Read) => (READ_METHODS, READ_HEADERS),
    };
    let granted: [(HeaderName, HeaderValue); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, headers),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    let mut answer = HttpResponse::build(StatusCode::NO_CONTENT);
    granted.into_iter().for_each(|header| {
        answer.insert_header(header);
    });
    response.into_response(answer.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Location, ROUTES};

    #[track_caller]
    fn check(text: &str, expect: Result<(&[&str], bool), usize>) {
        let expect = expect.map_err(InvalidOrigin).map(|(listed, any_may_read)| Cors {
            listed: listed.iter().map(|origin| HeaderValue::from_str(origin).unwrap()).collect(),
            any_may_read,
        });
        assert_eq!(Cors::parse(text), expect, "{text:?}");
    }

    #[test]
    fn a_list_has_origins_as_browsers_write_them() {
        check("", Ok((&[], false)));
        check("*", Ok((&[], true)));
        check(
            "https://App.example , http://localhost:5173",
            Ok((&["https://app.example", "http://localhost:5173"], false)),
        );
        check(
            "*,https://app.example:443,http://[::1]:80",
            Ok((&["https://app.example", "http://[::1]"], true)),
        );
        for text in [
            "app.example",
            "https://",
            "https://a/",
            "https://a/b",
            "ftp://a",
            "https://a b",
            "https://u@a",
            "null",
        ] {
            check(text, Err(1));
        }
        check("https://a,,https://b", Err(2));
    }

    #[test]
    fn a_page_of_a_listed_origin_may_send_every_header_that_a_route_takes() {
        let allowed = ALL_HEADERS;
        let allowed: Vec<_> = allowed.to_str().unwrap().split(", ").collect();
        for route in &ROUTES {
            let parameters = route.doc.parameters.iter();
            let headers = parameters.filter(|parameter| parameter.location == Location::Header);
            for name in headers.map(|parameter| parameter.name).chain(route.access.header()) {
                assert!(allowed.contains(&name.to_ascii_lowercase().as_str()), "{name} of {}", route.path);
            }
        }
    }
}
