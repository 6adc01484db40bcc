use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::format::Buffer;
use crate::{Amount, AmountError, Found};

/// A string, in every format.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Buffer::new().write(*self))
    }
}

/// From a string only, in every format. The text of the error begins with its [code](AmountError::code).
impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        visit(deserializer)
    }
}

/// Deserializes an amount and keeps what is wrong with it as a value, so that a request can be read to its end and all its
/// faults be reported together.
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
    visit(deserializer)
}

fn visit<'de, D: Deserializer<'de>, T: Outcome>(deserializer: D) -> Result<T, D::Error> {
    let visitor = AmountVisitor(PhantomData);
    if deserializer.is_human_readable() {
        // Asked for a string, a format words the refusal of another type itself, without the code.
        deserializer.deserialize_any(visitor)
    } else {
        deserializer.deserialize_str(visitor)
    }
}

/// What becomes of a refusal: an error of the format, or a value.
trait Outcome: Sized {
    fn of<E: Error>(read: Result<Amount, AmountError>) -> Result<Self, E>;
}

impl Outcome for Amount {
    fn of<E: Error>(read: Result<Amount, AmountError>) -> Result<Self, E> {
        read.map_err(|error| E::custom(format_args!("{}: {error}", error.code())))
    }
}

impl Outcome for Result<Amount, AmountError> {
    fn of<E: Error>(read: Result<Amount, AmountError>) -> Result<Self, E> {
        Ok(read)
    }
}

struct AmountVisitor<T>(PhantomData<T>);

impl<T: Outcome> AmountVisitor<T> {
    fn other<E: Error>(found: Found) -> Result<T, E> {
        T::of(Err(AmountError::InvalidType { found }))
    }
}

impl<'de, T: Outcome> Visitor<'de> for AmountVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount as a string such as \"100.5\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::of(Amount::parse(text))
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        T::of(Err(AmountError::Empty))
    }

    fn visit_none<E: Error>(self) -> Result<T, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        visit(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        visit(deserializer)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Self::other(Found::Boolean)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
        Self::other(Found::Number)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<T, E> {
        Self::other(Found::Number)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<T, E> {
        Self::other(Found::Number)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<T, E> {
        Self::other(Found::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
        Self::other(Found::Number)
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<T, E> {
        Self::other(Found::Bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Self::other(Found::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<T, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Self::other(Found::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::value::{BytesDeserializer, Error as ValueError, StrDeserializer};

    fn check(json: &str, expect: Result<&str, AmountError>) {
        let strict = serde_json::from_str::<Amount>(json);
        let result = deserialize_result(&mut serde_json::Deserializer::from_str(json)).unwrap();
        assert_eq!(result.map(|amount| amount.to_string()), expect.map(str::to_owned), "{json}");
        match strict {
            Ok(amount) => {
                assert_eq!(serde_json::to_string(&amount).unwrap(), format!("\"{}\"", expect.unwrap()));
            }
            Err(error) => {
                let refused = expect.unwrap_err();
                assert!(
                    error.to_string().starts_with(&format!("{}: {refused} at line 1", refused.code())),
                    "{error}"
                );
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
    fn a_refused_text_is_not_repeated() {
        let error = serde_json::from_str::<Amount>(r#""S3CRET""#).unwrap_err().to_string();
        assert!(!error.contains("S3CRET"), "{error}");
    }

    #[test]
    fn bytes_are_no_text() {
        let bytes = BytesDeserializer::<ValueError>::new(b"100");
        let result = deserialize_result(bytes).unwrap();
        assert_eq!(result, Err(AmountError::InvalidType { found: Found::Bytes }));
    }

    #[test]
    fn an_amount_can_be_the_key_of_a_map() {
        let text = StrDeserializer::<ValueError>::new("1.5");
        assert_eq!(Amount::deserialize(text), Ok(Amount::parse("1.5").unwrap()));
    }
}
