//! Settings as clap reads them. A wrong value is kept as a fault instead of being refused by clap, so that all faults are reported at once
//! and none repeats its value.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::{Arg, Command, Error};

/// A setting that was given or has a default.
#[derive(Clone, Debug)]
pub(crate) enum Setting<T> {
    Valid(T),
    /// The fault: the setting's name and what it must be.
    Invalid(String),
}

type Parse<T> = Arc<dyn Fn(&str) -> Option<T> + Send + Sync>;

/// Reads the text of a setting.
#[derive(Clone)]
pub(super) struct Parser<T> {
    /// What the value must be, after "must be".
    needed: Cow<'static, str>,
    parse: Parse<T>,
}

impl<T> Parser<T> {
    pub(super) fn new(
        needed: impl Into<Cow<'static, str>>,
        parse: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        Self { needed: needed.into(), parse: Arc::new(parse) }
    }
}

/// A whole number within a range.
pub(super) fn number<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> Parser<T> {
    let needed = format!("a number from {} to {}", range.start(), range.end());
    Parser::new(needed, move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number))?;
        T::try_from(number).ok()
    })
}

/// A number of milliseconds within a range.
pub(super) fn milliseconds(range: RangeInclusive<u64>) -> Parser<Duration> {
    let number = number(range);
    Parser::new(number.needed, move |text| (number.parse)(text).map(Duration::from_millis))
}

/// A number of seconds within a range.
pub(super) fn seconds(range: RangeInclusive<u64>) -> Parser<Duration> {
    let number = number(range);
    Parser::new(number.needed, move |text| (number.parse)(text).map(Duration::from_secs))
}

pub(super) fn boolean() -> Parser<bool> {
    Parser::new("true or false", |text| text.parse().ok())
}

/// A text whose length in bytes is within a range.
pub(super) fn text(length: RangeInclusive<usize>) -> Parser<String> {
    let needed = format!("{} to {} characters", length.start(), length.end());
    Parser::new(needed, move |text| length.contains(&text.len()).then(|| text.to_owned()))
}

/// A text that is checked later, with its pair.
pub(super) fn any() -> Parser<String> {
    Parser::new("UTF-8 text", |text| Some(text.to_owned()))
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Parser<T> {
    type Value = Setting<T>;

    fn parse_ref(&self, _: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Setting<T>, Error> {
        let name = arg.and_then(Arg::get_env).unwrap_or_default().to_string_lossy();
        let Some(text) = value.to_str() else {
            return Ok(Setting::Invalid(format!("{name} must be UTF-8 text")));
        };
        Ok((self.parse)(text)
            .map_or_else(|| Setting::Invalid(format!("{name} must be {}", self.needed)), Setting::Valid))
    }
}
