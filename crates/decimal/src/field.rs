use std::borrow::Cow;

use thiserror::Error;

use crate::AmountError;

/// An [`AmountError`], and the field of a request that it is about.
///
/// Made by [`AmountError::in_field`].
///
/// # Examples
///
/// ```
/// use fluxora_decimal::{Amount, FieldError};
///
/// fn rate(text: &str) -> Result<Amount, FieldError> {
///     Amount::parse(text).map_err(|error| error.in_field("ratePerSecond"))
/// }
///
/// let refused = rate(".5").unwrap_err();
/// assert_eq!(refused.field(), "ratePerSecond");
/// assert_eq!(refused.code(), "DECIMAL_INVALID_FORMAT");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Error)]
#[error("{field}: {error}")]
pub struct FieldError {
    field: Cow<'static, str>,
    error: AmountError,
}

impl FieldError {
    pub(crate) const fn new(field: Cow<'static, str>, error: AmountError) -> Self {
        Self { field, error }
    }

    /// The name of the field.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn error(&self) -> AmountError {
        self.error
    }

    /// The code of what is wrong with it, as [`AmountError::code`].
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.error.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_error_names_its_field_once() {
        let error = AmountError::Empty.in_field(format!("streams[{}].depositAmount", 3));
        assert_eq!(
            error.to_string(),
            "streams[3].depositAmount: must not be empty; write \"0\" for no amount"
        );
        assert_eq!(error.field(), "streams[3].depositAmount");
        assert_eq!(error.error(), AmountError::Empty);
        assert_eq!(error.code(), "DECIMAL_EMPTY_VALUE");
    }
}
