use serde_json::json;

use super::with;
use crate::envelope;
use crate::http::Request;
use crate::sample::{self, SECRET_KEY};
use crate::server::TestServer;

#[track_caller]
fn check(server: &TestServer, body: impl Into<Vec<u8>>, expect: &[(&str, &str)]) {
    envelope::invalid(&server.send(&Request::create(body)), expect);
}

#[test]
fn every_fault_of_a_body_is_reported_at_once_fields_then_rules_then_unknown_fields() {
    let mut server = TestServer::start();
    let nothing_given =
        ["sender", "recipient", "depositAmount", "ratePerSecond"].map(|field| (field, "REQUIRED"));
    check(&server, "{}", &nothing_given);
    let terms = with(&[
        ("note", Some(json!("rent"))),
        ("endTime", Some(json!(253_402_300_800_u64))),
        ("cliffTime", Some(json!(-1))),
        ("startTime", Some(json!("soon"))),
        ("ratePerSecond", Some(json!("-1"))),
        ("depositAmount", Some(json!(100))),
        ("recipient", Some(json!(sample::account(2).to_lowercase()))),
        ("sender", Some(json!(SECRET_KEY))),
    ]);
    check(
        &server,
        terms.to_string(),
        &[
            ("sender", "SECRET_KEY_REFUSED"),
            ("recipient", "INVALID_ADDRESS"),
            ("depositAmount", "DECIMAL_INVALID_TYPE"),
            ("startTime", "INVALID_TYPE"),
            ("cliffTime", "TIME_OUT_OF_RANGE"),
            ("ratePerSecond", "AMOUNT_NOT_POSITIVE"),
            ("endTime", "TIME_OUT_OF_RANGE"),
            ("note", "UNKNOWN_FIELD"),
        ],
    );
    let terms = with(&[
        ("recipient", Some(json!(sample::account(1)))),
        ("depositAmount", Some(json!("0"))),
        ("ratePerSecond", Some(json!("0"))),
        ("startTime", Some(json!(5))),
        ("cliffTime", Some(json!(4))),
        ("endTime", Some(json!(5))),
    ]);
    check(
        &server,
        terms.to_string(),
        &[
            ("recipient", "SENDER_IS_RECIPIENT"),
            ("depositAmount", "AMOUNT_NOT_POSITIVE"),
            ("ratePerSecond", "AMOUNT_NOT_POSITIVE"),
            ("endTime", "END_NOT_AFTER_START"),
            ("cliffTime", "CLIFF_OUTSIDE_STREAM"),
        ],
    );
    server.terminate();
}

#[test]
fn an_unknown_field_is_refused_by_its_name_if_that_is_fit_to_be_repeated() {
    let mut server = TestServer::start();
    for (name, shown) in [
        ("note", "note"),
        ("deposit_amount", "deposit_amount"),
        ("SENDER", "SENDER"),
        ("id", "id"),
        ("status", "status"),
        ("a.b-c_9", "a.b-c_9"),
        ("", "(unprintable)"),
        ("two words", "(unprintable)"),
        ("línea\n", "(unprintable)"),
        (SECRET_KEY, "(unprintable)"),
    ] {
        let terms = with(&[(name, Some(json!(1)))]);
        check(&server, terms.to_string(), &[(shown, "UNKNOWN_FIELD")]);
    }
    server.terminate();
}

#[test]
fn a_field_that_is_given_twice_is_refused_even_if_both_agree() {
    let mut server = TestServer::start();
    let terms = sample::stream().to_string();
    for (name, value) in [("sender", json!(sample::account(1))), ("depositAmount", json!("100"))] {
        let body = terms.replacen('{', &format!("{{\"{name}\":{value},"), 1);
        check(&server, body, &[(name, "DUPLICATE_FIELD")]);
    }
    let body = terms.replacen('{', "{\"endTime\":1,\"endTime\":2,\"endTime\":3,", 1);
    check(&server, body, &[("endTime", "DUPLICATE_FIELD")]);
    // The same name, written with an escape.
    let body = terms.replacen('{', "{\"\\u0073ender\":1,", 1);
    check(&server, body, &[("sender", "DUPLICATE_FIELD")]);
    server.terminate();
}

#[test]
fn a_body_of_ten_thousand_faults_is_answered_with_few() {
    let mut server = TestServer::start();
    let fields: Vec<_> = (0..10_000).map(|number| format!("\"x{number}\":0")).collect();
    let response = server.send(&Request::create(format!("{{{}}}", fields.join(","))));
    let found = envelope::details(&envelope::error(&response, 400, "VALIDATION_ERROR"));
    assert_eq!(found.len(), 50);
    assert_eq!(found[4], ("x0".to_owned(), "UNKNOWN_FIELD".to_owned()));
    server.terminate();
}
