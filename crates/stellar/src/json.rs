//! Contract values as JSON, in the encoding of the push endpoint's `payload`.
//!
//! | value | JSON |
//! |---|---|
//! | bool, void | `true`, `false`, `null` |
//! | u32, i32 | number |
//! | u64, i64, time point, duration, u128, i128, u256, i256 | decimal string |
//! | bytes | `0x` and hex |
//! | string, symbol | text; `0x` and hex where it is not UTF-8 |
//! | address | strkey |
//! | vector | array |
//! | map | object, in the map's order; array of `[key, value]` where two keys have one text or a key is a vector or map |
//! | anything else | `{"type": …, "xdr": base64}` |

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use stellar_xdr::{ScMap, ScVal};

use crate::decode::encode;

/// The payload of an event: `{"topic":[…],"value":…}`.
pub fn payload(topics: &[ScVal], value: &ScVal) -> String {
    let topics = topics.iter().map(value_to_json).collect();
    let payload = [("topic".to_owned(), Value::Array(topics)), ("value".to_owned(), value_to_json(value))];
    Value::Object(Map::from_iter(payload)).to_string()
}

/// One contract value.
pub fn value_to_json(value: &ScVal) -> Value {
    match value {
        ScVal::Bool(value) => Value::Bool(*value),
        ScVal::Void | ScVal::Vec(None) | ScVal::Map(None) => Value::Null,
        ScVal::U32(number) => Value::from(*number),
        ScVal::I32(number) => Value::from(*number),
        ScVal::Vec(Some(list)) => list.iter().map(value_to_json).collect(),
        ScVal::Map(Some(map)) => object(map).unwrap_or_else(|| pairs(map)),
        other => text(other).map_or_else(|| opaque(other), Value::String),
    }
}

/// The text of a value that is a JSON string; `None` for every other.
fn text(value: &ScVal) -> Option<String> {
    Some(match value {
        ScVal::U64(number) => number.to_string(),
        ScVal::I64(number) => number.to_string(),
        ScVal::Timepoint(seconds) => seconds.0.to_string(),
        ScVal::Duration(seconds) => seconds.0.to_string(),
        ScVal::U128(parts) => u128::from(parts).to_string(),
        ScVal::I128(parts) => i128::from(parts).to_string(),
        ScVal::U256(parts) => parts.to_string(),
        ScVal::I256(parts) => parts.to_string(),
        ScVal::Bytes(bytes) => hex_text(bytes.as_slice()),
        ScVal::String(text) => utf8(text.as_slice()),
        ScVal::Symbol(text) => utf8(text.as_slice()),
        ScVal::Address(address) => address.to_string(),
        _ => return None,
    })
}

fn utf8(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| hex_text(bytes), str::to_owned)
}

fn hex_text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// The map as an object; `None` if its keys are not distinct texts.
fn object(map: &ScMap) -> Option<Value> {
    let mut object = Map::new();
    for entry in map.iter() {
        let key = match &entry.key {
            ScVal::Bool(value) => value.to_string(),
            ScVal::U32(number) => number.to_string(),
            ScVal::I32(number) => number.to_string(),
            key => text(key)?,
        };
        if object.insert(key, value_to_json(&entry.val)).is_some() {
            return None;
        }
    }
    Some(Value::Object(object))
}

fn pairs(map: &ScMap) -> Value {
    map.iter().map(|entry| Value::Array(vec![value_to_json(&entry.key), value_to_json(&entry.val)])).collect()
}

fn opaque(value: &ScVal) -> Value {
    let kind = ("type".to_owned(), Value::from(value.name()));
    // A decoded value is within the limits of the encoder, so its XDR is never absent.
    let xdr = encode(value).map(|xdr| BASE64_STANDARD.encode(xdr));
    let xdr = ("xdr".to_owned(), xdr.map_or(Value::Null, Value::String));
    Value::Object(Map::from_iter([kind, xdr]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stellar_xdr::{
        Duration, Int128Parts, Int256Parts, ScBytes, ScMapEntry, ScString, ScSymbol, TimePoint, UInt128Parts,
        UInt256Parts, VecM,
    };

    use super::*;

    fn check(value: &ScVal, expect: &Value) {
        assert_eq!(value_to_json(value), *expect, "{value:?}");
    }

    fn symbol(text: &str) -> ScVal {
        ScVal::Symbol(ScSymbol(text.try_into().unwrap()))
    }

    fn string(bytes: &[u8]) -> ScVal {
        ScVal::String(ScString(bytes.to_vec().try_into().unwrap()))
    }

    fn map(entries: Vec<(ScVal, ScVal)>) -> ScVal {
        let entries: Vec<_> = entries.into_iter().map(|(key, val)| ScMapEntry { key, val }).collect();
        ScVal::Map(Some(ScMap(entries.try_into().unwrap())))
    }

    #[test]
    fn numbers_of_32_bits_are_numbers_and_wider_ones_decimal_strings() {
        check(&ScVal::U32(u32::MAX), &json!(4_294_967_295_u32));
        check(&ScVal::I32(i32::MIN), &json!(-2_147_483_648));
        check(&ScVal::U64(u64::MAX), &json!("18446744073709551615"));
        check(&ScVal::I64(i64::MIN), &json!("-9223372036854775808"));
        check(&ScVal::Timepoint(TimePoint(7)), &json!("7"));
        check(&ScVal::Duration(Duration(7)), &json!("7"));
        check(&ScVal::I128(Int128Parts { hi: i64::MIN, lo: 0 }), &json!(i128::MIN.to_string()));
        check(&ScVal::I128(Int128Parts { hi: i64::MAX, lo: u64::MAX }), &json!(i128::MAX.to_string()));
        check(&ScVal::U128(UInt128Parts { hi: u64::MAX, lo: u64::MAX }), &json!(u128::MAX.to_string()));
        let minus_one = Int256Parts { hi_hi: -1, hi_lo: u64::MAX, lo_hi: u64::MAX, lo_lo: u64::MAX };
        check(&ScVal::I256(minus_one), &json!("-1"));
        let max = UInt256Parts { hi_hi: u64::MAX, hi_lo: u64::MAX, lo_hi: u64::MAX, lo_lo: u64::MAX };
        let digits = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        check(&ScVal::U256(max), &json!(digits));
    }

    #[test]
    fn texts_are_texts_and_bytes_hex_and_a_text_that_is_not_utf_8_too() {
        check(&symbol("created"), &json!("created"));
        check(&string("payroll-ü".as_bytes()), &json!("payroll-ü"));
        check(&string(b"\xff\x00"), &json!("0xff00"));
        check(&ScVal::Bytes(ScBytes(vec![0, 171].try_into().unwrap())), &json!("0x00ab"));
        check(&ScVal::Void, &Value::Null);
        check(&ScVal::Bool(true), &json!(true));
    }

    #[test]
    fn a_map_is_an_object_also_with_keys_of_bytes_and_numbers() {
        let bytes = ScVal::Bytes(ScBytes(vec![1].try_into().unwrap()));
        check(
            &map(vec![
                (bytes, ScVal::U32(1)),
                (ScVal::U64(2), ScVal::Void),
                (symbol("a"), ScVal::Bool(false)),
            ]),
            &json!({"0x01": 1, "2": null, "a": false}),
        );
    }

    #[test]
    fn keys_that_would_fall_together_or_have_no_text_make_an_array_of_pairs() {
        check(
            &map(vec![(ScVal::U64(1), ScVal::U32(1)), (symbol("1"), ScVal::U32(2))]),
            &json!([["1", 1], ["1", 2]]),
        );
        let list = ScVal::Vec(Some(VecM::try_from(vec![ScVal::U32(1)]).unwrap().into()));
        check(&map(vec![(list, ScVal::U32(2))]), &json!([[[1], 2]]));
    }

    #[test]
    fn a_value_without_a_natural_form_keeps_its_xdr() {
        check(
            &ScVal::LedgerKeyContractInstance,
            &json!({"type": "LedgerKeyContractInstance", "xdr": "AAAAFA=="}),
        );
    }
}
