use crate::http::Request;
use crate::sample;
use crate::server::TestServer;

#[test]
fn a_printable_request_id_is_accepted_and_any_other_replaced() {
    let mut server = TestServer::start();
    let id = |request: Request| {
        let response = server.send(&request);
        let id = response.header("x-request-id").unwrap();
        assert_eq!(response.header("x-correlation-id"), Some(id), "both headers have the id");
        id.to_owned()
    };
    let get = || Request::get("/x");
    let long = "x-".repeat(64);
    for taken in ["a", "order 7/b", "~!@#", &long] {
        assert_eq!(id(get().header("x-request-id", taken)), taken);
        assert_eq!(id(get().header("x-correlation-id", taken)), taken);
    }
    assert_eq!(id(get().header("x-correlation-id", "b").header("x-request-id", "a")), "a");
    assert_eq!(id(get().header("x-request-id", "").header("x-correlation-id", "b")), "b");
    let mut made = vec![id(get()), id(get())];
    for replaced in [
        "",
        "tab\tbed",
        "naïve",
        &format!("{}x", "x-".repeat(64)),
        sample::SECRET_KEY,
        "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
    ] {
        made.push(id(get().header("x-request-id", replaced)));
    }
    let count = made.len();
    assert!(made.iter().all(|id| id.len() == 36 && id.is_ascii()), "{made:?}");
    made.sort_unstable();
    made.dedup();
    assert_eq!(made.len(), count, "two requests got the same id");
    server.terminate();
}
