use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Attempt, InvalidRecord};

/// The longest part of a `Location` header that is kept, in characters.
pub const MAX_LOCATION_CHARS: usize = 512;

/// How an attempt went: with which address, and how long each phase took. What was not reached is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
    /// The version of TLS.
    pub tls: Option<TlsVersion>,
    /// Whether an open connection was used: it was made by an earlier attempt.
    pub is_reused: bool,
    /// The look-up of the name.
    pub dns: Option<SignedDuration>,
    /// The TCP connection.
    pub connect: Option<SignedDuration>,
    /// The TLS handshake.
    pub handshake: Option<SignedDuration>,
    /// From the first byte of the request to the end of the response's head.
    pub first_byte: Option<SignedDuration>,
    /// The phase in which it failed without a response.
    pub failed_in: Option<Phase>,
    /// Where a response of 3xx points to, at most [`MAX_LOCATION_CHARS`]. It is not followed.
    pub location: Option<String>,
}

/// A phase of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The look-up of the name, and the check of its addresses.
    Dns,
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Sending the request and receiving the head of the response.
    Head,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

/// What is stored of an attempt beside its result, as JSON. Durations are microseconds, instants milliseconds since 1970.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DetailsRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsVersion>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_reused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_in: Option<Phase>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

impl Exchange {
    /// Nothing was reached.
    pub const NONE: Self = Self {
        address: None,
        tls: None,
        is_reused: false,
        dns: None,
        connect: None,
        handshake: None,
        first_byte: None,
        failed_in: None,
        location: None,
    };

    /// The same with where a response points to, cut to [`MAX_LOCATION_CHARS`].
    #[must_use]
    pub fn with_location(self, location: &str) -> Self {
        Self { location: Some(location.chars().take(MAX_LOCATION_CHARS).collect()), ..self }
    }
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 4] = [Self::Dns, Self::Connect, Self::Tls, Self::Head];

    /// The word used on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Head => "head",
        }
    }
}

impl TlsVersion {
    /// Every version that is spoken.
    pub const ALL: [Self; 2] = [Self::V1_2, Self::V1_3];

    /// The version as text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }
}

fn microseconds(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Attempt {
    /// What is stored of it beside its number, its worker and its result, as JSON.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn details_to_json(&self) -> Result<String, InvalidRecord> {
        let Exchange { address, tls, is_reused, dns, connect, handshake, first_byte, failed_in, location } =
            self.result.exchange.clone();
        let record = DetailsRecord {
            claim: self.claim,
            next_attempt_at: self.next_attempt_at.map(Timestamp::as_millisecond),
            address,
            tls,
            is_reused,
            dns: dns.map(microseconds),
            connect: connect.map(microseconds),
            handshake: handshake.map(microseconds),
            first_byte: first_byte.map(microseconds),
            failed_in,
            location,
        };
        Ok(serde_json::to_string(&record)?)
    }

    /// The same attempt with what [`Self::details_to_json`] wrote.
    ///
    /// # Errors
    /// [`InvalidRecord`].
    pub fn with_details(mut self, json: &str) -> Result<Self, InvalidRecord> {
        let record: DetailsRecord = serde_json::from_str(json)?;
        let duration = |time: Option<i64>| time.map(SignedDuration::from_micros);
        self.claim = record.claim;
        let instant =
            |at| Timestamp::from_millisecond(at).map_err(|_| InvalidRecord::Member("nextAttemptAt"));
        self.next_attempt_at = record.next_attempt_at.map(instant).transpose()?;
        self.result.exchange = Exchange {
            address: record.address,
            tls: record.tls,
            is_reused: record.is_reused,
            dns: duration(record.dns),
            connect: duration(record.connect),
            handshake: duration(record.handshake),
            first_byte: duration(record.first_byte),
            failed_in: record.failed_in,
            location: record.location,
        };
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttemptResult, OutcomeCode};

    fn attempt(exchange: Exchange) -> Attempt {
        let at = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        let result = AttemptResult::new(OutcomeCode::HttpStatus, at, SignedDuration::ZERO);
        let result = AttemptResult { exchange, ..result };
        Attempt { number: 1, result, worker: "w".to_owned(), claim: Some(7), next_attempt_at: Some(at) }
    }

    #[test]
    fn details_read_back_and_none_are_an_empty_object() {
        let milliseconds = |n| Some(SignedDuration::from_millis(n));
        let full = Exchange {
            address: Some("[2001:db8::1]:443".parse().unwrap()),
            tls: Some(TlsVersion::V1_3),
            is_reused: true,
            dns: milliseconds(1),
            connect: milliseconds(2),
            handshake: milliseconds(3),
            first_byte: milliseconds(4),
            failed_in: Some(Phase::Head),
            location: None,
        };
        let full = attempt(full.with_location("https://elsewhere.example/"));
        let empty = Attempt { claim: None, next_attempt_at: None, ..attempt(Exchange::default()) };
        for written in [full, empty.clone()] {
            let json = written.details_to_json().unwrap();
            assert_eq!(empty.clone().with_details(&json).unwrap(), written);
        }
        assert_eq!(empty.details_to_json().unwrap(), "{}");
        assert!(empty.with_details("7").is_err());
    }

    #[test]
    fn a_long_location_is_cut_between_characters() {
        let location = Exchange::default().with_location(&"ü".repeat(600)).location.unwrap();
        assert_eq!(location.chars().count(), MAX_LOCATION_CHARS);
    }

    #[test]
    fn the_words_of_the_wire_are_those_of_storage() {
        for phase in Phase::ALL {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
        }
        for version in TlsVersion::ALL {
            assert_eq!(serde_json::to_value(version).unwrap(), version.name());
        }
    }
}
