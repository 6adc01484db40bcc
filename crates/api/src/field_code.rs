use fluxora_decimal::AmountError;
use fluxora_egress::{HeaderError, TargetError};
use fluxora_stream::{AddressError, TermsFault};
use serde::{Serialize, Serializer};

/// Defines the enum, the list of all codes and their texts from one table.
macro_rules! field_codes {
    ($($(#[$doc:meta])+ $code:ident = $text:literal,)+) => {
        /// The closed set of `details[].code`: what is wrong with one field, parameter or header.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FieldCode {
            $($(#[$doc])+ $code,)+
        }

        impl FieldCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The code as it is sent.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)+
                }
            }
        }
    };
}

field_codes! {
    /// A required field, or the whole body, is missing.
    Required = "REQUIRED",
    /// The value has another type than the field.
    InvalidType = "INVALID_TYPE",
    /// There is no such field or parameter.
    UnknownField = "UNKNOWN_FIELD",
    /// The field or parameter is sent more than once.
    DuplicateField = "DUPLICATE_FIELD",
    /// A query parameter, or a field of a batch, that cannot be read.
    InvalidValue = "INVALID_VALUE",
    /// A cursor of another list, or a text that is no cursor.
    InvalidCursor = "INVALID_CURSOR",
    /// A position after the newest event of the log.
    CursorAhead = "CURSOR_AHEAD",
    /// A malformed `Idempotency-Key`.
    InvalidKey = "INVALID_KEY",
    /// The body is not JSON.
    InvalidJson = "INVALID_JSON",
    /// The body is not UTF-8.
    InvalidUtf8 = "INVALID_UTF8",
    /// The body is JSON, but not an object.
    BodyNotObject = "BODY_NOT_OBJECT",
    /// The body is nested too deeply.
    BodyTooDeep = "BODY_TOO_DEEP",
    /// An amount that is no string.
    DecimalInvalidType = "DECIMAL_INVALID_TYPE",
    /// An amount that is not `[+-]?digits[.digits]`.
    DecimalInvalidFormat = "DECIMAL_INVALID_FORMAT",
    /// An amount with too many decimals, or too large.
    DecimalOutOfRange = "DECIMAL_OUT_OF_RANGE",
    /// An amount that is empty or null.
    DecimalEmptyValue = "DECIMAL_EMPTY_VALUE",
    /// An amount that is zero or negative.
    AmountNotPositive = "AMOUNT_NOT_POSITIVE",
    /// The deposit does not last one second.
    DepositBelowRate = "DEPOSIT_BELOW_RATE",
    /// The deposit lasts longer than the chain can count.
    RateTooLow = "RATE_TOO_LOW",
    /// Not a Stellar address of the required kind.
    InvalidAddress = "INVALID_ADDRESS",
    /// A secret seed was sent.
    SecretKeyRefused = "SECRET_KEY_REFUSED",
    /// Both are the same account.
    SenderIsRecipient = "SENDER_IS_RECIPIENT",
    /// A time outside the accepted range.
    TimeOutOfRange = "TIME_OUT_OF_RANGE",
    /// The stream would end before or as it starts.
    EndNotAfterStart = "END_NOT_AFTER_START",
    /// The cliff is not between start and end.
    CliffOutsideStream = "CLIFF_OUTSIDE_STREAM",
    /// More events than a batch may have, or neither an event nor a tip.
    BatchSize = "BATCH_SIZE",
    /// The id is in the batch twice.
    DuplicateEventId = "DUPLICATE_EVENT_ID",
    /// The batch has two hashes for one ledger, or a ledger without a link to the one before it.
    LedgerHashMismatch = "LEDGER_HASH_MISMATCH",
    /// The batch has two close times for one ledger.
    CloseTimeMismatch = "CLOSE_TIME_MISMATCH",
    /// The batch has an event after its tip.
    TipTooLow = "TIP_TOO_LOW",
    /// The chain cannot have reached the ledger.
    LedgerTooHigh = "LEDGER_TOO_HIGH",
    /// The event is known with other contents at its position or under its id.
    EventDiffers = "EVENT_DIFFERS",
    /// The ledger is stored with another previous hash or close time.
    LedgerDiffers = "LEDGER_DIFFERS",
    /// A number outside the accepted range.
    OutOfRange = "OUT_OF_RANGE",
    /// Not the id of a stream.
    InvalidStreamId = "INVALID_STREAM_ID",
    /// A text that names no type of event.
    InvalidEventType = "INVALID_EVENT_TYPE",
    /// A text that names no status.
    InvalidStatus = "INVALID_STATUS",
    /// The URL of an endpoint has more than 2048 bytes.
    UrlTooLong = "URL_TOO_LONG",
    /// The URL of an endpoint is no absolute URL in ASCII.
    UrlInvalid = "URL_INVALID",
    /// The URL of an endpoint is neither `https` nor `http`.
    UrlSchemeNotAllowed = "URL_SCHEME_NOT_ALLOWED",
    /// The URL of an endpoint is `http`, and that is not switched on.
    UrlPlainHttpNotAllowed = "URL_PLAIN_HTTP_NOT_ALLOWED",
    /// The URL of an endpoint has a user or a password.
    UrlUserinfoNotAllowed = "URL_USERINFO_NOT_ALLOWED",
    /// The URL of an endpoint has a fragment.
    UrlFragmentNotAllowed = "URL_FRAGMENT_NOT_ALLOWED",
    /// The port of an endpoint's URL is neither 443 nor at least 1024.
    UrlPortNotAllowed = "URL_PORT_NOT_ALLOWED",
    /// The host of an endpoint's URL is an address that is not public.
    UrlAddressNotAllowed = "URL_ADDRESS_NOT_ALLOWED",
    /// The name of a custom header is no token of at most 64 characters.
    HeaderNameInvalid = "HEADER_NAME_INVALID",
    /// The name of a custom header is set by the sender or by the connection.
    HeaderNameReserved = "HEADER_NAME_RESERVED",
    /// The value of a custom header is not 1 to 4096 visible ASCII characters with blanks between them.
    HeaderValueInvalid = "HEADER_VALUE_INVALID",
    /// More than 20 custom headers, or more than 16 KiB of them.
    TooManyHeaders = "TOO_MANY_HEADERS",
    /// A secret that is neither `whsec_` and base64 nor hexadecimal.
    SecretInvalid = "SECRET_INVALID",
    /// A secret of less than 24 bytes.
    SecretTooShort = "SECRET_TOO_SHORT",
    /// A secret of more than 64 bytes.
    SecretTooLong = "SECRET_TOO_LONG",
    /// The secret signs already.
    SecretReused = "SECRET_REUSED",
    /// A secret that Standard Webhooks cannot use.
    SecretNotStandard = "SECRET_NOT_STANDARD",
}

impl Serialize for FieldCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl From<AddressError> for FieldCode {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::SecretKey => Self::SecretKeyRefused,
            _ => Self::InvalidAddress,
        }
    }
}

impl From<AmountError> for FieldCode {
    fn from(error: AmountError) -> Self {
        match error {
            AmountError::InvalidType { .. } => Self::DecimalInvalidType,
            AmountError::OutOfRange { .. } => Self::DecimalOutOfRange,
            AmountError::Empty => Self::DecimalEmptyValue,
            _ => Self::DecimalInvalidFormat,
        }
    }
}

impl From<TargetError> for FieldCode {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::TooLong => Self::UrlTooLong,
            TargetError::Scheme => Self::UrlSchemeNotAllowed,
            TargetError::PlainHttp => Self::UrlPlainHttpNotAllowed,
            TargetError::UserInfo => Self::UrlUserinfoNotAllowed,
            TargetError::Fragment => Self::UrlFragmentNotAllowed,
            TargetError::Port => Self::UrlPortNotAllowed,
            TargetError::Address { .. } => Self::UrlAddressNotAllowed,
            // The enumeration grows: a fault without a code is one of the form.
            _ => Self::UrlInvalid,
        }
    }
}

impl From<HeaderError> for FieldCode {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::TooMany => Self::TooManyHeaders,
            HeaderError::Name { .. } => Self::HeaderNameInvalid,
            HeaderError::Reserved { .. } => Self::HeaderNameReserved,
            HeaderError::Repeated { .. } => Self::DuplicateField,
            HeaderError::Value { .. } => Self::HeaderValueInvalid,
        }
    }
}

impl From<TermsFault> for FieldCode {
    fn from(fault: TermsFault) -> Self {
        match fault {
            TermsFault::SenderIsRecipient => Self::SenderIsRecipient,
            TermsFault::DepositNotPositive | TermsFault::RateNotPositive => Self::AmountNotPositive,
            TermsFault::DepositBelowRate => Self::DepositBelowRate,
            TermsFault::NeverFinishes => Self::RateTooLow,
            TermsFault::TimeOutOfRange { .. } => Self::TimeOutOfRange,
            TermsFault::EndNotAfterStart => Self::EndNotAfterStart,
            TermsFault::CliffOutsideStream => Self::CliffOutsideStream,
        }
    }
}

#[cfg(test)]
mod tests {
    use fluxora_decimal::Amount;

    use super::*;

    #[test]
    fn an_amount_error_has_the_code_of_the_decimal_crate() {
        let errors = ["", "1e10", "1.00000001"].map(|text| Amount::parse(text).unwrap_err());
        let wrong_type = AmountError::InvalidType { found: fluxora_decimal::Found::Number };
        for error in errors.into_iter().chain([wrong_type]) {
            assert_eq!(FieldCode::from(error).as_str(), error.code());
        }
    }

    #[test]
    fn a_url_fault_has_the_code_of_the_egress_crate() {
        let policy = fluxora_egress::Policy::default();
        let long = format!("https://example.com/{}", "a".repeat(3_000));
        for url in [
            long.as_str(),
            "",
            "ftp://example.com/",
            "http://example.com/",
            "https://user@example.com/",
            "https://example.com/#a",
            "https://example.com:25/",
            "https://127.0.0.1/",
        ] {
            let error = policy.target(url).unwrap_err();
            assert_eq!(FieldCode::from(error).as_str(), error.code(), "{url}");
        }
    }
}
