//! What an answer lacks of an earlier one. Members may be added to an answer; none may vanish or change.

use serde_json::Value;

/// One line for each value of `recorded` that is absent from `answer` or different there, with its JSON pointer.
pub(crate) fn differences(recorded: &Value, answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", recorded, answer, &mut found);
    found
}

fn compare(pointer: &str, recorded: &Value, answer: &Value, found: &mut Vec<String>) {
    match (recorded, answer) {
        (Value::Object(recorded), Value::Object(answer)) => {
            for (name, value) in recorded {
                let pointer = format!("{pointer}/{name}");
                match answer.get(name) {
                    Some(other) => compare(&pointer, value, other, found),
                    None => found.push(format!("{pointer}: absent, recorded {value}")),
                }
            }
        }
        (Value::Array(recorded), Value::Array(answer)) if recorded.len() == answer.len() => {
            for (index, (value, other)) in recorded.iter().zip(answer).enumerate() {
                compare(&format!("{pointer}/{index}"), value, other, found);
            }
        }
        _ if recorded == answer => {}
        _ => found.push(format!("{pointer}: {answer}, recorded {recorded}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(recorded: &Value, answer: &Value, expect: &[&str]) {
        assert_eq!(differences(recorded, answer), expect);
    }

    #[test]
    fn an_added_member_is_no_difference() {
        check(&json!({ "a": [{ "b": 1 }] }), &json!({ "a": [{ "b": 1, "c": 2 }], "d": null }), &[]);
    }

    #[test]
    fn a_vanished_member_is_a_difference() {
        check(&json!({ "a": { "b": null } }), &json!({ "a": {} }), &["/a/b: absent, recorded null"]);
    }

    #[test]
    fn a_changed_value_is_a_difference() {
        let recorded = json!({ "a": [{ "b": "1.0" }, true] });
        let answer = json!({ "a": [{ "b": "1.00" }, false] });
        check(&recorded, &answer, &["/a/0/b: \"1.00\", recorded \"1.0\"", "/a/1: false, recorded true"]);
        check(&json!({}), &json!([]), &[": [], recorded {}"]);
    }

    #[test]
    fn an_array_of_another_length_is_a_difference() {
        check(&json!({ "a": [1] }), &json!({ "a": [1, 2] }), &["/a: [1,2], recorded [1]"]);
        check(&json!({ "a": [1] }), &json!({ "a": [] }), &["/a: [], recorded [1]"]);
    }
}
