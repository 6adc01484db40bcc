use crate::envelope;
use crate::http::{Connection, Request};
use crate::sample;
use crate::server::TestServer;

/// The largest body that is taken.
const LIMIT: usize = 256 * 1024;

fn nested(depth: usize) -> String {
    format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
}

/// Valid terms in exactly this many bytes.
fn padded(bytes: usize) -> String {
    let terms = sample::stream().to_string();
    let padding = " ".repeat(bytes - terms.len());
    terms + &padding
}

#[test]
fn a_body_that_is_no_json_object_is_refused_by_its_own_code() {
    let mut server = TestServer::start();
    let valid = sample::stream().to_string();
    let array = format!("[{valid}]");
    let (garbage, twice, cut) = (format!("{valid}x"), format!("{valid}{valid}"), &valid[..valid.len() - 1]);
    let (deep, unclosed) = (nested(21), "[".repeat(LIMIT));
    let utf_16: Vec<u8> = valid.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let not_object: [&[u8]; 7] = [b"null", b"[]", b"7", b"-1.5", b"true", b"\"{}\"", array.as_bytes()];
    let not_json: [&[u8]; 16] = [
        b" ",
        b"{",
        b"}",
        b"nul",
        b"'a'",
        b"{a:1}",
        b"{\"a\":1,}",
        b"{\"a\":01}",
        b"{\"a\":NaN}",
        b"{\"a\":1e999}",
        b"{\"a\":\"\n\"}",
        b"{\"a\":\"\\ud800\"}",
        b"/* */{}",
        b"\xef\xbb\xbf{}",
        garbage.as_bytes(),
        twice.as_bytes(),
    ];
    let not_utf_8: [&[u8]; 3] = [b"\xff", b"{\"sender\":\"\xc3\x28\"}", b"{\"\xed\xa0\x80\":1}"];
    let mut cases = Vec::new();
    cases.extend(not_object.map(|body| (body, "BODY_NOT_OBJECT")));
    cases.extend(not_json.map(|body| (body, "INVALID_JSON")));
    cases.extend(not_utf_8.map(|body| (body, "INVALID_UTF8")));
    cases.extend([(cut.as_bytes(), "INVALID_JSON"), (&utf_16, "INVALID_JSON")]);
    cases.extend([(deep.as_bytes(), "BODY_TOO_DEEP"), (unclosed.as_bytes(), "BODY_TOO_DEEP")]);
    for (body, code) in cases {
        envelope::invalid(&server.send(&Request::create(body)), &[("body", code)]);
    }
    let missing = ["sender", "recipient", "depositAmount", "ratePerSecond"].map(|field| (field, "REQUIRED"));
    let deepest = server.send(&Request::create(nested(20)));
    envelope::invalid(&deepest, &[&missing[..], &[("a", "UNKNOWN_FIELD")]].concat());
    server.create(&sample::stream());
    server.terminate();
}

#[test]
fn no_body_at_all_is_said_to_be_missing() {
    let mut server = TestServer::start();
    let required = [("body", "REQUIRED")];
    envelope::invalid(&server.send(&Request::create("")), &required);
    envelope::invalid(&server.send(&Request::create("").header("content-length", "0")), &required);
    envelope::invalid(&server.send(&Request::create("").chunked(1)), &required);
    envelope::invalid(&server.send(&Request::new("POST", "/api/streams")), &required);
    server.terminate();
}

#[test]
fn a_body_has_at_most_256_kib_to_the_byte() {
    let mut server = TestServer::start();
    server.send(&Request::create(padded(LIMIT))).expect(201);
    server.send(&Request::create(padded(LIMIT)).chunked(10_000)).expect(201);
    let too_large = Request::create(padded(LIMIT + 1));
    envelope::error(&server.send(&too_large), 413, "PAYLOAD_TOO_LARGE");
    envelope::error(&server.send(&too_large.clone().chunked(10_000)), 413, "PAYLOAD_TOO_LARGE");
    envelope::error(&server.send(&too_large.chunked(LIMIT + 1)), 413, "PAYLOAD_TOO_LARGE");
    server.terminate();
}

#[test]
fn a_body_that_is_announced_too_large_is_refused_before_it_is_sent() {
    let mut server = TestServer::start();
    for announced in ["262145", "10000000000", "18446744073709551615"] {
        let mut connection = server.connect();
        connection.write(&Request::create("").header("content-length", announced).head()).unwrap();
        envelope::error(&connection.read().unwrap(), 413, "PAYLOAD_TOO_LARGE");
    }
    server.terminate();
}

#[test]
fn a_body_that_breaks_off_is_refused_and_writes_nothing() {
    let mut server = TestServer::start();
    let whole = sample::stream().to_string();
    let announced = Request::create("").header("content-length", whole.len().to_string());
    let chunked = Request::create("").header("transfer-encoding", "chunked");
    let half = &whole[..whole.len() / 2];
    let half_chunk = format!("{:x}\r\n{half}", whole.len());
    for (request, part) in [(announced, half), (chunked, half_chunk.as_str())] {
        let mut connection: Connection = server.connect();
        connection.write(&request.head()).unwrap();
        connection.write(part.as_bytes()).unwrap();
        connection.finish_writing().unwrap();
        envelope::invalid(&connection.read().unwrap(), &[("body", "INVALID_JSON")]);
    }
    // A client that goes away altogether.
    let mut connection = server.connect();
    connection.write(&Request::create(whole.as_bytes()).head()).unwrap();
    drop(connection);
    assert_eq!(server.get("/api/streams?includeTotal=true").expect(200)["total"], 0);
    server.terminate();
}
