use serde_json::json;

use super::{FieldCase, check_fields, faults, no_texts, with};
use crate::http::Request;
use crate::server::TestServer;

const LARGEST: &str = "9223372036854775807";

fn cases(field: &'static str) -> Vec<FieldCase> {
    let mut cases = vec![
        (field, None, "REQUIRED"),
        (field, Some(json!("")), "DECIMAL_EMPTY_VALUE"),
        (field, Some(json!(null)), "DECIMAL_EMPTY_VALUE"),
    ];
    cases.extend(no_texts().map(|value| (field, Some(value), "DECIMAL_INVALID_TYPE")));
    let malformed = [
        " ", " 1", "1 ", "one", "1e5", "1E-7", "0x10", "1_000", "1,000", ".5", "5.", "++1", "NaN", "inf",
        "١", "1\0",
    ];
    cases.extend(malformed.map(|text| (field, Some(json!(text)), "DECIMAL_INVALID_FORMAT")));
    for text in ["0", "-0", "0.0000000", "-1", "-0.0000001", "-9223372036854775807"] {
        cases.push((field, Some(json!(text)), "AMOUNT_NOT_POSITIVE"));
    }
    for text in ["1.00000000", "0.00000001", "9223372036854775808", "-9223372036854775808"] {
        cases.push((field, Some(json!(text)), "DECIMAL_OUT_OF_RANGE"));
    }
    cases.push((field, Some(json!("9".repeat(100))), "DECIMAL_OUT_OF_RANGE"));
    cases.push((field, Some(json!("9".repeat(200_000))), "DECIMAL_OUT_OF_RANGE"));
    cases
}

#[test]
fn a_deposit_that_is_no_positive_amount_is_refused() {
    check_fields(&cases("depositAmount"));
}

#[test]
fn a_rate_that_is_no_positive_amount_is_refused() {
    check_fields(&cases("ratePerSecond"));
}

/// Deposit, rate and start; what is wrong with them together.
#[track_caller]
fn check(server: &TestServer, deposit: &str, rate: &str, start: u64, expect: &[(&str, &str)]) {
    let [deposit, rate] =
        [("depositAmount", deposit), ("ratePerSecond", rate)].map(|(name, text)| (name, Some(json!(text))));
    let found =
        faults(server, &Request::create_json(&with(&[deposit, rate, ("startTime", Some(json!(start)))])));
    let found: Vec<_> = found.iter().map(|(field, code)| (field.as_str(), code.as_str())).collect();
    assert_eq!(found, expect);
}

#[test]
fn a_deposit_lasts_at_least_one_second_and_ends_by_a_second_that_javascript_reads_exactly() {
    let mut server = TestServer::start();
    let below = [("depositAmount", "DEPOSIT_BELOW_RATE")];
    check(&server, "1", "1.0000001", 0, &below);
    check(&server, "0.0000001", LARGEST, 0, &below);
    check(&server, "1", "1", 0, &[]);

    let never = [("ratePerSecond", "RATE_TOO_LOW")];
    check(&server, "900719925.4740991", "0.0000001", 0, &[]);
    check(&server, "900719925.4740992", "0.0000001", 0, &never);
    check(&server, "900719925.4740991", "0.0000001", 1, &never);
    check(&server, LARGEST, "0.0000001", 0, &never);
    check(&server, LARGEST, LARGEST, 0, &[]);
    server.terminate();
}
