use serde_json::{Value, json};

use super::{FieldCase, check_fields, faults, with};
use crate::http::Request;
use crate::server::TestServer;

/// 9999-12-31T23:59:59Z, the last second that terms may name, and the second after it.
const LAST: u64 = 253_402_300_799;
const TOO_LATE: u64 = LAST + 1;

fn cases(field: &'static str) -> Vec<FieldCase> {
    let out_of_range = [json!(-1), json!(1.5), json!(-0.0), json!(1e30), json!(1.8e19)];
    let no_numbers = [json!("1767225600"), json!(""), json!(true), json!([1]), json!({})];
    let mut cases = Vec::new();
    cases.extend(out_of_range.map(|value| (field, Some(value), "TIME_OUT_OF_RANGE")));
    cases.extend(no_numbers.map(|value| (field, Some(value), "INVALID_TYPE")));
    cases
}

#[test]
fn a_time_that_is_no_whole_number_of_seconds_is_refused() {
    check_fields(&["startTime", "cliffTime", "endTime"].map(cases).concat());
}

#[test]
fn times_that_contradict_each_other_or_the_calendar_are_refused() {
    let mut server = TestServer::start();
    let [start, cliff, end] = ["startTime", "cliffTime", "endTime"];
    let check = |times: &[(&str, u64)], expect: &[(&str, &str)]| {
        let times: Vec<_> = times.iter().map(|(name, time)| (*name, Some(Value::from(*time)))).collect();
        let found = faults(&server, &Request::create_json(&with(&times)));
        let found: Vec<_> = found.iter().map(|(field, code)| (field.as_str(), code.as_str())).collect();
        assert_eq!(found, expect, "{times:?}");
    };
    let end_too_early = [("endTime", "END_NOT_AFTER_START")];
    check(&[(start, 2_000), (end, 1_999)], &end_too_early);
    check(&[(start, 2_000), (end, 2_000)], &end_too_early);
    check(&[(end, 2_000)], &end_too_early);
    check(&[(start, 2_000), (end, 2_001)], &[]);

    let cliff_outside = [("cliffTime", "CLIFF_OUTSIDE_STREAM")];
    check(&[(start, 2_000), (cliff, 1_999)], &cliff_outside);
    check(&[(start, 2_000), (cliff, 2_101), (end, 2_100)], &cliff_outside);
    check(&[(start, 2_000), (cliff, 2_201)], &cliff_outside);
    check(&[(start, 2_000), (cliff, 2_000), (end, 2_100)], &[]);
    check(&[(start, 2_000), (cliff, 2_100), (end, 2_100)], &[]);
    check(&[(start, 2_000), (cliff, 2_200)], &[]);

    check(&[(start, TOO_LATE)], &[("startTime", "TIME_OUT_OF_RANGE")]);
    check(&[(start, 1_767_225_600_000)], &[("startTime", "TIME_OUT_OF_RANGE")]);
    check(&[(start, u64::MAX)], &[("startTime", "TIME_OUT_OF_RANGE")]);
    check(&[(end, TOO_LATE)], &[("endTime", "TIME_OUT_OF_RANGE")]);
    check(&[(start, LAST)], &[]);
    check(&[(end, LAST)], &[]);
    check(&[(start, LAST - 1), (cliff, LAST), (end, LAST)], &[]);
    server.terminate();
}

#[test]
fn a_time_that_is_null_is_absent() {
    let mut server = TestServer::start();
    let null = |name| (name, Some(Value::Null));
    let body = with(&[("startTime", Some(json!(2_000))), null("cliffTime"), null("endTime")]);
    let stream = server.send(&Request::create_json(&body)).expect(201);
    assert_eq!((stream.get("cliffTime"), stream["endTime"].as_u64()), (None, Some(2_200)), "{stream}");
    let now = server.send(&Request::create_json(&with(&[null("startTime")]))).expect(201);
    assert_eq!(now["startTime"], now["asOf"]);
    server.terminate();
}
