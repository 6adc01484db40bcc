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
    /// The id that the client sent, if it is 1 to 128 printable ASCII characters, does not look like a secret and `is_secret`
    /// does not know it as one; a fresh one in all other cases.
    pub(crate) fn of(
        request: &ServiceRequest,
        is_secret: impl Fn(&str) -> bool,
        fresh: impl FnOnce() -> String,
    ) -> Self {
        let sent = HEADERS.iter().find_map(|name| sent(request.headers(), name, &is_secret));
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

fn sent(headers: &HeaderMap, name: &HeaderName, is_secret: impl Fn(&str) -> bool) -> Option<HeaderValue> {
    let value = headers.get(name)?;
    let text = value.to_str().ok()?;
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let secret = || looks_like_a_secret(text) || is_secret(text);
    (printable && (1..=LONGEST).contains(&text.len()) && !secret()).then(|| value.clone())
}

/// Beginnings of secrets, in lower case: authorization headers, JSON web tokens, webhook secrets, API keys and access tokens of
/// well-known services.
const SECRET_PREFIXES: [&str; 24] = [
    "bearer ",
    "basic ",
    "token ",
    "apikey ",
    "eyj",
    "whsec_",
    "flx_",
    "sk_",
    "sk-",
    "rk_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "akia",
    "asia",
    "npm_",
    "aiza",
];
/// An id of letters and digits alone is no longer than this: ids of traces have 32. Seeds, hashes and keys are longer.
const LONGEST_WORD: usize = 40;

/// Whether a part of the text may be a secret, which must not get into a log or an answer: it begins as secrets do, is a long
/// word of letters and digits (a secret seed, with or without a valid checksum), or a URL with a password.
fn looks_like_a_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut words = lower.split(|other: char| !other.is_ascii_alphanumeric());
    words.any(|word| word.len() > LONGEST_WORD)
        || has_password(&lower)
        || starts_of_words(&lower).any(begins_a_secret)
}

/// Whether it is a URL with user information: `scheme://user:password@host`.
fn has_password(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
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
        let id = RequestId::of(&request, |text| text.contains("configured"), || "fresh".to_owned());
        assert_eq!(id.as_str(), expect);
    }

    #[test]
    fn a_printable_id_is_accepted_and_any_other_replaced() {
        check("x-request-id", b"abc-123", "abc-123");
        check("x-correlation-id", b"order 7", "order 7");
        check("x-request-id", &[b'-'; 128], &"-".repeat(128));
        check("x-request-id", &[b'-'; 129], "fresh");
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
            "ghp_0123456789",
            "id=github_pat_0123456789",
            "xoxb-0123456789",
            "AKIAIOSFODNN7EXAMPLE",
            "Token 0123456789",
            "postgres://user:password@host/database",
            &"a1".repeat(21),
            "the configured token",
        ] {
            for name in ["x-request-id", "x-correlation-id"] {
                check(name, secret.as_bytes(), "fresh");
            }
        }
    }

    #[test]
    fn ids_of_common_tracing_tools_are_accepted() {
        for id in [
            "01930000-0000-7000-8000-000000000001",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "1srOrx2ZWZBpBUvZwXKQmoEYga2",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "Root=1-67891233-abcdef012345678912345678",
        ] {
            check("x-request-id", id.as_bytes(), id);
        }
    }

    #[test]
    fn an_id_that_only_contains_the_letters_of_a_prefix_is_accepted() {
        for id in ["task_7", "desk-3", "keyjar", "basics of order 7"] {
            check("x-request-id", id.as_bytes(), id);
        }
    }
}
