use serde_json::json;

use super::{FieldCase, check_fields, no_texts};
use crate::sample::{self, SECRET_KEY};

/// The muxed account that SEP-23 gives as its example.
const MUXED: &str = "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVAAAAAAAAAAAAAJLK";
/// The hash that SEP-23 gives as its example.
const HASH: &str = "XA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUWDQ";

fn cases(field: &'static str) -> Vec<FieldCase> {
    let mut mistyped = sample::account(9);
    mistyped.replace_range(10..11, if mistyped.as_bytes()[10] == b'A' { "B" } else { "A" });
    let invalid = [
        String::new(),
        " ".to_owned(),
        "treasury".to_owned(),
        mistyped,
        sample::account(9).to_lowercase(),
        format!("{} ", sample::account(9)),
        format!("{}A", sample::account(9)),
        sample::account(9)[..55].to_owned(),
        sample::account(9).replace('G', "1"),
        "é".repeat(28),
        "G".repeat(100_000),
        sample::contract(9),
        MUXED.to_owned(),
        HASH.to_owned(),
    ];
    let mut cases = vec![
        (field, None, "REQUIRED"),
        (field, Some(json!(null)), "INVALID_TYPE"),
        (field, Some(json!(SECRET_KEY)), "SECRET_KEY_REFUSED"),
        (field, Some(json!(SECRET_KEY.to_lowercase())), "SECRET_KEY_REFUSED"),
        (field, Some(json!(SECRET_KEY[..50])), "INVALID_ADDRESS"),
        (field, Some(json!("Stellar")), "INVALID_ADDRESS"),
    ];
    cases.extend(no_texts().map(|value| (field, Some(value), "INVALID_TYPE")));
    cases.extend(invalid.map(|text| (field, Some(json!(text)), "INVALID_ADDRESS")));
    cases
}

#[test]
fn a_sender_or_recipient_that_is_no_account_is_refused() {
    let mut cases = [cases("sender"), cases("recipient")].concat();
    cases.push(("recipient", Some(json!(sample::account(1))), "SENDER_IS_RECIPIENT"));
    check_fields(&cases);
}
