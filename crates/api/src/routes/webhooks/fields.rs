//! The fields of webhook requests.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use fluxora_delivery::{
    AttemptOptions, DeliveryId, HeaderProfile, MAX_REPLAYED_DELIVERIES, OnDead, Ordering,
};
use fluxora_egress::{HeaderError, Policy, check_custom_headers};
use fluxora_stream::{Address, ContractId, EventKind, StreamId};
use fluxora_webhook::{Secret, standard};

use crate::body::JsonValue;
use crate::field_code::FieldCode;
use crate::fields::{Fields, shown};

/// The bytes of a secret.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The most attempts per second that a rate limit may name.
const MAX_RATE: u64 = 10_000;
const STANDARD_PREFIX: &str = "whsec_";

impl Fields {
    /// The URL of an endpoint in its normal form.
    pub(super) fn as_url(
        &mut self,
        field: &'static str,
        given: &JsonValue,
        policy: &Policy,
    ) -> Option<String> {
        let JsonValue::Text(text) = given else { return self.wrong_type(field, "a string", given) };
        match policy.target(text) {
            Ok(target) => Some(target.to_string()),
            Err(error) => self.refuse(field, error, error.to_string()),
        }
    }

    /// The signature headers of an endpoint.
    pub(super) fn as_profile(&mut self, field: &'static str, given: &JsonValue) -> Option<HeaderProfile> {
        let JsonValue::Text(text) = given else { return self.wrong_type(field, "a string", given) };
        let names = HeaderProfile::ALL.map(HeaderProfile::name).join(" or ");
        let profile = text.parse().ok();
        profile.or_else(|| self.refuse(field, FieldCode::InvalidValue, format!("{field} must be {names}")))
    }

    /// The order of an endpoint's deliveries.
    pub(super) fn as_ordering(&mut self, field: &'static str, given: &JsonValue) -> Option<Ordering> {
        let JsonValue::Text(text) = given else { return self.wrong_type(field, "a string", given) };
        let names = Ordering::ALL.map(Ordering::name).join(" or ");
        let ordering = text.parse().ok();
        ordering.or_else(|| self.refuse(field, FieldCode::InvalidValue, format!("{field} must be {names}")))
    }

    /// What follows a dead delivery.
    pub(super) fn as_on_dead(&mut self, field: &'static str, given: &JsonValue) -> Option<OnDead> {
        let JsonValue::Text(text) = given else { return self.wrong_type(field, "a string", given) };
        let names = OnDead::ALL.map(OnDead::name).join(" or ");
        let on_dead = text.parse().ok();
        on_dead.or_else(|| self.refuse(field, FieldCode::InvalidValue, format!("{field} must be {names}")))
    }

    /// How long a delivery may hold up the later ones of its stream, in seconds.
    pub(super) fn as_lane_block(&mut self, field: &'static str, given: &JsonValue) -> Option<u32> {
        let range =
            AttemptOptions::MIN_LANE_BLOCK_SECONDS.into()..=AttemptOptions::MAX_LANE_BLOCK_SECONDS.into();
        self.as_number(field, given, &range).and_then(|seconds| u32::try_from(seconds).ok())
    }

    /// Custom headers: an object of names and values.
    pub(super) fn as_headers(
        &mut self,
        field: &'static str,
        given: JsonValue,
    ) -> Option<Vec<(String, String)>> {
        let JsonValue::Object(members) = given else { return self.wrong_type(field, "an object", &given) };
        let mut headers = Vec::with_capacity(members.len());
        let mut are_texts = true;
        for (name, value) in members {
            match value {
                JsonValue::Text(value) => headers.push((name, value)),
                other => {
                    are_texts = false;
                    self.wrong_type::<()>(&format!("{field}.{}", shown(name)), "a string", &other);
                }
            }
        }
        let checked = are_texts.then(|| check_custom_headers(&headers))?;
        match checked {
            Ok(()) => Some(headers),
            Err(error) => {
                let named = index(error).and_then(|index| headers.get(index.checked_sub(1)?));
                let path = named.map(|(name, _)| format!("{field}.{}", shown(name.clone())));
                self.refuse(path.as_deref().unwrap_or(field), error, error.to_string())
            }
        }
    }

    /// A boolean.
    pub(super) fn as_boolean(&mut self, field: &'static str, given: &JsonValue) -> Option<bool> {
        match given {
            JsonValue::Bool(value) => Some(*value),
            other => self.wrong_type(field, "a boolean", other),
        }
    }

    /// An optional boolean. Null is absent.
    pub(super) fn optional_boolean(&mut self, field: &'static str) -> Option<bool> {
        let given = self.take(field).filter(|given| *given != JsonValue::Null)?;
        self.as_boolean(field, &given)
    }

    /// An optional list of deliveries, each once; empty if it is absent or null.
    pub(super) fn deliveries(&mut self, field: &'static str) -> Vec<DeliveryId> {
        let parse = |text: &str| DeliveryId::parse(&text.to_ascii_lowercase());
        let most = MAX_REPLAYED_DELIVERIES;
        let mut deliveries = self.list(field, most, FieldCode::InvalidValue, "the id of a delivery", parse);
        let mut seen = BTreeSet::new();
        deliveries.retain(|delivery| seen.insert(*delivery));
        deliveries
    }

    /// The time of one attempt, in seconds.
    pub(super) fn as_timeout(&mut self, field: &'static str, given: &JsonValue) -> Option<u8> {
        let range = 1..=AttemptOptions::MAX_TIMEOUT_SECONDS.into();
        self.as_number(field, given, &range).and_then(|seconds| u8::try_from(seconds).ok())
    }

    /// A schedule of retries: seconds from each failed attempt to the next one.
    pub(super) fn as_schedule(&mut self, field: &'static str, given: &JsonValue) -> Option<Vec<u32>> {
        let JsonValue::Array(entries) = given else { return self.wrong_type(field, "an array", given) };
        let (most, longest) = (AttemptOptions::MAX_RETRIES, AttemptOptions::MAX_RETRY_SECONDS);
        if !(1..=most).contains(&entries.len()) {
            return self.refuse(
                field,
                FieldCode::OutOfRange,
                format!("{field} must have 1 to {most} entries"),
            );
        }
        let mut schedule = Vec::with_capacity(entries.len());
        for (number, entry) in entries.iter().enumerate() {
            let field = format!("{field}[{number}]");
            match entry {
                JsonValue::Count(seconds) if (1..=longest.into()).contains(seconds) => {
                    schedule.extend(u32::try_from(*seconds));
                }
                JsonValue::Count(_) | JsonValue::Number => {
                    let message = format!("{field} must be a whole number from 1 to {longest}");
                    self.refuse::<()>(&field, FieldCode::OutOfRange, message);
                }
                other => _ = self.wrong_type::<()>(&field, "a number", other),
            }
        }
        (schedule.len() == entries.len()).then_some(schedule)
    }

    /// A limit of attempts per second.
    pub(super) fn as_rate(&mut self, field: &'static str, given: &JsonValue) -> Option<NonZeroU32> {
        let rate = self.as_number(field, given, &(1..=MAX_RATE))?;
        u32::try_from(rate).ok().and_then(NonZeroU32::new)
    }

    /// An optional secret that the client chose. Null is absent.
    pub(super) fn optional_secret(&mut self, field: &'static str) -> Option<Secret> {
        let given = self.take(field).filter(|given| *given != JsonValue::Null)?;
        let JsonValue::Text(text) = given else { return self.wrong_type(field, "a string", &given) };
        match secret(text) {
            Ok(secret) => Some(secret),
            Err(code) => {
                let message =
                    "a secret is whsec_ and the base64 of 24 to 64 bytes, or 48 to 128 hexadecimal digits";
                self.refuse(field, code, message)
            }
        }
    }

    /// An optional list of event types, empty if it is absent or null.
    pub(super) fn event_types(&mut self, field: &'static str) -> Vec<EventKind> {
        let names = EventKind::ALL.map(EventKind::name).join(", ");
        let mut kinds = self.words(field, FieldCode::InvalidEventType, &names, |text| text.parse().ok());
        let mut seen = Vec::with_capacity(EventKind::ALL.len());
        kinds.retain(|kind| {
            let is_first = !seen.contains(kind);
            seen.push(*kind);
            is_first
        });
        kinds
    }

    /// An optional list of words, empty if it is absent or null.
    pub(super) fn words<T>(
        &mut self,
        field: &'static str,
        code: FieldCode,
        names: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        self.list(field, MAX_WORDS, code, &format!("one of {names}"), parse)
    }

    /// An optional list of at most `most` texts of which each is `needed`, empty if it is absent or null.
    fn list<T>(
        &mut self,
        field: &'static str,
        most: usize,
        code: FieldCode,
        needed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let elements = match self.take(field) {
            None | Some(JsonValue::Null) => return Vec::new(),
            Some(JsonValue::Array(elements)) if elements.len() <= most => elements,
            Some(JsonValue::Array(_)) => {
                let message = format!("{field} has at most {most} elements");
                self.refuse::<()>(field, FieldCode::OutOfRange, message);
                return Vec::new();
            }
            Some(other) => {
                self.wrong_type::<()>(field, "an array", &other);
                return Vec::new();
            }
        };
        let mut words = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            let path = format!("{field}[{index}]");
            match element {
                JsonValue::Text(text) => match parse(&text) {
                    Some(word) => words.push(word),
                    None => {
                        self.refuse::<()>(&path, code, format!("{path} must be {needed}"));
                    }
                },
                other => {
                    self.wrong_type::<()>(&path, "a string", &other);
                }
            }
        }
        words
    }

    /// An optional id of a stream. Null is absent.
    pub(super) fn optional_stream(&mut self, field: &'static str) -> Option<StreamId> {
        let text = self.optional_word(field)?;
        let uuid = || StreamId::parse(&text.to_ascii_lowercase());
        StreamId::parse(&text).or_else(uuid).or_else(|| {
            self.refuse(field, FieldCode::InvalidStreamId, format!("{field} must be the id of a stream"))
        })
    }

    /// An optional address of an account or a contract. Null is absent.
    pub(super) fn optional_address(&mut self, field: &'static str) -> Option<Address> {
        let text = self.optional_word(field)?;
        match Address::parse(&text) {
            Ok(address) => Some(address),
            Err(error) => self.refuse(field, error, format!("{field}: {error}")),
        }
    }

    /// An optional contract (`C…`). Null is absent.
    pub(super) fn optional_contract(&mut self, field: &'static str) -> Option<ContractId> {
        let text = self.optional_word(field)?;
        match ContractId::parse(&text) {
            Ok(contract) => Some(contract),
            Err(error) => self.refuse(field, error, format!("{field}: {error}")),
        }
    }

    fn optional_word(&mut self, field: &'static str) -> Option<String> {
        match self.take(field)? {
            JsonValue::Null => None,
            JsonValue::Text(text) => Some(text),
            other => self.wrong_type(field, "a string", &other),
        }
    }
}

/// The most elements of a list of words.
const MAX_WORDS: usize = 100;

/// The header that an error names, from 1.
const fn index(error: HeaderError) -> Option<usize> {
    match error {
        HeaderError::TooMany => None,
        HeaderError::Name { index }
        | HeaderError::Reserved { index }
        | HeaderError::Repeated { index }
        | HeaderError::Value { index } => Some(index),
    }
}

/// A secret that a client chose, by its rules.
fn secret(text: String) -> Result<Secret, FieldCode> {
    let digits = text.len();
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit()) && digits.is_multiple_of(2);
    let is_standard = text.starts_with(STANDARD_PREFIX);
    let secret = Secret::new(text).map_err(|_| FieldCode::SecretInvalid)?;
    let bytes = match is_standard {
        true => match standard::Signer::new(&secret) {
            Ok(_) => return Ok(secret),
            Err(standard::KeyError::Length { bytes }) => bytes,
            Err(_) => return Err(FieldCode::SecretInvalid),
        },
        false if is_hex => digits / 2,
        false => return Err(FieldCode::SecretInvalid),
    };
    match bytes {
        bytes if bytes < *SECRET_BYTES.start() => Err(FieldCode::SecretTooShort),
        bytes if bytes > *SECRET_BYTES.end() => Err(FieldCode::SecretTooLong),
        _ => Ok(secret),
    }
}

/// Whether Standard Webhooks can use a secret. One in hexadecimal would be read as base64.
pub(super) fn is_standard(secret: &Secret) -> bool {
    secret.expose().starts_with(STANDARD_PREFIX) && standard::Signer::new(secret).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<bool, FieldCode>) {
        assert_eq!(secret(text.to_owned()).map(|secret| is_standard(&secret)), expect, "{text}");
    }

    #[test]
    fn a_secret_is_whsec_and_base64_or_hexadecimal_of_24_to_64_bytes() {
        check("whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx", Ok(true));
        check(&"0aF9".repeat(12), Ok(false));
        check(&"ab".repeat(64), Ok(false));
        check(&"ab".repeat(23), Err(FieldCode::SecretTooShort));
        check(&"ab".repeat(65), Err(FieldCode::SecretTooLong));
        check("whsec_dG9vLXNob3J0", Err(FieldCode::SecretTooShort));
        check(&format!("whsec_{}", "QUFB".repeat(22)), Err(FieldCode::SecretTooLong));
        for text in ["", "topsecret", &"abc".repeat(17), "whsec_not base64!", " whsec_QUFB", "wHsec_QUFB"] {
            check(text, Err(FieldCode::SecretInvalid));
        }
    }
}
