use crate::envelope;
use crate::sample;
use crate::server::TestServer;

#[track_caller]
fn refused(server: &TestServer, query: &str, expect: &[(&str, &str)]) {
    envelope::invalid(&server.get(&format!("/api/streams?{query}")), expect);
}

#[test]
fn a_cursor_is_valid_for_its_own_list_only() {
    let mut server = TestServer::start();
    let [id, ..] = [(); 3].map(|()| server.create(&sample::stream())["id"].as_str().unwrap().to_owned());
    server.cancel(&id);
    let cursor = |target: &str| server.get(target).expect(200)["nextCursor"].as_str().unwrap().to_owned();
    let all = cursor("/api/streams?limit=1");
    let of_one = cursor(&format!("/api/streams?limit=1&sender={}", sample::account(1)));
    let of_events = cursor(&format!("/api/streams/{id}/events?limit=1"));

    let foreign = [("cursor", "INVALID_CURSOR")];
    refused(&server, &format!("sender={}&cursor={all}", sample::account(1)), &foreign);
    refused(&server, &format!("sender={}&cursor={of_one}", sample::account(2)), &foreign);
    refused(&server, &format!("recipient={}&cursor={of_one}", sample::account(1)), &foreign);
    refused(&server, &format!("status=active&cursor={all}"), &foreign);
    refused(&server, &format!("origin=api&cursor={all}"), &foreign);
    refused(&server, &format!("updatedSince=0&cursor={all}"), &foreign);
    let (upper, longer, shorter) = (all.to_uppercase(), format!("{all}0"), &all[1..]);
    for other in [&of_one, &of_events, &upper, &longer, shorter, "", "0", "eyJpZCI6MX0=", "%00", "-1"] {
        if other != all {
            refused(&server, &format!("cursor={other}"), &foreign);
        }
    }
    let with_more = format!("/api/streams?cursor={all}&includeTotal=true&limit=2");
    assert_eq!(server.get(&with_more).expect(200)["streams"].as_array().unwrap().len(), 2);
    server.terminate();
}

#[test]
fn a_page_has_1_to_100_streams_and_20_by_default() {
    let mut server = TestServer::start();
    for _ in 0..101 {
        server.create(&sample::stream());
    }
    for (query, expect) in [("", 20), ("?limit=1", 1), ("?limit=100", 100), ("?limit=007", 7)] {
        let page = server.get(&format!("/api/streams{query}")).expect(200);
        assert_eq!(page["streams"].as_array().unwrap().len(), expect, "{query}");
        assert_eq!((&page["hasMore"], page.get("total")), (&true.into(), None), "{query}");
    }
    for limit in ["0", "101", "-1", "1.5", "", "ten", "99999999999999999999", "1e1", "0x10"] {
        refused(&server, &format!("limit={limit}"), &[("limit", "INVALID_VALUE")]);
    }
    assert_eq!(server.get("/api/streams?includeTotal=true").expect(200)["total"], 101);
    assert_eq!(server.get("/api/streams?includeTotal=false").expect(200).get("total"), None);
    server.terminate();
}

#[test]
fn an_invalid_parameter_is_refused_and_all_are_reported_at_once() {
    let mut server = TestServer::start();
    for total in ["1", "yes", "TRUE", ""] {
        refused(&server, &format!("includeTotal={total}"), &[("includeTotal", "INVALID_VALUE")]);
    }
    for status in ["", "Active", "running", "active,paused"] {
        refused(&server, &format!("status={status}"), &[("status", "INVALID_VALUE")]);
    }
    for origin in ["", "API", "web"] {
        refused(&server, &format!("origin={origin}"), &[("origin", "INVALID_VALUE")]);
    }
    let cut = &sample::contract(1)[..55];
    let account = sample::account(1);
    for contract in ["", "%0a", "unknown", cut, &account, &sample::contract(1).to_lowercase()] {
        refused(&server, &format!("contractId={contract}"), &[("contractId", "INVALID_ADDRESS")]);
    }
    for since in ["", "soon", "-1", "1.5", "2026-01-01", "20260101T000000Z", "2026-01-01T00:00:60Z"] {
        refused(&server, &format!("updatedSince={since}"), &[("updatedSince", "INVALID_VALUE")]);
    }
    refused(&server, "sender=", &[("sender", "INVALID_ADDRESS")]);
    refused(
        &server,
        &format!("sender={}", sample::account(1).to_lowercase()),
        &[("sender", "INVALID_ADDRESS")],
    );
    refused(&server, "recipient=GABC", &[("recipient", "INVALID_ADDRESS")]);
    refused(&server, "page=2", &[("query", "UNKNOWN_FIELD")]);
    refused(&server, "Limit=2", &[("query", "UNKNOWN_FIELD")]);
    refused(&server, "offset=1&page=2", &[("query", "UNKNOWN_FIELD")]);
    refused(&server, "limit=1&limit=1", &[("limit", "DUPLICATE_FIELD")]);
    refused(&server, "status=active&status=paused", &[("status", "DUPLICATE_FIELD")]);
    refused(
        &server,
        "page=1&cursor=x&includeTotal=2&limit=0&origin=x&recipient=x&sender=x&status=x&updatedSince=x",
        &[
            ("status", "INVALID_VALUE"),
            ("sender", "INVALID_ADDRESS"),
            ("recipient", "INVALID_ADDRESS"),
            ("origin", "INVALID_VALUE"),
            ("updatedSince", "INVALID_VALUE"),
            ("limit", "INVALID_VALUE"),
            ("includeTotal", "INVALID_VALUE"),
            ("cursor", "INVALID_CURSOR"),
            ("query", "UNKNOWN_FIELD"),
        ],
    );
    server.terminate();
}
