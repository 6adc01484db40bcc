//! Settings as clap reads them. A wrong value is kept as a fault instead of being refused by clap, so that all faults
//! are reported at once and none repeats its value.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::parser::ValueSource;
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
pub(crate) struct Parser<T> {
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

/// Any text: it is checked together with its pair.
pub(crate) fn any() -> Parser<String> {
    Parser::new("given", |text| Some(text.to_owned()))
}

/// A setting without a default: an empty text counts as not set.
pub(super) fn optional<T: 'static>(parser: Parser<T>) -> Parser<Option<T>> {
    let Parser { needed, parse } = parser;
    Parser::new(needed, move |text| if text.is_empty() { Some(None) } else { parse(text).map(Some) })
}

impl<T> Parser<T> {
    /// Reads a value without the white space around it, which a secret made by `echo` has.
    fn read(&self, name: &str, value: &OsStr) -> Setting<T> {
        let needed = match value.to_str().map(|text| (text, text.trim())) {
            None => "UTF-8 text",
            Some((given, "")) if !given.is_empty() => "more than white space",
            Some((_, text)) => match (self.parse)(text) {
                Some(value) => return Setting::Valid(value),
                None => &self.needed,
            },
        };
        Setting::Invalid(format!("{name} must be {needed}"))
    }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Parser<T> {
    type Value = Setting<T>;

    fn parse_ref(&self, _: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Setting<T>, Error> {
        let name = arg.and_then(Arg::get_env).unwrap_or_default().to_string_lossy();
        Ok(self.read(&name, value))
    }

    /// An empty variable counts as not set.
    fn parse_ref_(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<Setting<T>, Error> {
        let default = arg.and_then(|arg| arg.get_default_values().first());
        let value = match default {
            Some(default) if source == ValueSource::EnvVariable && value.is_empty() => default,
            _ => value,
        };
        self.parse_ref(command, arg, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the setting NAME.
    #[track_caller]
    fn check<T: PartialEq + std::fmt::Debug>(parser: &Parser<T>, text: &str, expect: Result<T, &str>) {
        let read = match parser.read("NAME", OsStr::new(text)) {
            Setting::Valid(value) => Ok(value),
            Setting::Invalid(fault) => Err(fault),
        };
        assert_eq!(read, expect.map_err(str::to_owned), "{text:?}");
    }

    #[test]
    fn white_space_around_a_value_is_ignored() {
        for text in ["7", " 7", "7\n", "7\r\n", "\t7 \n\n", "\u{a0}7"] {
            check(&number::<u64>(1..=9), text, Ok(7));
        }
    }

    #[test]
    fn white_space_alone_is_refused() {
        for text in [" ", "\n", "\r\n", "\t \n"] {
            check(&any(), text, Err("NAME must be more than white space"));
            check(&optional(any()), text, Err("NAME must be more than white space"));
        }
    }

    #[test]
    fn an_empty_value_is_no_value() {
        check(&optional(boolean()), "", Ok(None));
        check(&optional(boolean()), "true", Ok(Some(true)));
        check(&boolean(), "", Err("NAME must be true or false"));
    }

    #[test]
    fn a_number_lies_within_its_range() {
        for (text, expect) in
            [("1", Some(1)), ("9", Some(9)), ("0", None), ("10", None), ("-1", None), ("1.0", None)]
        {
            check(&number::<u64>(1..=9), text, expect.ok_or("NAME must be a number from 1 to 9"));
        }
    }
}
