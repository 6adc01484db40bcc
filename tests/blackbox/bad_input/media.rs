use crate::envelope;
use crate::http::Request;
use crate::sample;
use crate::server::TestServer;

/// A gzip file that holds `{}`.
const GZIP: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";

#[test]
fn a_body_is_json_and_says_so() {
    let mut server = TestServer::start();
    let valid = || Request::create_json(&sample::stream());
    let of_type = |media_type: &str| valid().without("content-type").header("content-type", media_type);
    for fine in [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
    ] {
        server.send(&of_type(fine)).expect(201);
    }
    server.send(&valid().header("content-encoding", "identity")).expect(201);
    for refused in [
        valid().without("content-type"),
        of_type(""),
        of_type("text/plain"),
        of_type("application/x-www-form-urlencoded"),
        of_type("multipart/form-data; boundary=x"),
        of_type("application/jsonp"),
        of_type("application"),
        of_type("text/html, application/json"),
        valid().header("content-encoding", "gzip"),
        valid().header("content-encoding", "br"),
        Request::create(GZIP).header("content-encoding", "gzip"),
        valid().without("content-type").chunked(100),
    ] {
        envelope::error(&server.send(&refused), 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    envelope::invalid(&server.send(&Request::create(GZIP)), &[("body", "INVALID_UTF8")]);
    server.terminate();
}

#[test]
fn what_is_no_http_gets_a_400_and_the_server_lives_on() {
    let mut server = TestServer::start();
    let head = "POST /api/streams HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    for bytes in [
        "GET\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET /\0 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(),
        format!("{head}content-length: -1\r\n\r\n"),
        format!("{head}content-length: two\r\n\r\n{{}}"),
        format!("{head}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"),
        format!("{head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"),
    ] {
        let mut connection = server.connect();
        connection.write(bytes.as_bytes()).unwrap();
        assert_eq!(connection.read().unwrap().status, 400, "{bytes}");
        assert!(connection.is_closed().unwrap(), "{bytes}");
    }
    server.create(&sample::stream());
    server.terminate();
}
