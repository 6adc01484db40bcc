use fluxora_decimal::{Amount, AmountError, Found};
use fluxora_stream::{AccountId, TermsFault, UnixTime};

use crate::body::{Given, Members};
use crate::error::{ApiError, FieldFault};

/// More faults than this help nobody.
const MOST_FAULTS: usize = 50;
/// Longer names of unknown fields are not repeated: they may be anything.
const LONGEST_NAME_SHOWN: usize = 40;

/// Takes the fields of a body one by one into what they must be, and collects every fault on the way.
pub(crate) struct Fields {
    members: Members,
    faults: Vec<FieldFault>,
}

impl Fields {
    pub(crate) const fn of(members: Members) -> Self {
        Self { members, faults: Vec::new() }
    }

    /// A needed account.
    pub(crate) fn account(&mut self, field: &'static str) -> Option<AccountId> {
        let given = self.needed(field)?;
        let read = match &given {
            Given::Text(text) => AccountId::parse(text)
                .map_err(|error| FieldFault::new(field, error.code(), format!("{field}: {error}"))),
            other => {
                let message = format!("{field} must be a string: a public key (G…), not {}", other.kind());
                Err(FieldFault::new(field, "INVALID_TYPE", message))
            }
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
        let read = read.map_err(|error| FieldFault::new(field, error.code(), format!("{field}: {error}")));
        self.keep(read)
    }

    /// A time that may be absent, in Unix seconds.
    pub(crate) fn optional_time(&mut self, field: &'static str) -> Option<UnixTime> {
        let given = self.take(field)?;
        let fault = |code, what| Err(FieldFault::new(field, code, format!("{field} must be {what}")));
        let read = match &given {
            Given::Count(seconds) => Ok(UnixTime::from_seconds(*seconds)),
            Given::Number => fault("TIME_OUT_OF_RANGE", "a whole number of Unix seconds, not negative"),
            other => fault("INVALID_TYPE", &format!("a number of Unix seconds, not {}", other.kind())),
        };
        self.keep(read)
    }

    /// Whether each field by itself could be read, and none was left over.
    pub(crate) fn are_sound(&self) -> bool {
        self.faults.is_empty() && self.members.is_empty()
    }

    /// Adds the rules that what was read breaks.
    pub(crate) fn add(&mut self, broken: Vec<TermsFault>) {
        self.faults.extend(
            broken.into_iter().map(|fault| FieldFault::new(fault.field(), fault.code(), fault.to_string())),
        );
    }

    /// Ends the reading: whatever has not been taken is unknown.
    ///
    /// # Errors
    /// Every fault that was found.
    pub(crate) fn finish(mut self) -> Result<(), ApiError> {
        for (name, _) in std::mem::take(&mut self.members) {
            let shown = shown(name);
            let message = format!("{shown} is not a field of this request");
            self.faults.push(FieldFault::new(shown, "UNKNOWN_FIELD", message));
        }
        if self.faults.is_empty() {
            return Ok(());
        }
        self.faults.truncate(MOST_FAULTS);
        Err(ApiError::invalid(self.faults))
    }

    fn needed(&mut self, field: &'static str) -> Option<Given> {
        let given = self.take(field);
        if given.is_none() && !self.faults.iter().any(|fault| fault.field == field) {
            self.faults.push(FieldFault::new(field, "REQUIRED", format!("{field} is required")));
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
            self.faults.push(FieldFault::new(field, "DUPLICATE_FIELD", message));
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
