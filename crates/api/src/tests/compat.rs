//! The profiles for clients of the earlier backend.

mod frontend;
mod recorded;
mod rules;
mod sdk;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A header of an answer; empty without it.
fn header<'a>(answered: &'a Answered, name: &str) -> &'a str {
    answered.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

fn rows(answered: &Answered) -> &Vec<Value> {
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
    answered.body["data"].as_array().unwrap()
}
