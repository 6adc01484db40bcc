//! From what a receiver did to the result of an attempt. Functions of values.

use std::time::Duration;

use fluxora_delivery::{AttemptResult, Exchange, OutcomeCode, Phase, TlsVersion};
use fluxora_egress::{Response, SendError, TargetError, Timings};
use fluxora_webhook::{Rejection, name};
use http::HeaderMap;
use http::header::{LOCATION, RETRY_AFTER};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};

/// How much of a response body is kept, in bytes.
const EXCERPT_BYTES: usize = 4_096;

/// The span of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) started_at: Timestamp,
    pub(crate) duration: SignedDuration,
}

impl Span {
    pub(crate) const fn result(self, outcome: OutcomeCode) -> AttemptResult {
        AttemptResult::new(outcome, self.started_at, self.duration)
    }

    fn ended_at(self) -> Timestamp {
        self.started_at.saturating_add(self.duration).unwrap_or(self.started_at)
    }

    /// The result of an exchange.
    pub(crate) fn exchanged(
        self,
        exchanged: &Result<Response, SendError>,
        timings: &Timings,
    ) -> AttemptResult {
        let exchange = exchange(timings);
        match exchanged {
            Ok(response) => {
                let location = location(response);
                let exchange = location.map_or(exchange.clone(), |to| exchange.with_location(&to));
                self.answered(response).with_exchange(exchange)
            }
            Err(error) => {
                let failed_in = phase_of(*error, timings);
                self.result(of_error(*error)).with_exchange(Exchange { failed_in, ..exchange })
            }
        }
    }

    fn answered(self, response: &Response) -> AttemptResult {
        let status = response.status.as_u16();
        let outcome = match status {
            200..=299 => OutcomeCode::Delivered,
            409 if is_duplicate(&response.headers) => OutcomeCode::Duplicate,
            _ => OutcomeCode::HttpStatus,
        };
        let excerpt = response.body.get(..EXCERPT_BYTES).unwrap_or(&response.body);
        let result = self.result(outcome).with_status(status).with_excerpt(excerpt);
        match retry_after(&response.headers, self.ended_at()) {
            Some(wait) if !outcome.is_success() => result.with_retry_after(wait),
            _ => result,
        }
    }
}

/// Why no request was made: a stored URL is refused today, or cannot be used at all.
pub(crate) const fn of_target(error: TargetError) -> OutcomeCode {
    match error {
        TargetError::Address { .. } | TargetError::Port | TargetError::PlainHttp => {
            OutcomeCode::BlockedAddress
        }
        _ => OutcomeCode::InvalidRequest,
    }
}

const fn of_error(error: SendError) -> OutcomeCode {
    match error {
        SendError::Resolve => OutcomeCode::Dns,
        SendError::Blocked(_) => OutcomeCode::BlockedAddress,
        SendError::Connect => OutcomeCode::Connect,
        SendError::Tls => OutcomeCode::Tls,
        SendError::ResolveTimeout | SendError::ConnectTimeout | SendError::Timeout => OutcomeCode::Timeout,
        SendError::Broken => OutcomeCode::Reset,
        SendError::InvalidResponse => OutcomeCode::InvalidResponse,
        // The enumeration is not exhaustive: an error that is not listed counts as one of this server.
        _ => OutcomeCode::InvalidRequest,
    }
}

fn exchange(timings: &Timings) -> Exchange {
    let Timings { address, tls, is_reused, resolve, connect, handshake, first_byte } = *timings;
    let duration = |time: Option<Duration>| time.and_then(|time| SignedDuration::try_from(time).ok());
    Exchange {
        address,
        tls: tls.map(|tls| match tls {
            fluxora_egress::TlsVersion::V1_2 => TlsVersion::V1_2,
            fluxora_egress::TlsVersion::V1_3 => TlsVersion::V1_3,
        }),
        is_reused,
        dns: duration(resolve),
        connect: duration(connect),
        handshake: duration(handshake),
        first_byte: duration(first_byte),
        failed_in: None,
        location: None,
    }
}

/// The phase in which a request failed; `None` if none was begun.
const fn phase_of(error: SendError, timings: &Timings) -> Option<Phase> {
    match error {
        SendError::Resolve | SendError::ResolveTimeout | SendError::Blocked(_) => Some(Phase::Dns),
        SendError::Connect => Some(Phase::Connect),
        SendError::ConnectTimeout if timings.connect.is_none() => Some(Phase::Connect),
        SendError::ConnectTimeout | SendError::Tls => Some(Phase::Tls),
        SendError::Timeout | SendError::Broken | SendError::InvalidResponse => Some(Phase::Head),
        _ => None,
    }
}

/// Where a redirection points to.
fn location(response: &Response) -> Option<String> {
    let location = response.headers.get(LOCATION).filter(|_| response.status.is_redirection())?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// Whether a receiver with our verifier says that it has processed the delivery before.
fn is_duplicate(headers: &HeaderMap) -> bool {
    headers
        .get(name::CODE)
        .is_some_and(|code| code.as_bytes() == Rejection::DuplicateDelivery.code().as_bytes())
}

/// The wait that `Retry-After` asks for, in seconds or as a date; `None` for anything else and for the past.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(SignedDuration::from_secs(text.parse().unwrap_or(i64::MAX)));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let wait = date.duration_since(now);
    wait.is_positive().then_some(wait)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue, StatusCode};
    use proptest::prelude::*;

    use super::*;

    const SPAN: Span =
        Span { started_at: Timestamp::constant(1_700_000_000, 0), duration: SignedDuration::from_secs(1) };

    fn response(status: u16, headers: &[(&str, &str)]) -> Response {
        let header = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(header).collect(),
            body: vec![b'a'; 10_000],
            is_whole: true,
        }
    }

    fn answered(status: u16, headers: &[(&str, &str)]) -> AttemptResult {
        SPAN.exchanged(&Ok(response(status, headers)), &Timings::default())
    }

    #[test]
    fn a_status_of_2xx_is_a_delivery_and_any_other_is_not() {
        for status in 200..=299 {
            assert_eq!(answered(status, &[]).outcome, OutcomeCode::Delivered);
        }
        for status in (300..=599).chain([999]) {
            let result = answered(status, &[]);
            assert_eq!((result.outcome, result.status), (OutcomeCode::HttpStatus, Some(status)));
        }
    }

    #[test]
    fn a_duplicate_is_a_success_when_its_code_says_so() {
        let duplicate = ("x-fluxora-code", "duplicate_delivery");
        assert_eq!(answered(409, &[duplicate]).outcome, OutcomeCode::Duplicate);
        for (status, headers) in
            [(409, vec![]), (409, vec![("x-fluxora-code", "delivery_in_flight")]), (425, vec![duplicate])]
        {
            assert_eq!(answered(status, &headers).outcome, OutcomeCode::HttpStatus);
        }
    }

    #[test]
    fn the_excerpt_is_the_beginning_of_the_body() {
        assert_eq!(answered(500, &[]).excerpt, vec![b'a'; 4_096]);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_in_the_future() {
        for (text, expect) in [
            ("0", Some(0)),
            ("5", Some(5)),
            (" 5 ", Some(5)),
            ("1000000000", Some(1_000_000_000)),
            ("99999999999999999999", Some(i64::MAX)),
            ("Tue, 14 Nov 2023 22:13:31 GMT", Some(10)),
            ("Tue, 14 Nov 2023 22:13:21 GMT", None),
            ("Tue, 14 Nov 1995 22:13:31 GMT", None),
            ("-1", None),
            ("+5", None),
            ("1e9", None),
            ("120.6", None),
            ("soon", None),
            ("", None),
        ] {
            let result = answered(503, &[("retry-after", text)]);
            assert_eq!(result.retry_after.map(|wait| wait.as_secs()), expect, "{text:?}");
        }
        assert_eq!(answered(200, &[("retry-after", "5")]).retry_after, None);
    }

    #[test]
    fn every_error_has_a_class() {
        for (error, expect) in [
            (SendError::Resolve, OutcomeCode::Dns),
            (SendError::ResolveTimeout, OutcomeCode::Timeout),
            (SendError::Blocked(fluxora_egress::AddressKind::Private), OutcomeCode::BlockedAddress),
            (SendError::Connect, OutcomeCode::Connect),
            (SendError::ConnectTimeout, OutcomeCode::Timeout),
            (SendError::Tls, OutcomeCode::Tls),
            (SendError::Timeout, OutcomeCode::Timeout),
            (SendError::Broken, OutcomeCode::Reset),
            (SendError::InvalidResponse, OutcomeCode::InvalidResponse),
            (SendError::InvalidRequest, OutcomeCode::InvalidRequest),
        ] {
            let result = SPAN.exchanged(&Err(error), &Timings::default());
            assert_eq!((result.outcome, result.status), (expect, None), "{error:?}");
        }
    }

    #[test]
    fn an_error_names_the_phase_in_which_it_happened() {
        let connected = Timings { connect: Some(Duration::from_millis(3)), ..Timings::default() };
        for (error, timings, expect) in [
            (SendError::Resolve, Timings::default(), Some(Phase::Dns)),
            (SendError::ResolveTimeout, Timings::default(), Some(Phase::Dns)),
            (SendError::Blocked(fluxora_egress::AddressKind::Private), Timings::default(), Some(Phase::Dns)),
            (SendError::Connect, Timings::default(), Some(Phase::Connect)),
            (SendError::ConnectTimeout, Timings::default(), Some(Phase::Connect)),
            (SendError::ConnectTimeout, connected, Some(Phase::Tls)),
            (SendError::Tls, connected, Some(Phase::Tls)),
            (SendError::Timeout, connected, Some(Phase::Head)),
            (SendError::Broken, connected, Some(Phase::Head)),
            (SendError::InvalidResponse, connected, Some(Phase::Head)),
            (SendError::InvalidRequest, Timings::default(), None),
        ] {
            let exchange = SPAN.exchanged(&Err(error), &timings).exchange;
            assert_eq!(exchange.failed_in, expect, "{error:?}");
            assert_eq!(exchange.connect.map(|time| time.as_millis()), timings.connect.map(|_| 3));
        }
    }

    #[test]
    fn a_redirection_names_where_it_points_to_and_no_other_answer_does() {
        let location =
            |status| answered(status, &[("location", "http://169.254.169.254/")]).exchange.location;
        for status in [301, 302, 307, 308] {
            assert_eq!(location(status).as_deref(), Some("http://169.254.169.254/"));
        }
        assert_eq!((location(201), location(503)), (None, None));
    }

    proptest! {
        #[test]
        fn no_retry_after_panics_or_lies_in_the_past(text in "[ -~]{0,40}") {
            let wait = answered(503, &[("retry-after", &text)]).retry_after;
            prop_assert!(wait.is_none_or(|wait| !wait.is_negative()));
        }
    }
}
