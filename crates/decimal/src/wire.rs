use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::error::INVALID_TYPE;
use crate::format::Buffer;
use crate::{Amount, AmountError, Found};

const EXPECTED: &str = "an amount as a string such as \"100.5\"";

/// A string, in every format.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Buffer::new().write(*self))
    }
}

/// From the text that the format hands over when it is asked for a string.
///
/// The rule is the same for every format:
///
/// - A format that tells a number from a string (JSON, TOML, MessagePack) refuses the number. The error begins with the
///   code `DECIMAL_INVALID_TYPE`, followed by the words of the format. `null` is refused in the same way; for a value
///   that may be absent use `Option<Amount>`.
/// - A format in which every value is text (CSV, XML, environment variables) hands over that text, and
///   [`Amount::parse`] reads it: decimals are kept, and an empty field is `DECIMAL_EMPTY_VALUE`.
///
/// The type is never inferred from the text. Serde attributes that buffer a value first (`flatten`, `untagged`, `tag`)
/// make the `csv` crate infer it, so that `100` becomes a number before it arrives here: it is refused.
///
/// # Examples
///
/// ```
/// use fluxora_decimal::Amount;
///
/// #[derive(serde::Deserialize)]
/// struct Row {
///     amount: Amount,
/// }
///
/// let mut rows = csv::Reader::from_reader("amount\n100\n7.50\n".as_bytes());
/// let read: Vec<Row> = rows.deserialize().collect::<Result<_, _>>()?;
/// assert_eq!(read[0].amount.to_string(), "100");
/// assert_eq!(read[1].amount.to_string(), "7.50");
///
/// let row: Row = quick_xml::de::from_str("<row><amount>7.50</amount></row>")?;
/// assert_eq!(row.amount.to_string(), "7.50");
///
/// let refused = serde_json::from_str::<Row>(r#"{"amount": 7.50}"#).err().unwrap();
/// assert!(refused.to_string().starts_with("DECIMAL_INVALID_TYPE: "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong_type = Cell::new(false);
        deserializer.deserialize_str(TextVisitor { wrong_type: &wrong_type }).map_err(|error| {
            if wrong_type.get() {
                // The text of the format says what was found and where: serde_json reads its position back from it.
                Error::custom(format_args!("{INVALID_TYPE}: {error}"))
            } else {
                error
            }
        })
    }
}

/// Reads a text. Formats ask a visitor what it expects only to refuse another type, which is how a refusal of the type is
/// recognised among the errors of a format.
struct TextVisitor<'a> {
    wrong_type: &'a Cell<bool>,
}

impl Visitor<'_> for TextVisitor<'_> {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wrong_type.set(true);
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        Amount::parse(text).map_err(|error| E::custom(format_args!("{}: {error}", error.code())))
    }
}

/// Deserializes an amount and keeps what is wrong with it as a value, so that a request can be read to its end and all its
/// faults be reported together.
///
/// For formats that tell numbers from strings, such as JSON: it asks a human-readable format what it has found, and refuses
/// a number as [`AmountError::InvalidType`], `null` as [`AmountError::Empty`]. The `csv` crate answers with a type inferred
/// from the text and `quick-xml` with the content of an element, so there deserialize an [`Amount`].
///
/// # Errors
///
/// Only those of the format itself, such as broken JSON.
///
/// # Examples
///
/// ```
/// use fluxora_decimal::{Amount, AmountError};
///
/// #[derive(serde::Deserialize)]
/// struct Request {
///     #[serde(deserialize_with = "fluxora_decimal::deserialize_result")]
///     deposit: Result<Amount, AmountError>,
///     #[serde(deserialize_with = "fluxora_decimal::deserialize_result")]
///     rate: Result<Amount, AmountError>,
/// }
///
/// let request: Request = serde_json::from_str(r#"{"deposit": 100, "rate": ".5"}"#)?;
/// assert_eq!(request.deposit.unwrap_err().code(), "DECIMAL_INVALID_TYPE");
/// assert_eq!(request.rate.unwrap_err().code(), "DECIMAL_INVALID_FORMAT");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn deserialize_result<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Result<Amount, AmountError>, D::Error> {
    if deserializer.is_human_readable() {
        // Asked for a string, a format words the refusal of another type itself and may leave the value unread.
        deserializer.deserialize_any(AnyVisitor)
    } else {
        deserializer.deserialize_str(AnyVisitor)
    }
}

/// Reads any type of value to its end, and refuses all but a text.
struct AnyVisitor;

type Read = Result<Amount, AmountError>;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Read, E> {
        Ok(Amount::parse(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Read, E> {
        Ok(Err(AmountError::Empty))
    }

    fn visit_none<E: Error>(self) -> Result<Read, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Read, D::Error> {
        deserialize_result(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Read, D::Error> {
        deserialize_result(deserializer)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Read, E> {
        refused(Found::Boolean)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Read, E> {
        refused(Found::Number)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Read, E> {
        refused(Found::Number)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Read, E> {
        refused(Found::Number)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Read, E> {
        refused(Found::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Read, E> {
        refused(Found::Number)
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Read, E> {
        refused(Found::Bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Read, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        refused(Found::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Read, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        refused(Found::Object)
    }
}

const fn refused<E>(found: Found) -> Result<Read, E> {
    Ok(Err(AmountError::InvalidType { found }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::value::{BytesDeserializer, Error as ValueError, StrDeserializer};

    fn check(json: &str, expect: Result<&str, AmountError>) {
        let result = deserialize_result(&mut serde_json::Deserializer::from_str(json)).unwrap();
        assert_eq!(result.map(|amount| amount.to_string()), expect.map(str::to_owned), "{json}");
        match serde_json::from_str::<Amount>(json) {
            Ok(amount) => {
                assert_eq!(serde_json::to_string(&amount).unwrap(), format!("\"{}\"", expect.unwrap()));
            }
            Err(error) => {
                let (refused, text) = (expect.unwrap_err(), error.to_string());
                let code = if json == "null" { INVALID_TYPE } else { refused.code() };
                assert!(text.starts_with(&format!("{code}: ")), "{text}");
                assert!(error.is_data() && error.line() == 1, "{error:?}");
            }
        }
    }

    #[test]
    fn an_amount_is_a_json_string() {
        check(r#""100""#, Ok("100"));
        check(r#""1000000.0000000""#, Ok("1000000.0000000"));
        check(r#""+007.50""#, Ok("7.50"));
        check(r#""\u0031.5""#, Ok("1.5"));
    }

    #[test]
    fn every_other_type_is_refused() {
        let found = |found| Err(AmountError::InvalidType { found });
        check("100", found(Found::Number));
        check("-1", found(Found::Number));
        check("1.5", found(Found::Number));
        check("99999999999999999999999", found(Found::Number));
        check("true", found(Found::Boolean));
        check("[]", found(Found::Array));
        check(r#"["1"]"#, found(Found::Array));
        check("{}", found(Found::Object));
        check(r#"{"amount":"1"}"#, found(Found::Object));
    }

    #[test]
    fn null_and_the_empty_string_are_no_amount() {
        check("null", Err(AmountError::Empty));
        check(r#""""#, Err(AmountError::Empty));
        assert_eq!(serde_json::from_str::<Option<Amount>>("null").unwrap(), None);
        assert_eq!(serde_json::from_str::<Option<Amount>>(r#""1""#).unwrap(), Amount::parse("1").ok());
    }

    #[test]
    fn a_refusal_of_the_type_says_where_it_is() {
        let error = serde_json::from_str::<Vec<Amount>>("[\"1\",\n 7.5]").unwrap_err();
        let text = "DECIMAL_INVALID_TYPE: invalid type: floating point `7.5`, expected an amount as a string such as \
                    \"100.5\" at line 2 column 4";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn what_is_wrong_with_the_json_has_no_code() {
        for json in ["", "\"1", "nul", "-"] {
            let error = serde_json::from_str::<Amount>(json).unwrap_err();
            assert!(!error.to_string().contains("DECIMAL_"), "{error}");
        }
    }

    #[test]
    fn a_refused_text_is_not_repeated() {
        let error = serde_json::from_str::<Amount>(r#""S3CRET""#).unwrap_err().to_string();
        assert!(!error.contains("S3CRET"), "{error}");
    }

    #[test]
    fn bytes_are_no_text() {
        let result = deserialize_result(BytesDeserializer::<ValueError>::new(b"100")).unwrap();
        assert_eq!(result, Err(AmountError::InvalidType { found: Found::Bytes }));
        let error = Amount::deserialize(BytesDeserializer::<ValueError>::new(b"100")).unwrap_err();
        assert!(error.to_string().starts_with("DECIMAL_INVALID_TYPE: "), "{error}");
    }

    #[test]
    fn an_amount_can_be_the_key_of_a_map() {
        let text = StrDeserializer::<ValueError>::new("1.5");
        assert_eq!(Amount::deserialize(text), Ok(Amount::parse("1.5").unwrap()));
    }
}
