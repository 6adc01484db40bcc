use std::borrow::Cow;
use std::ops::RangeInclusive;

use fluxora_decimal::{Amount, AmountError, Found};
use fluxora_indexer::Opaque;
use fluxora_stream::{AccountId, ContractId, TermsFault, UnixTime};
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::body::{JsonObject, JsonValue};
use crate::error::{ApiError, FieldFault};
use crate::field_code::FieldCode;
use crate::instant;

/// The faults in one answer, at most.
const MAX_FAULTS: usize = 50;
/// The longest name of an unknown field that an answer repeats: a longer one may be a secret.
const LONGEST_NAME_SHOWN: usize = 40;

/// Reads the fields of a body one by one and collects every fault.
pub(crate) struct Fields {
    /// The path of the object in the body, which precedes the name of a field in a fault.
    within: String,
    members: JsonObject,
    faults: Vec<FieldFault>,
}

impl Fields {
    pub(crate) const fn of(members: JsonObject) -> Self {
        Self { within: String::new(), members, faults: Vec::new() }
    }

    /// The fields of an object inside a body.
    pub(crate) const fn within(within: String, members: JsonObject) -> Self {
        Self { within, members, faults: Vec::new() }
    }

    /// A required account (`G…`).
    pub(crate) fn account(&mut self, field: &'static str) -> Option<AccountId> {
        let given = self.required(field)?;
        let read = match &given {
            JsonValue::Text(text) => AccountId::parse(text)
                .map_err(|error| FieldFault::new(field, error, format!("{field}: {error}"))),
            other => {
                let message = format!("{field} must be a string: a public key (G…), not {}", other.kind());
                Err(FieldFault::new(field, FieldCode::InvalidType, message))
            }
        };
        self.collect(read)
    }

    /// A required contract (`C…`).
    pub(crate) fn contract(&mut self, field: &'static str) -> Option<Opaque> {
        let read = match self.required(field)? {
            JsonValue::Text(text) => ContractId::parse(&text)
                .map_err(|error| self.fault(field, error, format!("{field}: {error}")))
                .and_then(|_| {
                    Opaque::new(&text)
                        .map_err(|error| self.fault(field, FieldCode::InvalidAddress, error.to_string()))
                }),
            other => return self.wrong_type(field, "a string", &other),
        };
        self.collect(read)
    }

    /// A required amount, within the range of the API.
    pub(crate) fn amount(&mut self, field: &'static str) -> Option<Amount> {
        let given = self.required(field)?;
        let read = match &given {
            JsonValue::Text(text) => Amount::parse(text).and_then(Amount::within_api_range),
            JsonValue::Null => Err(AmountError::Empty),
            JsonValue::Bool(_) => Err(AmountError::InvalidType { found: Found::Boolean }),
            JsonValue::Count(_) | JsonValue::Number => Err(AmountError::InvalidType { found: Found::Number }),
            JsonValue::Array(_) => Err(AmountError::InvalidType { found: Found::Array }),
            JsonValue::Object(_) => Err(AmountError::InvalidType { found: Found::Object }),
        };
        let read = read.map_err(|error| FieldFault::new(field, error, format!("{field}: {error}")));
        self.collect(read)
    }

    /// An optional time in Unix seconds. Null is absent.
    pub(crate) fn optional_time(&mut self, field: &'static str) -> Option<UnixTime> {
        let given = self.take(field).filter(|given| *given != JsonValue::Null)?;
        let fault = |code, what| Err(FieldFault::new(field, code, format!("{field} must be {what}")));
        let read = match &given {
            JsonValue::Count(seconds) => Ok(UnixTime::from_seconds(*seconds)),
            JsonValue::Number => {
                fault(FieldCode::TimeOutOfRange, "a whole number of Unix seconds, not negative")
            }
            other => {
                fault(FieldCode::InvalidType, &format!("a number of Unix seconds, not {}", other.kind()))
            }
        };
        self.collect(read)
    }

    /// A required opaque text: an id or a hash on chain.
    pub(crate) fn opaque(&mut self, field: &'static str) -> Option<Opaque> {
        let given = self.required(field)?;
        self.as_opaque(field, &given)
    }

    /// The same, optional. Null is absent.
    pub(crate) fn optional_opaque(&mut self, field: &'static str) -> Option<Opaque> {
        let given = self.take(field).filter(|given| *given != JsonValue::Null)?;
        self.as_opaque(field, &given)
    }

    fn as_opaque(&mut self, field: &'static str, given: &JsonValue) -> Option<Opaque> {
        match given {
            JsonValue::Text(text) => {
                let fault = |error| self.fault(field, FieldCode::InvalidValue, format!("{field} {error}"));
                let read = Opaque::new(text).map_err(fault);
                self.collect(read)
            }
            other => self.wrong_type(field, "a string", other),
        }
    }

    /// A required integer from 0 to 4294967295.
    pub(crate) fn count(&mut self, field: &'static str) -> Option<u32> {
        let needed = "a whole number from 0 to 4294967295";
        match self.required(field)? {
            JsonValue::Count(count) => {
                let fault =
                    |_| self.fault(field, FieldCode::InvalidValue, format!("{field} must be {needed}"));
                let read = u32::try_from(count).map_err(fault);
                self.collect(read)
            }
            JsonValue::Number => {
                let fault = self.fault(field, FieldCode::InvalidValue, format!("{field} must be {needed}"));
                self.collect(Err(fault))
            }
            other => self.wrong_type(field, "a number", &other),
        }
    }

    /// A required instant in RFC 3339, cut to the millisecond.
    pub(crate) fn instant(&mut self, field: &'static str) -> Option<Timestamp> {
        let given = self.required(field)?;
        self.as_instant(field, &given)
    }

    /// The same, optional. Null is absent.
    pub(crate) fn optional_instant(&mut self, field: &'static str) -> Option<Timestamp> {
        let given = self.take(field).filter(|given| *given != JsonValue::Null)?;
        self.as_instant(field, &given)
    }

    fn as_instant(&mut self, field: &'static str, given: &JsonValue) -> Option<Timestamp> {
        let JsonValue::Text(text) = given else { return self.wrong_type(field, "a string", given) };
        let instant = instant::parse_to_millisecond(text).ok_or_else(|| {
            let message = format!("{field} must be {}", instant::EXPECTED);
            self.fault(field, FieldCode::InvalidValue, message)
        });
        self.collect(instant)
    }

    /// A required text of 1 to `max` characters without control characters.
    pub(crate) fn text(&mut self, field: &'static str, max: usize) -> Option<String> {
        match self.required(field)? {
            JsonValue::Text(text)
                if (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control) =>
            {
                Some(text)
            }
            JsonValue::Text(_) => {
                let message = format!("{field} must be 1 to {max} characters without control characters");
                let fault = self.fault(field, FieldCode::InvalidValue, message);
                self.collect(Err(fault))
            }
            other => self.wrong_type(field, "a string", &other),
        }
    }

    /// An optional object. Null is absent.
    pub(crate) fn object(&mut self, field: &'static str) -> Option<JsonObject> {
        match self.take(field)? {
            JsonValue::Null => None,
            JsonValue::Object(members) => Some(members),
            other => self.wrong_type(field, "an object", &other),
        }
    }

    /// A required object as it is in the body. `given` are all values that the body has for the field.
    pub(crate) fn raw_object<'a>(&mut self, field: &'static str, given: &[&'a RawValue]) -> Option<&'a str> {
        self.raw(field, given, '{', "an object")
    }

    /// A required array as it is in the body.
    pub(crate) fn raw_array<'a>(&mut self, field: &'static str, given: &[&'a RawValue]) -> Option<&'a str> {
        self.raw(field, given, '[', "an array")
    }

    fn raw<'a>(
        &mut self,
        field: &'static str,
        given: &[&'a RawValue],
        opening: char,
        needed: &str,
    ) -> Option<&'a str> {
        let (code, message) = match given {
            [value] if value.get().starts_with(opening) => return Some(value.get()),
            [] => (FieldCode::Required, format!("{field} is required")),
            [_] => (FieldCode::InvalidType, format!("{field} must be {needed}")),
            _ => (FieldCode::DuplicateField, format!("{field} is given {} times", given.len())),
        };
        let fault = self.fault(field, code, message);
        self.collect(Err(fault))
    }

    /// An optional text of at most `max` characters without control characters. Null is absent.
    pub(crate) fn optional_text(&mut self, field: &'static str, max: usize) -> Option<String> {
        let given = self.take(field).filter(|given| *given != JsonValue::Null)?;
        self.as_text(field, given, max)
    }

    /// The same of a value that was taken.
    pub(crate) fn as_text(&mut self, field: &'static str, given: JsonValue, max: usize) -> Option<String> {
        match given {
            JsonValue::Text(text) if text.chars().count() <= max && !text.chars().any(char::is_control) => {
                Some(text)
            }
            JsonValue::Text(_) => {
                let message = format!("{field} must be at most {max} characters without control characters");
                self.refuse(field, FieldCode::InvalidValue, message)
            }
            other => self.wrong_type(field, "a string", &other),
        }
    }

    /// An optional integer within a range. Null is absent.
    pub(crate) fn optional_number(&mut self, field: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let given = self.take(field).filter(|given| *given != JsonValue::Null)?;
        self.as_number(field, &given, &range)
    }

    /// The same of a value that was taken.
    pub(crate) fn as_number(
        &mut self,
        field: &'static str,
        given: &JsonValue,
        range: &RangeInclusive<u64>,
    ) -> Option<u64> {
        match given {
            JsonValue::Count(number) if range.contains(number) => Some(*number),
            JsonValue::Count(_) | JsonValue::Number => {
                let message =
                    format!("{field} must be a whole number from {} to {}", range.start(), range.end());
                self.refuse(field, FieldCode::OutOfRange, message)
            }
            other => self.wrong_type(field, "a number", other),
        }
    }

    /// Adds a fault of a field that was taken.
    pub(crate) fn refuse<T>(
        &mut self,
        field: &str,
        code: impl Into<FieldCode>,
        message: impl Into<Cow<'static, str>>,
    ) -> Option<T> {
        let fault = self.fault(field, code, message);
        self.collect(Err(fault))
    }

    pub(crate) fn wrong_type<T>(&mut self, field: &str, needed: &str, given: &JsonValue) -> Option<T> {
        let message = format!("{field} must be {needed}, not {}", given.kind());
        let fault = self.fault(field, FieldCode::InvalidType, message);
        self.collect(Err(fault))
    }

    fn fault(
        &self,
        field: &str,
        code: impl Into<FieldCode>,
        message: impl Into<Cow<'static, str>>,
    ) -> FieldFault {
        FieldFault::new(format!("{}{field}", self.within), code, message)
    }

    /// Whether every field could be read and no field is unknown.
    pub(crate) fn are_sound(&self) -> bool {
        self.faults.is_empty() && self.members.is_empty()
    }

    /// Adds the rules that the fields together violate.
    pub(crate) fn add_broken(&mut self, broken: Vec<TermsFault>) {
        self.faults
            .extend(broken.into_iter().map(|fault| FieldFault::new(fault.field(), fault, fault.to_string())));
    }

    /// Adds faults found by another reader.
    pub(crate) fn add(&mut self, faults: Vec<FieldFault>) {
        self.faults.extend(faults);
    }

    /// Ends the reading. Every remaining field is unknown.
    ///
    /// # Errors
    /// Every fault, at most 50.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let mut faults = self.into_faults();
        if faults.is_empty() {
            return Ok(());
        }
        faults.truncate(MAX_FAULTS);
        Err(ApiError::invalid(faults))
    }

    /// Ends the reading of a nested object and returns its faults.
    pub(crate) fn into_faults(mut self) -> Vec<FieldFault> {
        for (name, _) in std::mem::take(&mut self.members) {
            let shown = shown(name);
            let message = format!("{shown} is not a field of this request");
            let fault = self.fault(&shown, FieldCode::UnknownField, message);
            self.faults.push(fault);
        }
        self.faults
    }

    /// A required field of any type.
    pub(crate) fn required(&mut self, field: &'static str) -> Option<JsonValue> {
        let given = self.take(field);
        if given.is_none() {
            let fault = self.fault(field, FieldCode::Required, format!("{field} is required"));
            if !self.faults.iter().any(|known| known.field == fault.field) {
                self.faults.push(fault);
            }
        }
        given
    }

    /// Adds a fault if a field is missing.
    pub(crate) fn require(&mut self, field: &'static str) {
        if !self.members.iter().any(|(name, _)| name == field) {
            self.refuse::<()>(field, FieldCode::Required, format!("{field} is required"));
        }
    }

    /// Removes a field. A repeated field is a fault and counts as absent.
    pub(crate) fn take(&mut self, field: &'static str) -> Option<JsonValue> {
        let mut found = None;
        let mut times = 0_usize;
        self.members.retain_mut(|(name, given)| {
            let this = name == field;
            if this {
                times = times.saturating_add(1);
                found = Some(std::mem::replace(given, JsonValue::Null));
            }
            !this
        });
        if times > 1 {
            let message = format!("{field} is given {times} times");
            let fault = self.fault(field, FieldCode::DuplicateField, message);
            self.faults.push(fault);
            return None;
        }
        found
    }

    fn collect<T>(&mut self, read: Result<T, FieldFault>) -> Option<T> {
        read.map_err(|fault| self.faults.push(fault)).ok()
    }
}

/// A name that an answer may repeat.
pub(crate) fn shown(name: String) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if plain && (1..=LONGEST_NAME_SHOWN).contains(&name.len()) { name } else { "(unprintable)".to_owned() }
}
