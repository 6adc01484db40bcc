//! Reading the stored payload of an event, also in the shapes that earlier versions wrote.

use fluxora_decimal::Amount;
use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Cause, EventData, EventKind, Retracted, RunwayLow, Settlement};
use crate::{Address, Changes, StatusName, UnixTime};

/// Every field that a stored payload has had.
///
/// Earlier versions stored API events without `cause` and `changes`: the terms for `created`, the settlement for
/// `completed` and `cancelled`, nothing for `started`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stored {
    cause: Option<Cause>,
    changes: Option<Box<Changes>>,
    retracts: Option<Retracted>,
    runway: Option<Box<RunwayLow>>,
    streamed_amount: Option<Amount>,
    refunded_amount: Option<Amount>,
    sender: Option<Address>,
    recipient: Option<Address>,
    deposit_amount: Option<Amount>,
    rate_per_second: Option<Amount>,
    start_time: Option<UnixTime>,
    cliff_time: Option<UnixTime>,
    end_time: Option<UnixTime>,
}

impl EventData {
    /// Reads a stored payload. `occurred_at` completes rows of earlier versions, which did not repeat it.
    ///
    /// # Errors
    /// The payload is not that of an event of this type.
    pub fn decode<'de, D: Deserializer<'de>>(
        kind: EventKind,
        occurred_at: Timestamp,
        data: D,
    ) -> Result<Self, D::Error> {
        let mut stored = Stored::deserialize(data)?;
        let settlement = stored.settlement().map_err(D::Error::custom)?;
        let (retracts, runway) = (stored.retracts.take(), stored.runway.take());
        let (cause, changes) = match (stored.cause.take(), stored.changes.take()) {
            (Some(cause), Some(changes)) => (cause, changes),
            (None, None) => stored.earlier(kind, settlement, occurred_at).map_err(D::Error::custom)?,
            (Some(_), None) => return Err(D::Error::missing_field("changes")),
            (None, Some(_)) => return Err(D::Error::missing_field("cause")),
        };
        Ok(Self { cause, changes, settlement, retracts, runway })
    }
}

impl Stored {
    fn settlement(&self) -> Result<Option<Settlement>, &'static str> {
        match (self.streamed_amount, self.refunded_amount) {
            (Some(streamed_amount), Some(refunded_amount)) => {
                Ok(Some(Settlement { streamed_amount, refunded_amount }))
            }
            (None, None) => Ok(None),
            _ => Err("of streamedAmount and refundedAmount one is missing"),
        }
    }

    /// Cause and changes of an API event in the shape of an earlier version.
    fn earlier(
        self,
        kind: EventKind,
        settlement: Option<Settlement>,
        occurred_at: Timestamp,
    ) -> Result<(Cause, Box<Changes>), &'static str> {
        let changed = |status| Changes { status: Some(status), ..Changes::default() };
        let (cause, changes) = match (kind, settlement) {
            (EventKind::Created, None) => {
                (Cause::Api, self.terms(occurred_at).ok_or("the terms of the stream are incomplete")?)
            }
            (EventKind::Started, None) => (Cause::Clock, changed(StatusName::Active)),
            (EventKind::Completed, Some(_)) => (Cause::Clock, changed(StatusName::Completed)),
            (EventKind::Cancelled, Some(_)) => {
                let since = Some(Some(UnixTime::of(occurred_at)));
                (Cause::Api, Changes { status_since: since, ..changed(StatusName::Cancelled) })
            }
            _ => return Err("cause and changes are missing"),
        };
        Ok((cause, Box::new(changes)))
    }

    /// The changes that create a stream on the stored terms; `None` if a term is missing.
    fn terms(self, occurred_at: Timestamp) -> Option<Changes> {
        let start = self.start_time?;
        let scheduled = start > UnixTime::of(occurred_at);
        Some(Changes {
            sender: Some(self.sender?),
            recipient: Some(self.recipient?),
            deposit_amount: Some(self.deposit_amount?),
            rate_per_second: Some(self.rate_per_second?),
            start_time: Some(start),
            cliff_time: Some(self.cliff_time.unwrap_or(start)),
            end_time: Some(self.end_time?),
            withdrawn_amount: Some(Amount::ZERO),
            status: Some(if scheduled { StatusName::Scheduled } else { StatusName::Active }),
            status_since: Some(None),
            ..Changes::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00.250Z.
    const AT: i64 = 1_767_225_600_250;
    const TERMS: &str = r#"{"sender":"GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ","recipient":"GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H","depositAmount":"100.000","ratePerSecond":"0.5","startTime":1767225600,"endTime":1767225800}"#;
    const SETTLEMENT: &str = r#"{"streamedAmount":"60.5","refundedAmount":"39.50"}"#;

    fn decode(kind: EventKind, data: &str) -> serde_json::Result<EventData> {
        let at = Timestamp::from_millisecond(AT).unwrap();
        EventData::decode(kind, at, &mut serde_json::Deserializer::from_str(data))
    }

    /// A stored row reads as a payload that is written as `expect` and reads back as the same.
    #[track_caller]
    fn check(kind: EventKind, stored: &str, expect: &str) {
        let read = decode(kind, stored).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), expect);
        assert_eq!(decode(kind, expect).unwrap(), read);
    }

    #[test]
    fn a_created_row_of_an_earlier_version_reads_as_a_creation_through_the_api() {
        let expect = |cliff: u64, status: &str| {
            format!(
                r#"{{"cause":{{"type":"api"}},"changes":{{"sender":"GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ","recipient":"GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H","depositAmount":"100.000","ratePerSecond":"0.5","startTime":1767225600,"cliffTime":{cliff},"endTime":1767225800,"withdrawnAmount":"0","status":"{status}","statusSince":null}}}}"#
            )
        };
        check(EventKind::Created, TERMS, &expect(1_767_225_600, "active"));
        let with_cliff = TERMS.replace(r#","endTime""#, r#","cliffTime":1767225700,"endTime""#);
        check(EventKind::Created, &with_cliff, &expect(1_767_225_700, "active"));
        let later = |text: &str| text.replace(r#""startTime":1767225600"#, r#""startTime":1767225601"#);
        let expect = later(&expect(1_767_225_601, "scheduled"));
        check(EventKind::Created, &later(TERMS), &expect);
    }

    #[test]
    fn transitions_of_an_earlier_version_read_with_their_cause_and_status() {
        check(EventKind::Started, "{}", r#"{"cause":{"type":"clock"},"changes":{"status":"active"}}"#);
        check(
            EventKind::Completed,
            SETTLEMENT,
            r#"{"cause":{"type":"clock"},"changes":{"status":"completed"},"streamedAmount":"60.5","refundedAmount":"39.50"}"#,
        );
        check(
            EventKind::Cancelled,
            SETTLEMENT,
            r#"{"cause":{"type":"api"},"changes":{"status":"cancelled","statusSince":1767225600},"streamedAmount":"60.5","refundedAmount":"39.50"}"#,
        );
    }

    #[test]
    fn a_chain_row_of_an_earlier_version_reads_whatever_its_type_and_cause() {
        let chain = EventKind::ALL.into_iter().filter(|kind| *kind != EventKind::Started);
        for kind in chain {
            for cause in [
                r#"{"type":"contractEvent","ledger":7,"txHash":"ab","eventId":"7-1","topic":"withdrew"}"#,
                r#"{"type":"lateEvents","ledger":7}"#,
                r#"{"type":"reorg","forkLedger":9}"#,
                r#"{"type":"reindex"}"#,
            ] {
                let changes = r#"{"withdrawnAmount":"0.0000005","claimOwner":null,"parentStreamId":3,"assumed":{"kind":true,"checkpoint":false,"withdrawn":false}}"#;
                let stored = format!(r#"{{"cause":{cause},"changes":{changes}}}"#);
                let expect = stored.replace("assumed", "inferred").replace(":3,", r#":"3","#);
                check(kind, &stored, &expect);
            }
        }
    }

    #[test]
    fn data_that_does_not_belong_to_the_type_is_refused() {
        for (kind, data) in [
            (EventKind::Created, "{}"),
            (EventKind::Created, &TERMS.replace("endTime", "finalTime")),
            (EventKind::Created, &TERMS.replace(r#""depositAmount":"100.000","#, "")),
            (EventKind::Created, SETTLEMENT),
            (EventKind::Started, SETTLEMENT),
            (EventKind::Completed, "{}"),
            (EventKind::Cancelled, r#"{"streamedAmount":"60.5"}"#),
            (EventKind::Paused, "{}"),
            (EventKind::Resumed, "{}"),
            (EventKind::Updated, r#"{"cause":{"type":"reindex"}}"#),
            (EventKind::Updated, r#"{"changes":{}}"#),
            (EventKind::Updated, r#"{"cause":{"type":"whim"},"changes":{}}"#),
            (EventKind::Updated, r#"{"cause":{"type":"reindex"},"changes":{"colour":"red"}}"#),
            (EventKind::Updated, r#"{"cause":{"type":"reindex"},"changes":{},"more":1}"#),
            (EventKind::Updated, "null"),
        ] {
            assert!(decode(kind, data).is_err(), "{kind} {data}");
        }
    }
}
