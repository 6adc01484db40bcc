//! Values that are stored as JSON, the same in every backend. Instants are milliseconds since 1970.

use fluxora_stream::{Address, ContractId, EventFilter, EventKind, Sequence, StreamId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Breaker, DeliveryId, DeliveryStatus, ReplayFilter, SealedSecret};

/// A stored JSON value that cannot be read.
#[derive(Debug, Error)]
pub enum InvalidRecord {
    /// It is not JSON of this form.
    #[error("not the JSON of this value")]
    Json(#[from] serde_json::Error),
    /// A member has no meaning.
    #[error("member {0} has no meaning")]
    Member(&'static str),
}

/// The stored form of an event filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FilterRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<String>,
}

/// The stored form of the filter of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReplayFilterRecord {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_from: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_sequence: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deliveries: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    missing: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecretRecord {
    sealed: String,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum BreakerRecord {
    Closed { in_flight: u16, window_from: i64, attempts: u32, failures: u32 },
    Open { until: i64, trips: u32, probe_until: Option<i64> },
}

fn instant(milliseconds: i64, member: &'static str) -> Result<Timestamp, InvalidRecord> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| InvalidRecord::Member(member))
}

fn parsed<T>(
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Option<T>,
    member: &'static str,
) -> Result<Option<T>, InvalidRecord> {
    text.map(|text| parse(text).ok_or(InvalidRecord::Member(member))).transpose()
}

fn kinds(names: &[String]) -> Result<Vec<EventKind>, InvalidRecord> {
    names.iter().map(|name| name.parse().map_err(|_| InvalidRecord::Member("kinds"))).collect()
}

fn names(kinds: &[EventKind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.name().to_owned()).collect()
}

impl FilterRecord {
    /// A filter as JSON.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn to_json(filter: &EventFilter) -> Result<String, InvalidRecord> {
        let EventFilter { stream, sender, recipient, contract, kinds } = filter;
        let record = Self {
            stream: stream.map(|stream| stream.to_string()),
            sender: sender.map(|sender| sender.to_string()),
            recipient: recipient.map(|recipient| recipient.to_string()),
            contract: contract.map(|contract| contract.to_string()),
            kinds: names(kinds),
        };
        Ok(serde_json::to_string(&record)?)
    }

    /// The filter that [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`InvalidRecord`].
    pub fn from_json(json: &str) -> Result<EventFilter, InvalidRecord> {
        let record: Self = serde_json::from_str(json)?;
        Ok(EventFilter {
            stream: parsed(record.stream.as_deref(), StreamId::parse, "stream")?,
            sender: parsed(record.sender.as_deref(), |text| Address::parse(text).ok(), "sender")?,
            recipient: parsed(record.recipient.as_deref(), |text| Address::parse(text).ok(), "recipient")?,
            contract: parsed(record.contract.as_deref(), |text| ContractId::parse(text).ok(), "contract")?,
            kinds: kinds(&record.kinds)?,
        })
    }
}

impl ReplayFilterRecord {
    /// A filter as JSON.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn to_json(filter: &ReplayFilter) -> Result<String, InvalidRecord> {
        let ReplayFilter {
            statuses,
            kinds,
            stream,
            created_from,
            created_until,
            from_sequence,
            to_sequence,
            deliveries,
            missing,
        } = filter;
        let record = Self {
            statuses: statuses.iter().map(|status| status.name().to_owned()).collect(),
            kinds: names(kinds),
            stream: stream.map(|stream| stream.to_string()),
            created_from: created_from.map(Timestamp::as_millisecond),
            created_until: created_until.map(Timestamp::as_millisecond),
            from_sequence: from_sequence.map(|Sequence(sequence)| sequence),
            to_sequence: to_sequence.map(|Sequence(sequence)| sequence),
            deliveries: deliveries.iter().map(ToString::to_string).collect(),
            missing: *missing,
        };
        Ok(serde_json::to_string(&record)?)
    }

    /// The filter that [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`InvalidRecord`].
    pub fn from_json(json: &str) -> Result<ReplayFilter, InvalidRecord> {
        let record: Self = serde_json::from_str(json)?;
        let status =
            |name: &String| name.parse::<DeliveryStatus>().map_err(|_| InvalidRecord::Member("statuses"));
        let delivery = |id: &String| DeliveryId::parse(id).ok_or(InvalidRecord::Member("deliveries"));
        Ok(ReplayFilter {
            statuses: record.statuses.iter().map(status).collect::<Result<_, _>>()?,
            kinds: kinds(&record.kinds)?,
            stream: parsed(record.stream.as_deref(), StreamId::parse, "stream")?,
            created_from: record.created_from.map(|at| instant(at, "createdFrom")).transpose()?,
            created_until: record.created_until.map(|at| instant(at, "createdUntil")).transpose()?,
            from_sequence: record.from_sequence.map(Sequence),
            to_sequence: record.to_sequence.map(Sequence),
            deliveries: record.deliveries.iter().map(delivery).collect::<Result<_, _>>()?,
            missing: record.missing,
        })
    }
}

/// Sealed secrets as JSON: their bytes in hexadecimal.
///
/// # Errors
/// They cannot be written.
pub fn secrets_to_json(secrets: &[SealedSecret]) -> Result<String, InvalidRecord> {
    let record = |secret: &SealedSecret| SecretRecord {
        sealed: hex::encode(&secret.sealed),
        created_at: secret.created_at.as_millisecond(),
        expires_at: secret.expires_at.map(Timestamp::as_millisecond),
    };
    Ok(serde_json::to_string(&secrets.iter().map(record).collect::<Vec<_>>())?)
}

/// The secrets that [`secrets_to_json`] wrote.
///
/// # Errors
/// [`InvalidRecord`].
pub fn secrets_from_json(json: &str) -> Result<Vec<SealedSecret>, InvalidRecord> {
    let records: Vec<SecretRecord> = serde_json::from_str(json)?;
    let secret = |record: SecretRecord| {
        Ok(SealedSecret {
            sealed: hex::decode(&record.sealed).map_err(|_| InvalidRecord::Member("sealed"))?,
            created_at: instant(record.created_at, "createdAt")?,
            expires_at: record.expires_at.map(|at| instant(at, "expiresAt")).transpose()?,
        })
    };
    records.into_iter().map(secret).collect()
}

impl Breaker {
    /// The breaker as JSON.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn to_json(&self) -> Result<String, InvalidRecord> {
        let record = match self {
            Self::Closed { in_flight, window_from, attempts, failures } => BreakerRecord::Closed {
                in_flight: *in_flight,
                window_from: window_from.as_millisecond(),
                attempts: *attempts,
                failures: *failures,
            },
            Self::Open { until, trips, probe_until } => BreakerRecord::Open {
                until: until.as_millisecond(),
                trips: *trips,
                probe_until: probe_until.map(Timestamp::as_millisecond),
            },
        };
        Ok(serde_json::to_string(&record)?)
    }

    /// The breaker that [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`InvalidRecord`].
    pub fn from_json(json: &str) -> Result<Self, InvalidRecord> {
        Ok(match serde_json::from_str(json)? {
            BreakerRecord::Closed { in_flight, window_from, attempts, failures } => {
                let window_from = instant(window_from, "windowFrom")?;
                Self::Closed { in_flight, window_from, attempts, failures }
            }
            BreakerRecord::Open { until, trips, probe_until } => Self::Open {
                until: instant(until, "until")?,
                trips,
                probe_until: probe_until.map(|at| instant(at, "probeUntil")).transpose()?,
            },
        })
    }
}
