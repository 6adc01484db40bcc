use std::borrow::Cow;

use fluxora_decimal::{Amount, AmountError, Found};
use fluxora_indexer::Opaque;
use fluxora_stream::{AccountId, ContractId, TermsFault, UnixTime};
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::body::{Given, Members};
use crate::error::{ApiError, FieldFault};
use crate::field_code::FieldCode;
use crate::instant;

/// More faults than this help nobody.
const MOST_FAULTS: usize = 50;
/// Longer names of unknown fields are not repeated: they may be anything.
const LONGEST_NAME_SHOWN: usize = 40;

/// Takes the fields of a body one by one into what they must be, and collects every fault on the way.
pub(crate) struct Fields {
    /// What stands before a field's name in a fault: where the object lies in the body.
    within: String,
    members: Members,
    faults: Vec<FieldFault>,
}

impl Fields {
    pub(crate) const fn of(members: Members) -> Self {
        Self { within: String::new(), members, faults: Vec::new() }
    }

    /// The fields of an object inside of a body.
    pub(crate) const fn within(within: String, members: Members) -> Self {
        Self { within, members, faults: Vec::new() }
    }

    /// A needed account.
    pub(crate) fn account(&mut self, field: &'static str) -> Option<AccountId> {
        let given = self.needed(field)?;
        let read = match &given {
            Given::Text(text) => AccountId::parse(text)
                .map_err(|error| FieldFault::new(field, error, format!("{field}: {error}"))),
            other => {
                let message = format!("{field} must be a string: a public key (G…), not {}", other.kind());
                Err(FieldFault::new(field, FieldCode::InvalidType, message))
            }
        };
        self.keep(read)
    }

    /// A needed contract (`C…`).
    pub(crate) fn contract(&mut self, field: &'static str) -> Option<Opaque> {
        let read = match self.needed(field)? {
            Given::Text(text) => ContractId::parse(&text)
                .map_err(|error| self.fault(field, error, format!("{field}: {error}")))
                .and_then(|_| {
                    Opaque::new(&text)
                        .map_err(|error| self.fault(field, FieldCode::InvalidAddress, error.to_string()))
                }),
            other => return self.wrong_type(field, "a string", &other),
        };
        self.keep(read)
    }

    /// A needed amount, within the range the API takes.
    pub(crate) fn amount(&mut self, field: &'static str) -> Option<Amount> {
        let given = self.needed(field)?;
        let read = match &given {
            Given::Text(text) => Amount::parse(text).and_then(Amount::within_api_range),
            Given::Null => Err(AmountError::Empty),
            Given::Bool => Err(AmountError::InvalidType { found: Found::Boolean }),
            Given::Count(_) | Given::Number => Err(AmountError::InvalidType { found: Found::Number }),
            Given::Array => Err(AmountError::InvalidType { found: Found::Array }),
            Given::Object(_) => Err(AmountError::InvalidType { found: Found::Object }),
        };
        let read = read.map_err(|error| FieldFault::new(field, error, format!("{field}: {error}")));
        self.keep(read)
    }

    /// A time in Unix seconds that may be absent or null.
    pub(crate) fn optional_time(&mut self, field: &'static str) -> Option<UnixTime> {
        let given = self.take(field).filter(|given| *given != Given::Null)?;
        let fault = |code, what| Err(FieldFault::new(field, code, format!("{field} must be {what}")));
        let read = match &given {
            Given::Count(seconds) => Ok(UnixTime::from_seconds(*seconds)),
            Given::Number => fault(FieldCode::TimeOutOfRange, "a whole number of Unix seconds, not negative"),
            other => {
                fault(FieldCode::InvalidType, &format!("a number of Unix seconds, not {}", other.kind()))
            }
        };
        self.keep(read)
    }

    /// A needed text that names something on chain.
    pub(crate) fn opaque(&mut self, field: &'static str) -> Option<Opaque> {
        let given = self.needed(field)?;
        self.as_opaque(field, &given)
    }

    /// The same, where it may be absent or null.
    pub(crate) fn optional_opaque(&mut self, field: &'static str) -> Option<Opaque> {
        let given = self.take(field).filter(|given| *given != Given::Null)?;
        self.as_opaque(field, &given)
    }

    fn as_opaque(&mut self, field: &'static str, given: &Given) -> Option<Opaque> {
        match given {
            Given::Text(text) => {
                let fault = |error| self.fault(field, FieldCode::InvalidValue, format!("{field} {error}"));
                let read = Opaque::new(text).map_err(fault);
                self.keep(read)
            }
            other => self.wrong_type(field, "a string", other),
        }
    }

    /// A needed whole number from 0 to 4294967295.
    pub(crate) fn count(&mut self, field: &'static str) -> Option<u32> {
        let needed = "a whole number from 0 to 4294967295";
        match self.needed(field)? {
            Given::Count(count) => {
                let fault =
                    |_| self.fault(field, FieldCode::InvalidValue, format!("{field} must be {needed}"));
                let read = u32::try_from(count).map_err(fault);
                self.keep(read)
            }
            Given::Number => {
                let fault = self.fault(field, FieldCode::InvalidValue, format!("{field} must be {needed}"));
                self.keep(Err(fault))
            }
            other => self.wrong_type(field, "a number", &other),
        }
    }

    /// A needed instant, RFC 3339; what is finer than a millisecond is cut off.
    pub(crate) fn instant(&mut self, field: &'static str) -> Option<Timestamp> {
        let given = self.needed(field)?;
        self.as_instant(field, &given)
    }

    /// The same, where it may be absent or null.
    pub(crate) fn optional_instant(&mut self, field: &'static str) -> Option<Timestamp> {
        let given = self.take(field).filter(|given| *given != Given::Null)?;
        self.as_instant(field, &given)
    }

    fn as_instant(&mut self, field: &'static str, given: &Given) -> Option<Timestamp> {
        let Given::Text(text) = given else { return self.wrong_type(field, "a string", given) };
        let instant = instant::parse_to_millisecond(text).ok_or_else(|| {
            let message = format!("{field} must be {}", instant::EXPECTED);
            self.fault(field, FieldCode::InvalidValue, message)
        });
        self.keep(instant)
    }

    /// A needed text of 1 to `most` characters, none of them a control character.
    pub(crate) fn text(&mut self, field: &'static str, most: usize) -> Option<String> {
        match self.needed(field)? {
            Given::Text(text)
                if (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control) =>
            {
                Some(text)
            }
            Given::Text(_) => {
                let message =
                    format!("{field} must be 1 to {most} characters, none of them a control character");
                let fault = self.fault(field, FieldCode::InvalidValue, message);
                self.keep(Err(fault))
            }
            other => self.wrong_type(field, "a string", &other),
        }
    }

    /// An object that may be absent or null.
    pub(crate) fn object(&mut self, field: &'static str) -> Option<Members> {
        match self.take(field)? {
            Given::Null => None,
            Given::Object(members) => Some(members),
            other => self.wrong_type(field, "an object", &other),
        }
    }

    /// A needed object, exactly as it was written, of which these values were given.
    pub(crate) fn raw_object<'a>(&mut self, field: &'static str, given: &[&'a RawValue]) -> Option<&'a str> {
        let (code, message) = match given {
            [value] if value.get().starts_with('{') => return Some(value.get()),
            [] => (FieldCode::Required, format!("{field} is required")),
            [_] => (FieldCode::InvalidType, format!("{field} must be an object")),
            _ => (FieldCode::DuplicateField, format!("{field} is given {} times", given.len())),
        };
        let fault = self.fault(field, code, message);
        self.keep(Err(fault))
    }

    fn wrong_type<T>(&mut self, field: &'static str, needed: &str, given: &Given) -> Option<T> {
        let message = format!("{field} must be {needed}, not {}", given.kind());
        let fault = self.fault(field, FieldCode::InvalidType, message);
        self.keep(Err(fault))
    }

    fn fault(
        &self,
        field: &str,
        code: impl Into<FieldCode>,
        message: impl Into<Cow<'static, str>>,
    ) -> FieldFault {
        FieldFault::new(format!("{}{field}", self.within), code, message)
    }

    /// Whether each field by itself could be read, and none was left over.
    pub(crate) fn are_sound(&self) -> bool {
        self.faults.is_empty() && self.members.is_empty()
    }

    /// Adds the rules that what was read breaks.
    pub(crate) fn add_broken(&mut self, broken: Vec<TermsFault>) {
        self.faults
            .extend(broken.into_iter().map(|fault| FieldFault::new(fault.field(), fault, fault.to_string())));
    }

    /// Adds faults that were found elsewhere.
    pub(crate) fn add(&mut self, faults: Vec<FieldFault>) {
        self.faults.extend(faults);
    }

    /// Ends the reading: whatever has not been taken is unknown.
    ///
    /// # Errors
    /// Every fault that was found.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let mut faults = self.into_faults();
        if faults.is_empty() {
            return Ok(());
        }
        faults.truncate(MOST_FAULTS);
        Err(ApiError::invalid(faults))
    }

    /// Ends the reading of a part; hands back every fault that was found in it.
    pub(crate) fn into_faults(mut self) -> Vec<FieldFault> {
        for (name, _) in std::mem::take(&mut self.members) {
            let shown = shown(name);
            let message = format!("{shown} is not a field of this request");
            let fault = self.fault(&shown, FieldCode::UnknownField, message);
            self.faults.push(fault);
        }
        self.faults
    }

    fn needed(&mut self, field: &'static str) -> Option<Given> {
        let given = self.take(field);
        if given.is_none() {
            let fault = self.fault(field, FieldCode::Required, format!("{field} is required"));
            if !self.faults.iter().any(|known| known.field == fault.field) {
                self.faults.push(fault);
            }
        }
        given
    }

    /// Takes a field out; one that was given twice counts as not given, and is a fault.
    fn take(&mut self, field: &'static str) -> Option<Given> {
        let mut found = None;
        let mut times = 0_usize;
        self.members.retain_mut(|(name, given)| {
            let this = name == field;
            if this {
                times = times.saturating_add(1);
                found = Some(std::mem::replace(given, Given::Null));
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

    fn keep<T>(&mut self, read: Result<T, FieldFault>) -> Option<T> {
        read.map_err(|fault| self.faults.push(fault)).ok()
    }
}

/// A name as far as it can be repeated to whoever sent it.
fn shown(name: String) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if plain && (1..=LONGEST_NAME_SHOWN).contains(&name.len()) { name } else { "(unprintable)".to_owned() }
}
