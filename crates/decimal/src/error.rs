use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use crate::FieldError;

/// The code of [`AmountError::InvalidType`].
pub(crate) const INVALID_TYPE: &str = "DECIMAL_INVALID_TYPE";

/// Why something is not an amount.
///
/// It holds none of the refused input, so it may be logged and sent back as it is. [`AmountError::code`] is for programs,
/// [`Display`](fmt::Display) is for people and says what to do.
///
/// # Examples
///
/// ```
/// use fluxora_decimal::Amount;
///
/// let refused = Amount::parse("1e10").unwrap_err();
/// assert_eq!(refused.code(), "DECIMAL_INVALID_FORMAT");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum AmountError {
    /// It is no string.
    #[error("must be a string such as \"100.5\", but it is {found}; put the amount in quotes")]
    InvalidType {
        /// What it is instead.
        found: Found,
    },
    /// It is a string, but not of the form `[+-]?digits[.digits]`.
    #[error(
        "must be a plain decimal number such as \"100\" or \"0.5\": digits, with at most one point between them"
    )]
    InvalidFormat,
    /// It is a number, but not one that an amount can be.
    #[error("{limit}")]
    OutOfRange {
        /// The limit it is beyond.
        limit: Limit,
    },
    /// It is null, or a string with nothing in it.
    #[error("must not be empty; write \"0\" for no amount")]
    Empty,
}

impl AmountError {
    /// The code of this kind of error, for programs; it never changes.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::AmountError;
    ///
    /// assert_eq!(AmountError::Empty.code(), "DECIMAL_EMPTY_VALUE");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidType { .. } => INVALID_TYPE,
            Self::InvalidFormat => "DECIMAL_INVALID_FORMAT",
            Self::OutOfRange { .. } => "DECIMAL_OUT_OF_RANGE",
            Self::Empty => "DECIMAL_EMPTY_VALUE",
        }
    }

    /// Says which field of a request the error is about.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::AmountError;
    ///
    /// let error = AmountError::Empty.in_field("depositAmount");
    /// assert_eq!(error.to_string(), "depositAmount: must not be empty; write \"0\" for no amount");
    /// ```
    pub fn in_field(self, field: impl Into<Cow<'static, str>>) -> FieldError {
        FieldError::new(field.into(), self)
    }
}

/// The limit that a number is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// More than [`MAX_DECIMALS`](crate::MAX_DECIMALS) decimals, zeros included.
    Decimals,
    /// More than [`MAX_TEXT_LEN`](crate::MAX_TEXT_LEN) bytes of text.
    Length,
    /// Below [`Amount::MIN`](crate::Amount::MIN) or above [`Amount::MAX`](crate::Amount::MAX).
    Range,
    /// An integer part beyond 2^63 - 1, see [`Amount::within_api_range`](crate::Amount::within_api_range).
    ApiRange,
    /// Divided by zero.
    DivisionByZero,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Decimals => "exceeds the maximum supported precision: at most 7 decimals",
            Self::Length => "exceeds the maximum supported precision: at most 64 characters",
            Self::Range => {
                "exceeds the supported range: -17014118346046923173168730371588.4105728 to \
                 17014118346046923173168730371588.4105727"
            }
            Self::ApiRange => "exceeds the supported range: the integer part is at most 9223372036854775807",
            Self::DivisionByZero => "cannot be divided by zero",
        })
    }
}

/// The kind of value that stands where a string is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Found {
    /// A number, such as `100`.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list of values.
    Array,
    /// A set of named values.
    Object,
    /// Raw bytes, in formats that have them.
    Bytes,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Array => "an array",
            Self::Object => "an object",
            Self::Bytes => "raw bytes",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: AmountError, code: &str, text: &str) {
        assert_eq!(error.code(), code);
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn each_error_has_its_code_and_says_what_to_do() {
        check(
            AmountError::InvalidType { found: Found::Number },
            "DECIMAL_INVALID_TYPE",
            "must be a string such as \"100.5\", but it is a number; put the amount in quotes",
        );
        check(
            AmountError::InvalidFormat,
            "DECIMAL_INVALID_FORMAT",
            "must be a plain decimal number such as \"100\" or \"0.5\": digits, with at most one point between them",
        );
        check(AmountError::Empty, "DECIMAL_EMPTY_VALUE", "must not be empty; write \"0\" for no amount");
        check(
            AmountError::OutOfRange { limit: Limit::Decimals },
            "DECIMAL_OUT_OF_RANGE",
            "exceeds the maximum supported precision: at most 7 decimals",
        );
    }

    #[test]
    fn the_limits_named_in_texts_are_the_limits() {
        use crate::{Amount, MAX_DECIMALS, MAX_TEXT_LEN};
        assert!(Limit::Decimals.to_string().contains(&format!("{MAX_DECIMALS} decimals")));
        assert!(Limit::Length.to_string().contains(&format!("{MAX_TEXT_LEN} characters")));
        assert!(Limit::Range.to_string().ends_with(&format!(": {} to {}", Amount::MIN, Amount::MAX)));
        assert!(Limit::ApiRange.to_string().ends_with(&format!(" {}", i64::MAX)));
    }
}
