//! What is read from a payload, and what is refused and why.

use fluxora_stream::UnixTime;
use fluxora_stream::vesting::{Abi, CliffMode, Curve, VestingStatus};
use serde_json::{Value, json};

use super::{
    ContractAction, Decoded, HaltAction, NotDecoded, PayloadFault, StreamAction, Unreadable, decode,
};

pub(super) const SENDER: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
pub(super) const RECIPIENT: &str = "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H";
pub(super) const TOKEN: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";

/// Each event of ABI 1, with every field.
fn abi_1() -> Vec<Value> {
    vec![
        json!({"topic": ["stream_created", "7", SENDER, RECIPIENT], "value": {
            "token": TOKEN, "deposited": "1000", "start_time": "100", "end_time": "200", "cliff_time": "150",
            "cancellable": true, "pausable": false, "transferable": true}}),
        json!({"topic": ["withdrawn", "7", RECIPIENT],
            "value": {"amount": "5", "withdrawn": "15", "deposited": "1000", "status": 1}}),
        json!({"topic": ["cancelled", "7", SENDER, RECIPIENT],
            "value": {"refunded": "400", "vested": "600", "withdrawn": "15", "end_time": "160"}}),
        json!({"topic": ["paused", "7", SENDER], "value": {"paused_at": "160", "paused_total": "9"}}),
        json!({"topic": ["resumed", "7", SENDER], "value": {"paused_duration": "3", "paused_total": "12"}}),
        json!({"topic": ["topped_up", "7", SENDER],
            "value": {"amount": "10", "deposited": "1010", "end_time": "201"}}),
        json!({"topic": ["recipient_transferred", "7", RECIPIENT, SENDER], "value": {}}),
        json!({"topic": ["ttl_extended", "7"], "value": {"extended_to_ledgers": 518_400}}),
    ]
}

/// The events that only ABI 2 has.
fn only_abi_2() -> Vec<Value> {
    vec![
        json!({"topic": ["delegate_granted", "7", SENDER, TOKEN], "value": {"ops": 6, "expires_at": null}}),
        json!({"topic": ["delegate_revoked", "7", SENDER, TOKEN], "value": {}}),
        json!({"topic": ["halt_operator_set", TOKEN], "value": {}}),
        json!({"topic": ["contract_halted", TOKEN], "value": {"halted_at": "300"}}),
        json!({"topic": ["contract_resumed", TOKEN], "value": {"resumed_at": "301", "halted_for": "1"}}),
    ]
}

fn all() -> Vec<Value> {
    [abi_1(), only_abi_2()].concat()
}

fn read(event: &Value) -> Result<Decoded, NotDecoded> {
    decode(event["topic"][0].as_str().unwrap_or_default(), &event.to_string())
}

#[track_caller]
fn action(event: &Value) -> StreamAction {
    match read(event) {
        Ok(Decoded::Stream(action)) => action,
        other => panic!("{event}: {other:?}"),
    }
}

#[track_caller]
fn refused(event: &Value, stream: Option<u64>, fault: PayloadFault) {
    assert_eq!(read(event), Err(NotDecoded::Unreadable(Unreadable { stream, fault })), "{event}");
}

fn event(name: &str) -> Value {
    all().into_iter().find(|event| event["topic"][0] == name).unwrap()
}

/// The event with another value in one field.
fn with(name: &str, field: &str, value: Value) -> Value {
    let mut event = event(name);
    event["value"][field] = value;
    event
}

#[test]
fn each_event_is_read_with_its_stream() {
    for event in abi_1() {
        let StreamAction { stream, abi, .. } = action(&event);
        assert_eq!((stream, abi), (7, Abi::V1), "{event}");
    }
    let halts: Vec<_> = only_abi_2()
        .iter()
        .map(|event| match read(event).unwrap() {
            Decoded::Stream(action) => Err((action.stream, action.abi)),
            Decoded::Contract(HaltAction::OperatorSet { .. }) => Ok(0),
            Decoded::Contract(HaltAction::Halted { halted_at, .. }) => Ok(halted_at.seconds()),
            Decoded::Contract(HaltAction::Resumed { halted_for, .. }) => Ok(halted_for),
        })
        .collect();
    assert_eq!(halts, [Err((7, Abi::V2)), Err((7, Abi::V2)), Ok(0), Ok(300), Ok(1)]);
}

#[test]
fn each_field_of_abi_2_is_detected_without_the_others() {
    let added = [
        ("stream_created", "curve", json!(2)),
        ("stream_created", "cliff_mode", json!(1)),
        ("stream_created", "reference", json!("invoice 9")),
        ("withdrawn", "sender", json!(SENDER)),
        ("withdrawn", "paused_at", json!("160")),
        ("withdrawn", "paused_total", json!("9")),
        ("cancelled", "paused_at", Value::Null),
        ("cancelled", "paused_total", json!("9")),
        ("paused", "recipient", json!(RECIPIENT)),
        ("resumed", "recipient", json!(RECIPIENT)),
        ("topped_up", "recipient", json!(RECIPIENT)),
        ("recipient_transferred", "sender", json!(SENDER)),
    ];
    for (name, field, value) in added {
        assert_eq!(action(&with(name, field, value)).abi, Abi::V2, "{name} {field}");
    }
}

#[test]
fn terms_that_are_absent_have_the_default_of_abi_1() {
    let terms = |event: &Value| match action(event).action {
        ContractAction::Created(created) => (created.curve, created.cliff_mode, created.reference),
        other => panic!("{other:?}"),
    };
    let default = (Curve::Linear, CliffMode::ScheduleClock, None);
    assert_eq!(terms(&event("stream_created")), default);
    assert_eq!(terms(&with("stream_created", "reference", Value::Null)), default);
    assert_eq!(terms(&with("stream_created", "curve", json!(1))).0, Curve::Step);
    assert_eq!(terms(&with("stream_created", "cliff_mode", json!(1))).1, CliffMode::WallClock);
    assert_eq!(terms(&with("stream_created", "reference", json!("ä"))).2.as_deref(), Some("ä"));
}

#[test]
fn a_void_pause_is_no_pause_and_an_absent_one_is_unknown() {
    let paused_at = |event: &Value| match action(event).action {
        ContractAction::Withdrawn(withdrawn) => withdrawn.paused_at,
        other => panic!("{other:?}"),
    };
    assert_eq!(paused_at(&event("withdrawn")), None);
    assert_eq!(paused_at(&with("withdrawn", "paused_at", Value::Null)), Some(None));
    let since = UnixTime::from_seconds(160);
    assert_eq!(paused_at(&with("withdrawn", "paused_at", json!("160"))), Some(Some(since)));
}

#[test]
fn integers_are_read_as_strings_and_as_json_integers() {
    let max = u64::MAX;
    assert_eq!(
        action(&with("paused", "paused_at", json!(max))),
        action(&with("paused", "paused_at", json!(max.to_string())))
    );
    let withdrawn = |status: Value| action(&with("withdrawn", "status", status));
    assert_eq!(withdrawn(json!("3")), withdrawn(json!(3)));
    let largest = with("withdrawn", "amount", json!(i128::MAX.to_string()));
    assert!(matches!(action(&largest).action, ContractAction::Withdrawn(event) if event.amount == i128::MAX));
}

#[test]
fn a_required_field_that_is_missing_is_named_with_its_stream() {
    for event in all() {
        let names: Vec<String> = event["value"].as_object().unwrap().keys().cloned().collect();
        for name in names {
            let mut event = event.clone();
            event["value"].as_object_mut().unwrap().remove(&name);
            let Err(NotDecoded::Unreadable(unreadable)) = read(&event) else { panic!("{name}: {event}") };
            assert_eq!(unreadable.to_string(), format!("field `{name}` is missing"));
            let stream = event["topic"][1].as_str().filter(|topic| *topic == "7").map(|_| 7);
            assert_eq!(unreadable.stream, stream, "{event}");
        }
    }
}

#[test]
fn a_field_of_another_type_is_named_and_its_value_is_not_repeated() {
    for event in all() {
        let names: Vec<String> = event["value"].as_object().unwrap().keys().cloned().collect();
        for name in names {
            for wrong in
                [json!([]), json!({"deep": 1}), json!(-1), json!(0.5), json!("secret text"), json!("007")]
            {
                let mut event = event.clone();
                event["value"][&name] = wrong;
                let Err(NotDecoded::Unreadable(unreadable)) = read(&event) else { panic!("{name}: {event}") };
                let text = unreadable.to_string();
                assert!(text.starts_with(&format!("field `{name}` is not ")), "{text}");
            }
        }
    }
    let twice = event("paused")
        .to_string()
        .replace(r#""paused_total":"9""#, r#""paused_total":"9","paused_total":"9""#);
    let fault = PayloadFault::WrongType { field: "paused_total", expected: "a number of seconds" };
    assert_eq!(decode("paused", &twice), Err(NotDecoded::Unreadable(Unreadable { stream: Some(7), fault })));
}

#[test]
fn a_code_that_the_contract_does_not_define_is_refused() {
    for (name, field, code) in
        [("stream_created", "curve", 3), ("stream_created", "cliff_mode", 2), ("withdrawn", "status", 4)]
    {
        refused(&with(name, field, json!(code)), Some(7), PayloadFault::UndefinedCode { field, code });
    }
    for status in VestingStatus::ALL {
        let event = action(&with("withdrawn", "status", json!(status.code()))).action;
        assert!(matches!(event, ContractAction::Withdrawn(event) if event.status == status));
    }
    let fault = PayloadFault::WrongType { field: "status", expected: "a number of 32 bits" };
    refused(&with("withdrawn", "status", json!(1_u64 << 32)), Some(7), fault);
}

#[test]
fn topics_are_checked_by_position() {
    let topics = |topics: Value, name: &str| {
        let mut event = event(name);
        event["topic"] = topics;
        event
    };
    let created = |parties: &[&str]| topics(json!([&["stream_created"], parties].concat()), "stream_created");
    let address = "the address of an account or a contract";
    let missing = PayloadFault::MissingTopic { index: 3, name: "recipient" };
    refused(&created(&["7", SENDER]), Some(7), missing);
    let wrong = PayloadFault::WrongTopic { index: 2, name: "sender", expected: address };
    refused(&created(&["7", "somebody", RECIPIENT]), Some(7), wrong);
    let number = PayloadFault::WrongTopic { index: 1, name: "id", expected: "a stream number" };
    for id in [SENDER, "", "+7", "07", "18446744073709551616"] {
        refused(&created(&[id, SENDER, RECIPIENT]), None, number);
    }
    refused(
        &topics(json!(["ttl_extended"]), "ttl_extended"),
        None,
        PayloadFault::MissingTopic { index: 1, name: "id" },
    );
    let operator = PayloadFault::WrongTopic { index: 1, name: "operator", expected: address };
    refused(&topics(json!(["contract_halted", [1]]), "contract_halted"), None, operator);
}

#[test]
fn a_value_that_is_no_map_is_refused_where_the_name_is_the_contract_s_alone() {
    for value in
        [json!(null), json!(1), json!(-1), json!(1.5), json!("x"), json!(true), json!(["Resumed", "7"])]
    {
        let mut event = event("withdrawn");
        event["value"] = value;
        refused(&event, Some(7), PayloadFault::NotAMap);
    }
}

#[test]
fn what_has_the_shape_of_another_family_is_not_this_one_s() {
    let others = [
        // v9: the id is in the map, or the value is a list.
        json!({"topic": ["paused", "7"], "value": {"stream_id": "7", "reason": "Operational"}}),
        json!({"topic": ["resumed", "7"], "value": ["Resumed", "7"]}),
        json!({"topic": ["cancelled", "7"], "value": ["StreamCancelled", "7"]}),
        // v9's governance.
        json!({"topic": ["cancelled", "7"], "value": {"proposal": "7"}}),
        json!({"topic": ["paused", SENDER, SENDER], "value": {"paused_at": "1", "paused_total": "0"}}),
        json!({"topic": ["withdrawn", "7", RECIPIENT], "value": {"stream_id": "7"}}),
        json!({"topic": ["withdrew", "7"], "value": {"stream_id": "7"}}),
        json!({"topic": ["transfer", SENDER, RECIPIENT], "value": "1"}),
        json!({"topic": [], "value": {}}),
        json!({"value": {}}),
        json!([]),
    ];
    for event in others {
        assert_eq!(read(&event), Err(NotDecoded::OtherFamily), "{event}");
    }
    let paused = event("paused").to_string();
    assert_eq!(decode("resumed", &paused), Err(NotDecoded::OtherFamily), "the first topic is another");
    assert_eq!(decode("paused", paused.trim_start_matches('{')), Err(NotDecoded::OtherFamily), "not JSON");
}

#[test]
fn a_text_with_escapes_reads_as_what_it_means() {
    let plain = event("withdrawn").to_string();
    let escaped = plain.replace("withdrawn", "with\\u0064rawn").replace("\"5\"", "\"\\u0035\"");
    assert_eq!(decode("withdrawn", &escaped), decode("withdrawn", &plain));
}

/// What a JSON parser refuses, or reads as another value: a number beyond every type, texts that are not Unicode.
const UNPARSEABLE: [&str; 4] = ["1e999", "-1e999", r#""\ud800""#, r#"[{"a":"\udc00"}]"#];

#[test]
fn an_unknown_part_is_ignored_without_being_parsed() {
    for event in all() {
        let (text, name) = (event.to_string(), event["topic"][0].as_str().unwrap());
        let empty = event["value"].as_object().unwrap().is_empty();
        for unparseable in UNPARSEABLE {
            for key in ["zz", r"\ud800", r"\u0000"] {
                let field = format!(r#""{key}":{unparseable}"#);
                let comma = if empty { "" } else { "," };
                let within = text.replace(r#""value":{"#, &format!(r#""value":{{{field}{comma}"#));
                let beside = format!("{{{field},{}", text.strip_prefix('{').unwrap());
                assert_eq!(decode(name, &within), read(&event), "{within}");
                assert_eq!(decode(name, &beside), read(&event), "{beside}");
            }
            let topics = event["topic"].as_array().unwrap().len();
            let longer = text.replacen(']', &format!(",{unparseable}]"), 1);
            if topics == 4 {
                assert_eq!(decode(name, &longer), read(&event), "{longer}");
            }
        }
    }
}

#[test]
fn a_known_part_that_cannot_be_parsed_makes_the_event_unreadable_for_its_stream() {
    for event in all() {
        let name = event["topic"][0].as_str().unwrap();
        let stream = event["topic"][1].as_str().filter(|topic| *topic == "7").map(|_| 7);
        let unreadable = |text: &str| match decode(name, text) {
            Err(NotDecoded::Unreadable(unreadable)) => assert_eq!(unreadable.stream, stream, "{text}"),
            other => panic!("{text}: {other:?}"),
        };
        let text = event.to_string();
        for (field, value) in event["value"].as_object().unwrap() {
            for unparseable in UNPARSEABLE {
                let (before, after) =
                    (format!(r#""{field}":{value}"#), format!(r#""{field}":{unparseable}"#));
                unreadable(&text.replace(&before, &after));
            }
        }
        let topics = format!(r#""topic":{}"#, event["topic"]);
        for again in ["[]", "1e999", r#"["other"]"#] {
            unreadable(&format!("{},\"topic\":{again}}}", text.strip_suffix('}').unwrap()));
            unreadable(&format!("{{\"topic\":{again},{}", text.strip_prefix('{').unwrap()));
        }
        unreadable(&format!("{{{topics},\"value\":{{}},\"value\":{}}}", event["value"]));
    }
}
