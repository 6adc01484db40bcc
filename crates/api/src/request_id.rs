use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries the request id, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Another name clients use for it.
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const LONGEST: usize = 128;

/// The name of one request in headers, logs and error bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The id that the client sent, if it is 1 to 128 printable ASCII characters and no secret key; otherwise a made one.
    pub(crate) fn of(request: &ServiceRequest, make: impl FnOnce() -> String) -> Self {
        let sent = sent(request.headers(), &REQUEST_ID).or_else(|| sent(request.headers(), &CORRELATION_ID));
        let made = || HeaderValue::from_str(&make()).unwrap_or(HeaderValue::from_static("unknown"));
        Self(sent.unwrap_or_else(made))
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

fn sent(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let value = headers.get(name)?;
    let printable = value.as_bytes().iter().all(|byte| matches!(byte, b' '..=b'~'));
    (printable && (1..=LONGEST).contains(&value.len()) && !is_secret_key(value.as_bytes()))
        .then(|| value.clone())
}

/// Whether the value has the form of a secret key (`S…`, 56 characters), which must get into no log.
fn is_secret_key(value: &[u8]) -> bool {
    matches!(value, [b'S' | b's', rest @ ..] if rest.len() == 55 && rest.iter().all(u8::is_ascii_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[track_caller]
    fn check(name: &str, value: &[u8], expect: &str) {
        let value = HeaderValue::from_bytes(value).unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let request = TestRequest::default().insert_header((name, value)).to_srv_request();
        assert_eq!(RequestId::of(&request, || "made".to_owned()).as_str(), expect);
    }

    #[test]
    fn a_printable_id_is_taken_and_any_other_replaced() {
        check("x-request-id", b"abc-123", "abc-123");
        check("x-correlation-id", b"order 7", "order 7");
        check("x-request-id", &[b'x'; 128], &"x".repeat(128));
        check("x-request-id", &[b'x'; 129], "made");
        check("x-request-id", b"", "made");
        check("x-request-id", "naïve".as_bytes(), "made");
        check("x-request-id", b"tab\tbed", "made");
        check("x-other", b"abc", "made");
        check("x-request-id", b"SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKR", "made");
    }
}
