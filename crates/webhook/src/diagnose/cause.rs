//! What a diagnosis says.

use std::fmt;

use crate::Rejection;

/// The outcome of [`diagnose`](super::diagnose).
///
/// ```
/// use fluxora_webhook::{UnixSeconds, diagnose::{Cause, diagnose}};
///
/// let headers = [("webhook-id", "msg_01"), ("webhook-signature", "v1,abc")];
/// let diagnosis = diagnose(b"topsecret", &headers, b"{}", UnixSeconds::new(0));
/// assert!(!diagnosis.is_genuine());
/// assert_eq!(diagnosis.causes(), [Cause::OnlyStandardWebhooksHeaders]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    rejection: Option<Rejection>,
    causes: Vec<Cause>,
}

impl Diagnosis {
    pub(super) fn genuine() -> Self {
        Self { rejection: None, causes: Vec::new() }
    }

    pub(super) fn refused(rejection: Rejection, causes: Vec<Cause>) -> Self {
        Self { rejection: Some(rejection), causes }
    }

    /// Whether the delivery verifies as it is.
    ///
    /// ```
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds, diagnose::diagnose};
    /// # let now = UnixSeconds::new(1_700_000_000);
    /// # let delivery = Delivery::new("dlv_01", "stream.updated", b"{}")?;
    /// # let headers = Signer::new(&Secret::new("topsecret")?).sign(&delivery, now)?;
    /// assert!(diagnose(b"topsecret", &headers, b"{}", now).is_genuine());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn is_genuine(&self) -> bool {
        self.rejection.is_none()
    }

    /// What a verifier answers, if it refuses.
    ///
    /// ```
    /// # use fluxora_webhook::{UnixSeconds, diagnose::diagnose};
    /// let headers: [(&str, &str); 0] = [];
    /// let diagnosis = diagnose(b"topsecret", &headers, b"{}", UnixSeconds::new(0));
    /// assert_eq!(diagnosis.rejection().unwrap().code(), "missing_delivery_id");
    /// ```
    #[must_use]
    pub const fn rejection(&self) -> Option<Rejection> {
        self.rejection
    }

    /// What is probably wrong. Together they turn the delivery into a genuine one, unless [`Cause::Unexplained`] is among
    /// them; empty when it is genuine or the rejection says it all.
    ///
    /// ```
    /// # use fluxora_webhook::{UnixSeconds, diagnose::diagnose};
    /// # let headers: [(&str, &str); 0] = [];
    /// for cause in diagnose(b"topsecret", &headers, b"{}", UnixSeconds::new(0)).causes() {
    ///     println!("{}: {cause}", cause.code());
    /// }
    /// ```
    #[must_use]
    pub fn causes(&self) -> &[Cause] {
        &self.causes
    }
}

/// One mistake. `Display` says what to do about it.
///
/// ```
/// use fluxora_webhook::diagnose::Cause;
///
/// let cause = Cause::ClockSkew { seconds_behind: 900 };
/// assert_eq!(cause.code(), "clock_skew");
/// assert!(cause.to_string().starts_with("the timestamp is 900 seconds in the past"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The configured secret is empty or blank.
    SecretEmpty,
    /// The configured secret has blanks or line breaks around it.
    SecretHasSurroundingBlanks,
    /// The configured secret has quotation marks around it.
    SecretIsQuoted,
    /// The sender's secret ends with a line break and the configured one does not.
    SenderSecretEndsWithLineBreak,
    /// The configured secret is not one line of UTF-8.
    SecretUnusable,
    /// The signature was made with the decoded key of Standard Webhooks instead of the secret's text.
    StandardWebhooksKey,
    /// The signature was made with the text after `whsec_` instead of the whole text.
    KeyWithoutPrefix,
    /// The configured secret lacks the `whsec_` that it begins with at the sender.
    SecretPrefixCutOff,
    /// The configured secret is what the base64 after `whsec_` stands for. Found with the feature `standard-webhooks`.
    SecretDecoded,
    /// The timestamp is more than 300 seconds away.
    ClockSkew {
        /// How far the timestamp is in the past; negative when it is in the future.
        seconds_behind: i64,
    },
    /// The timestamp counts milliseconds.
    TimestampInMilliseconds,
    /// The timestamp is not 1 to 12 digits without a leading zero.
    TimestampMalformed,
    /// The signature is not 64 hex digits, nor anything else that is known.
    SignatureMalformed,
    /// The signature is right but is written in base64 or with a prefix.
    SignatureInOtherNotation,
    /// The signature covers the body without the timestamp.
    TimestampNotSigned,
    /// The signature covers `id.timestamp.body`, as in Standard Webhooks.
    IdSigned,
    /// The request has the headers of Standard Webhooks only.
    OnlyStandardWebhooksHeaders,
    /// The event header, which is not signed, is there twice or is not the `type` of the signed body.
    EventHeaderContradictsBody,
    /// The delivery id header, which is not signed, is not the `delivery_id` of the signed body.
    DeliveryIdContradictsBody,
    /// A line break was added to the end of the body.
    BodyGainedLineBreak,
    /// The line break at the end of the body was lost.
    BodyLostLineBreak,
    /// The line breaks of the body were changed between LF and CRLF.
    BodyLineBreaksChanged,
    /// A byte order mark was put before the body.
    BodyGainedByteOrderMark,
    /// The JSON of the body was parsed and written again with other white space.
    BodyReformatted,
    /// The JSON of the body was parsed and written again with other escapes for characters beyond ASCII.
    BodyEscapesChanged,
    /// None of the known mistakes leads to this signature.
    Unexplained,
}

impl Cause {
    /// The stable, lower-case code for programs.
    ///
    /// ```
    /// # use fluxora_webhook::diagnose::Cause;
    /// assert_eq!(Cause::BodyReformatted.code(), "body_reformatted");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SecretEmpty => "secret_empty",
            Self::SecretHasSurroundingBlanks => "secret_has_surrounding_blanks",
            Self::SecretIsQuoted => "secret_is_quoted",
            Self::SenderSecretEndsWithLineBreak => "sender_secret_ends_with_line_break",
            Self::SecretUnusable => "secret_unusable",
            Self::StandardWebhooksKey => "standard_webhooks_key",
            Self::KeyWithoutPrefix => "key_without_prefix",
            Self::SecretPrefixCutOff => "secret_prefix_cut_off",
            Self::SecretDecoded => "secret_decoded",
            Self::ClockSkew { .. } => "clock_skew",
            Self::TimestampInMilliseconds => "timestamp_in_milliseconds",
            Self::TimestampMalformed => "timestamp_malformed",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignatureInOtherNotation => "signature_in_other_notation",
            Self::TimestampNotSigned => "timestamp_not_signed",
            Self::IdSigned => "id_signed",
            Self::OnlyStandardWebhooksHeaders => "only_standard_webhooks_headers",
            Self::EventHeaderContradictsBody => "event_header_contradicts_body",
            Self::DeliveryIdContradictsBody => "delivery_id_contradicts_body",
            Self::BodyGainedLineBreak => "body_gained_line_break",
            Self::BodyLostLineBreak => "body_lost_line_break",
            Self::BodyLineBreaksChanged => "body_line_breaks_changed",
            Self::BodyGainedByteOrderMark => "body_gained_byte_order_mark",
            Self::BodyReformatted => "body_reformatted",
            Self::BodyEscapesChanged => "body_escapes_changed",
            Self::Unexplained => "unexplained",
        }
    }

    /// Secret first, then time, then signature, then body: the order in which people can check.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::SecretEmpty
            | Self::SecretHasSurroundingBlanks
            | Self::SecretIsQuoted
            | Self::SenderSecretEndsWithLineBreak
            | Self::SecretUnusable
            | Self::StandardWebhooksKey
            | Self::KeyWithoutPrefix
            | Self::SecretPrefixCutOff
            | Self::SecretDecoded => 0,
            Self::ClockSkew { .. } | Self::TimestampInMilliseconds | Self::TimestampMalformed => 1,
            Self::SignatureMalformed
            | Self::SignatureInOtherNotation
            | Self::TimestampNotSigned
            | Self::IdSigned
            | Self::OnlyStandardWebhooksHeaders
            | Self::EventHeaderContradictsBody
            | Self::DeliveryIdContradictsBody => 2,
            Self::BodyGainedLineBreak
            | Self::BodyLostLineBreak
            | Self::BodyLineBreaksChanged
            | Self::BodyGainedByteOrderMark
            | Self::BodyReformatted
            | Self::BodyEscapesChanged => 3,
            Self::Unexplained => 4,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClockSkew { seconds_behind } => {
                let (seconds, side) = (seconds_behind.unsigned_abs(), if *seconds_behind < 0 { "future" } else { "past" });
                return write!(
                    f,
                    "the timestamp is {seconds} seconds in the {side}: compare both clocks with a time server, and verify a \
                     delivery when it arrives, not later from a queue or a log"
                );
            }
            Self::SecretEmpty => "the configured secret is empty",
            Self::SecretHasSurroundingBlanks => {
                "the configured secret has blanks or a line break around it, which would be part of the key: remove them \
                 (`printf %s`, not `echo`, writes a file without a line break)"
            }
            Self::SecretIsQuoted => "the configured secret has quotation marks around it: remove them",
            Self::SenderSecretEndsWithLineBreak => "the sender's secret ends with a line break: correct it there",
            Self::SecretUnusable => "the configured secret is not a single line of UTF-8 text",
            Self::StandardWebhooksKey => {
                "the signature was made with the base64-decoded key of Standard Webhooks: the contract's key is the whole \
                 text of the secret, `whsec_` included"
            }
            Self::KeyWithoutPrefix => {
                "the signature was made with the secret without its prefix `whsec_`: the contract's key is the whole text"
            }
            Self::SecretPrefixCutOff => {
                "the configured secret lacks its prefix `whsec_`: configure the whole text as it was shown"
            }
            Self::SecretDecoded => {
                "the configured secret was decoded from base64: configure the text as it was shown, `whsec_` included"
            }
            Self::TimestampInMilliseconds => "the timestamp counts milliseconds: it has to count seconds",
            Self::TimestampMalformed => "the timestamp is not 1 to 12 digits without a leading zero",
            Self::SignatureMalformed => "the signature is not 64 hex digits",
            Self::SignatureInOtherNotation => {
                "the signature is right but in base64 or with a prefix: it has to be 64 hex digits and nothing else"
            }
            Self::TimestampNotSigned => {
                "the signature covers the body alone: it has to cover the timestamp, a `.` and the body"
            }
            Self::IdSigned => {
                "the signature covers `id.timestamp.body` as in Standard Webhooks: it has to cover `timestamp.body`"
            }
            Self::OnlyStandardWebhooksHeaders => {
                "the request has the headers of Standard Webhooks only: verify it with that profile"
            }
            Self::EventHeaderContradictsBody => {
                "the header x-fluxora-event is there twice or is not the `type` of the signed body: the header was changed \
                 on its way, or belongs to another delivery"
            }
            Self::DeliveryIdContradictsBody => {
                "the delivery id header is not the `delivery_id` of the signed body: the header was changed on its way, \
                 belongs to another delivery, or a captured request was sent again under another id"
            }
            Self::BodyGainedLineBreak => {
                "a line break was added to the end of the body, as editors and `echo` do: use the bytes as received"
            }
            Self::BodyLostLineBreak => "the line break at the end of the body was lost: use the bytes as received",
            Self::BodyLineBreaksChanged => "line breaks of the body were changed between LF and CRLF: use the bytes as received",
            Self::BodyGainedByteOrderMark => "a byte order mark was put before the body: use the bytes as received",
            Self::BodyReformatted => {
                "the body was parsed and written again with other white space: verify the bytes as received, before any \
                 JSON middleware"
            }
            Self::BodyEscapesChanged => {
                "the body was parsed and written again with other escapes for characters beyond ASCII: verify the bytes as \
                 received, before any JSON middleware"
            }
            Self::Unexplained => {
                "no known mistake leads to this signature: it is another endpoint's secret or one from before a rotation, \
                 or the body was changed on its way"
            }
        })
    }
}
