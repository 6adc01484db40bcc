//! The arguments of an invocation: it decides only with those of the event, each at its place.

use serde_json::{Value, json};

use super::called::{RELAYER, call, terms, with};
use super::tests::{RECIPIENT, SENDER, created, transaction};
use crate::InvocationSource;
use crate::projection::invocation_of;

/// Whether a call whose arguments are known from its authorization is taken as the call of the event.
fn decides(payload: &str, function: &str, arguments: &Value) -> bool {
    let event = transaction(60, [payload.to_owned()]).remove(0);
    let call = call(&event.contract, function, arguments, &InvocationSource::Pushed);
    invocation_of(&event, &[call]).is_some()
}

fn rate_updated(stream: u64, rate: u64) -> String {
    format!(
        r#"{{"topic":["rate_upd","{stream}"],"value":{{"stream_id":"{stream}","old_rate_per_second":"1","new_rate_per_second":"{rate}","effective_time":"60"}}}}"#
    )
}

#[test]
fn a_call_for_another_stream_or_rate_never_decides_a_change_of_a_rate() {
    let numbers = || 1..=4_u64;
    let text = |number: u64| Value::from(number.to_string());
    for (stream, rate) in numbers().flat_map(|stream| numbers().map(move |rate| (stream, rate))) {
        let payload = rate_updated(stream, rate);
        for (one, two) in numbers().flat_map(|one| numbers().map(move |two| (one, two))) {
            let is_meant = (one, two) == (stream, rate);
            let check = |function: &str, arguments: Value, expect: bool| {
                assert_eq!(
                    decides(&payload, function, &arguments),
                    expect,
                    "{payload} {function} {arguments}"
                );
            };
            check("update_rate_per_second", json!([text(one), text(two)]), is_meant);
            check("update_rate", json!([SENDER, text(one), text(two)]), is_meant);
            for third in numbers() {
                for function in ["update_rate", "update_rate_per_second"] {
                    check(function, json!([text(one), text(two), text(third)]), false);
                    check(function, json!([SENDER, text(one), text(two), text(third)]), false);
                }
                check("update_rate_per_second", json!([SENDER, text(one), text(two)]), false);
                check("update_rate", json!([SENDER, RECIPIENT, text(one)]), false);
            }
        }
    }
}

/// The calls of one withdrawal of 40 and of one creation, with the places whose values the event has.
fn calls() -> Vec<(String, &'static str, Value, Vec<usize>)> {
    let withdrew = format!(
        r#"{{"topic":["withdrew","0"],"value":{{"stream_id":"0","recipient":"{RECIPIENT}","amount":"40"}}}}"#
    );
    let delegated = |rest: &[&str]| {
        let first = ["0", RELAYER, "0x00", "0", "9", "40"];
        Value::from(first.iter().chain(rest).copied().collect::<Vec<_>>())
    };
    let flat = json!([SENDER, RECIPIENT, "100", "1", "0", "50", "100", "0", null, 2]);
    let pool =
        created(0).replace(&format!(r#""recipient":"{RECIPIENT}""#), &format!(r#""recipient":"{SENDER}""#));
    let pooled = json!([SENDER, [], "100", "1", "0", "50", "100", "0", null, 2]);
    vec![
        (withdrew.clone(), "withdraw", json!(["0"]), vec![0]),
        (withdrew.clone(), "withdraw", json!(["0", "40"]), vec![0, 1]),
        (withdrew.clone(), "withdraw_from_pool", json!(["0", RECIPIENT]), vec![0, 1]),
        (withdrew.clone(), "bulk_cancel_streams", json!([SENDER, ["0"]]), vec![1]),
        (withdrew.clone(), "delegated_withdraw", delegated(&["0x00"]), vec![0, 5]),
        (withdrew, "delegated_withdraw", delegated(&["3", "0x00"]), vec![0, 5]),
        (created(0), "create_stream", flat, vec![0, 1, 2, 3, 4, 5, 6, 7]),
        (pool, "create_pooled_stream", pooled, vec![0, 2, 3, 4, 5, 6, 7]),
        (created(0), "create_stream", json!([SENDER, terms(2)]), vec![0]),
        (created(0), "create_stream_with_lookback", json!([SENDER, terms(2), null]), vec![0]),
        (created(0), "create_streams", json!([SENDER, [terms(2)]]), vec![0]),
    ]
}

#[test]
fn a_call_with_another_value_type_or_number_of_arguments_decides_nothing() {
    for (payload, function, arguments, of_event) in calls() {
        let check = |arguments: Value, expect: bool| {
            assert_eq!(decides(&payload, function, &arguments), expect, "{function} {arguments}");
        };
        check(arguments.clone(), true);
        let list = arguments.as_array().unwrap();
        for (place, value) in list.iter().enumerate() {
            let put = |value: Value| {
                let mut list = list.clone();
                list[place] = value;
                Value::from(list)
            };
            let others = [json!("77"), json!(RELAYER), json!(["7"])];
            for other in others.into_iter().filter(|other| of_event.contains(&place) && other != value) {
                check(put(other), false);
            }
            // No argument of these functions is a negative number or a truth value.
            let is_typed = value.is_string() || value.is_array() || value.is_object();
            for wrong in [json!(-1), json!(true)].into_iter().filter(|_| is_typed) {
                check(put(wrong), false);
            }
        }
        for less in 0..list.len() {
            let is_other_form = function == "withdraw" && less == 1;
            check(Value::from(list[..less].to_vec()), is_other_form);
        }
        let grown = |more: usize| Value::from([list.clone(), vec![json!({}); more]].concat());
        let is_other_form = list.len() == 10 && function == "create_stream";
        check(grown(1), is_other_form);
        check(grown(9), false);
    }
}

#[test]
fn terms_with_another_amount_rate_or_time_decide_nothing() {
    let fields = [
        "deposit_amount",
        "rate_per_second",
        "start_time",
        "cliff_time",
        "end_time",
        "withdraw_dust_threshold",
    ];
    for field in fields {
        let other = with(terms(2), field, json!("7"));
        for arguments in [json!([SENDER, other]), json!([SENDER, [other]])] {
            let function = if arguments[1].is_array() { "create_streams" } else { "create_stream" };
            assert!(!decides(&created(0), function, &arguments), "{function} {field}");
        }
    }
}
