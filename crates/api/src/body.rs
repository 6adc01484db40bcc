use std::fmt;
use std::time::Duration;

use actix_server::GracefulShutdownSignal;
use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio::time::sleep;

use crate::connection;
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;

/// The largest accepted body, in bytes.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
/// The deepest accepted nesting of arrays and objects.
const MAX_DEPTH: u32 = 20;
/// The time in which a body has to arrive.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The time that the rest of a body has after the server begins to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The members of a JSON object in the order of the request, with repetitions.
pub(crate) type JsonObject = Vec<(String, JsonValue)>;

/// The elements of an array that are kept: one more than any list may have.
const MAX_ELEMENTS: usize = 101;

/// A JSON value with the detail that fields need.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonValue {
    Null,
    Bool(bool),
    /// A non-negative integer.
    Count(u64),
    /// Any other number.
    Number,
    Text(String),
    /// Of a long array, the first 101 elements.
    Array(Vec<JsonValue>),
    Object(JsonObject),
}

impl JsonValue {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Count(_) | Self::Number => "a number",
            Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Reads the body of a request as one JSON object.
///
/// The cost is bounded for any input: the headers are checked first, at most [`MAX_BYTES`] are buffered, and the depth is
/// counted before parsing.
pub(crate) async fn members(request: &HttpRequest, payload: Payload) -> Result<JsonObject, ApiError> {
    parse(&bytes(request, payload).await?)
}

/// The same for a request that needs no body: an empty one has no members.
pub(crate) async fn optional_members(
    request: &HttpRequest,
    payload: Payload,
) -> Result<JsonObject, ApiError> {
    let bytes = bytes(request, payload).await?;
    if bytes.is_empty() { Ok(Vec::new()) } else { parse(&bytes) }
}

/// Reads the body of a request whose media type is JSON, at the cost of [`members`].
pub(crate) async fn bytes(request: &HttpRequest, payload: Payload) -> Result<Bytes, ApiError> {
    let declared = declared_length(request);
    if declared.is_some_and(|bytes| bytes > MAX_BYTES) {
        return Err(too_large());
    }
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    if declared.is_some_and(|bytes| bytes > 0) || chunked {
        check_media_type(request)?;
    }
    let late = |message| Err(ApiError::new(ErrorKind::RequestTimeout, message));
    let body = tokio::select! {
        biased;
        body = read(payload) => body?,
        () = sleep(TIMEOUT) => return late("the body did not arrive within 15 seconds"),
        () = stopped(request) => return late("the body did not arrive within 5 seconds of the server's stop"),
    };
    connection::body_ended(request);
    Ok(body)
}

/// Waits until the server has been stopping for [`STOP_TIMEOUT`].
async fn stopped(request: &HttpRequest) {
    let Some(stop) = request.app_data::<GracefulShutdownSignal>() else {
        return std::future::pending().await;
    };
    stop.notified().await;
    sleep(STOP_TIMEOUT).await;
}

fn declared_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn check_media_type(request: &HttpRequest) -> Result<(), ApiError> {
    let refused = |message| Err(ApiError::new(ErrorKind::UnsupportedMediaType, message));
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return refused("send the body without a content encoding");
    }
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next()).map(str::trim);
    match essence {
        Some(essence) if essence.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => refused("send JSON: content-type: application/json"),
    }
}

async fn read(mut payload: Payload) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| ApiError {
            cause: Some(error.to_string().into()),
            ..ApiError::invalid_body(
                FieldCode::InvalidJson,
                "the connection closed before the end of the body",
            )
        })?;
        if body.len().saturating_add(chunk.len()) > MAX_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large() -> ApiError {
    ApiError::new(ErrorKind::PayloadTooLarge, "a body has at most 256 KiB (262144 bytes)")
}

fn parse(body: &[u8]) -> Result<JsonObject, ApiError> {
    match parse_as(body)? {
        JsonValue::Object(members) => Ok(members),
        other => Err(not_an_object(other.kind())),
    }
}

/// Parses a body that is not empty, UTF-8, and nested at most 20 deep.
///
/// # Errors
/// `VALIDATION_ERROR` with the code of the first rule that the body breaks.
pub(crate) fn parse_as<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, ApiError> {
    if body.is_empty() {
        return Err(ApiError::invalid_body(
            FieldCode::Required,
            "the body must be a JSON object, but it is empty",
        ));
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(ApiError::invalid_body(FieldCode::InvalidUtf8, "the body is not UTF-8"));
    };
    if too_deep(body) {
        return Err(ApiError::invalid_body(FieldCode::BodyTooDeep, "the body is nested deeper than 20"));
    }
    serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            return not_an_object("another value");
        }
        // The message of the parser may quote the body, which may hold a secret.
        let (line, column) = (error.line(), error.column());
        let message = format!("the body is not JSON: see line {line}, column {column}");
        ApiError::invalid_body(FieldCode::InvalidJson, message)
    })
}

fn not_an_object(kind: &str) -> ApiError {
    ApiError::invalid_body(FieldCode::BodyNotObject, format!("the body must be a JSON object, not {kind}"))
}

/// Whether arrays and objects are nested too deeply: counts the brackets outside of strings.
fn too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth = depth.saturating_add(1),
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

struct Anything;

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = JsonValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<JsonValue, E> {
        Ok(JsonValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<JsonValue, E> {
        Ok(JsonValue::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<JsonValue, E> {
        Ok(JsonValue::Count(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<JsonValue, E> {
        Ok(JsonValue::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<JsonValue, E> {
        Ok(JsonValue::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<JsonValue, E> {
        Ok(JsonValue::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<JsonValue, A::Error> {
        let mut elements = Vec::new();
        while elements.len() < MAX_ELEMENTS {
            let Some(element) = seq.next_element()? else { return Ok(JsonValue::Array(elements)) };
            elements.push(element);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(JsonValue::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonValue, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(JsonValue::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(body: &[u8], code: &str) {
        let error = parse(body).unwrap_err();
        assert_eq!((error.details[0].field.as_ref(), error.details[0].code.as_str()), ("body", code));
    }

    #[test]
    fn members_are_in_the_order_of_the_body_with_repetitions() {
        let members = parse(br#"{"a":1,"b":"x","a":null,"c":[1,[2]],"d":-1,"e":true}"#).unwrap();
        let expect = [
            ("a", JsonValue::Count(1)),
            ("b", JsonValue::Text("x".into())),
            ("a", JsonValue::Null),
            ("c", JsonValue::Array(vec![JsonValue::Count(1), JsonValue::Array(vec![JsonValue::Count(2)])])),
            ("d", JsonValue::Number),
            ("e", JsonValue::Bool(true)),
        ];
        assert_eq!(members, expect.map(|(name, given)| (name.to_owned(), given)));
    }

    #[test]
    fn a_long_array_is_cut_behind_the_longest_list() {
        let members = parse(format!("{{\"a\":[{}1]}}", "1,".repeat(1_000)).as_bytes()).unwrap();
        assert_eq!(members, [("a".to_owned(), JsonValue::Array(vec![JsonValue::Count(1); MAX_ELEMENTS]))]);
    }

    #[test]
    fn each_body_that_is_no_json_object_has_its_code() {
        refused(b"", "REQUIRED");
        refused(b"\xff", "INVALID_UTF8");
        refused(b"{", "INVALID_JSON");
        refused(b"{} {}", "INVALID_JSON");
        refused(b"{\"a\":1e400}", "INVALID_JSON");
        for body in ["null", "[]", "1", "-1.5", "true", "\"{}\""] {
            refused(body.as_bytes(), "BODY_NOT_OBJECT");
        }
    }

    #[test]
    fn nesting_is_counted_outside_of_strings_only() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(parse(nested(20).as_bytes()).is_ok());
        refused(nested(21).as_bytes(), "BODY_TOO_DEEP");
        assert!(parse(format!(r#"{{"a":"\"{}"}}"#, "[".repeat(99)).as_bytes()).is_ok());
        refused(&[b'['; MAX_BYTES], "BODY_TOO_DEEP");
    }

    #[test]
    fn an_error_does_not_quote_the_body() {
        let error =
            parse(br#"{"sender": SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKR}"#).unwrap_err();
        assert!(!format!("{error:?}").contains("SBU2"), "{error:?}");
    }
}
