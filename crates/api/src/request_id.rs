use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The headers that carry the request id, in requests and in answers. The first one wins where a request has both.
pub(crate) const HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("x-request-id"), HeaderName::from_static("x-correlation-id")];
/// The longest id that is accepted, in characters.
const LONGEST: usize = 128;

/// The id of one request in headers, logs and error bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The id that the client sent, if it is 1 to 128 printable ASCII characters and does not look like a secret; a fresh
    /// one in all other cases.
    pub(crate) fn of(request: &ServiceRequest, fresh: impl FnOnce() -> String) -> Self {
        let sent = HEADERS.iter().find_map(|name| sent(request.headers(), name));
        let fresh = || HeaderValue::from_str(&fresh()).unwrap_or(HeaderValue::from_static("unknown"));
        Self(sent.unwrap_or_else(fresh))
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
    let text = value.to_str().ok()?;
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (printable && (1..=LONGEST).contains(&text.len()) && !looks_like_a_secret(text)).then(|| value.clone())
}

/// Beginnings of secrets, in lower case: an authorization header, a JSON web token, a webhook secret, an API key.
const SECRET_PREFIXES: [&str; 8] = ["bearer ", "basic ", "eyj", "whsec_", "flx_", "sk_", "sk-", "rk_"];
/// The length of a secret seed (`S…`) in base32.
const SEED_LENGTH: usize = 56;

/// Whether a part of the text may be a secret, which must not get into a log or an answer.
///
/// A seed counts whether its checksum is valid or not: with one mistyped character it still gives the key away.
fn looks_like_a_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_seed =
        |window: &[u8]| window.first() == Some(&b's') && window.iter().all(u8::is_ascii_alphanumeric);
    lower.as_bytes().windows(SEED_LENGTH).any(is_seed) || starts_of_words(&lower).any(begins_a_secret)
}

fn begins_a_secret(text: &str) -> bool {
    SECRET_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// The rest of the text from each of its words on.
fn starts_of_words(text: &str) -> impl Iterator<Item = &str> {
    let starts_here = |at: usize| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|before| !before.is_ascii_alphanumeric())
    };
    (0..text.len()).filter(move |at| starts_here(*at)).filter_map(|at| text.get(at..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const SEED: &str = "SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKR";

    #[track_caller]
    fn check(name: &str, value: &[u8], expect: &str) {
        let value = HeaderValue::from_bytes(value).unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let request = TestRequest::default().insert_header((name, value)).to_srv_request();
        assert_eq!(RequestId::of(&request, || "fresh".to_owned()).as_str(), expect);
    }

    #[test]
    fn a_printable_id_is_accepted_and_any_other_replaced() {
        check("x-request-id", b"abc-123", "abc-123");
        check("x-correlation-id", b"order 7", "order 7");
        check("x-request-id", &[b'x'; 128], &"x".repeat(128));
        check("x-request-id", &[b'x'; 129], "fresh");
        check("x-request-id", b"", "fresh");
        check("x-request-id", "naïve".as_bytes(), "fresh");
        check("x-request-id", b"tab\tbed", "fresh");
        check("x-other", b"abc", "fresh");
    }

    #[test]
    fn an_id_that_looks_like_a_secret_is_replaced() {
        for secret in [
            SEED,
            &SEED.to_lowercase(),
            &SEED.replace("KR", "KS"),
            &format!("key {SEED}"),
            &format!("key={SEED};"),
            "Bearer 0123456789",
            "authorization: bearer 0123456789",
            "Basic dXNlcjpwYXNz",
            "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
            "token=eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "flx_live_0123456789",
            "sk_live_0123456789",
            "sk-proj-0123456789",
            "id:rk_test_0123456789",
        ] {
            for name in ["x-request-id", "x-correlation-id"] {
                check(name, secret.as_bytes(), "fresh");
            }
        }
    }

    #[test]
    fn an_id_that_only_contains_the_letters_of_a_prefix_is_accepted() {
        for id in ["task_7", "desk-3", "keyjar", "basics of order 7", "01930000-0000-7000-8000-000000000001"]
        {
            check("x-request-id", id.as_bytes(), id);
        }
    }
}
