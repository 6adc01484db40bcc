use fluxora_stream::{Sequence, StreamId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Delivery, DeliveryId, DeliveryState, EndpointId, HoldReason, InvalidRecord, Settled};

/// What the other endpoints of an owner are notified of, if they ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When it happened. Notices of one endpoint that wait have different instants.
    pub at: Timestamp,
    /// What.
    pub kind: NoticeKind,
    /// Since when no attempt has succeeded.
    pub failing_since: Option<Timestamp>,
}

/// What happened to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// It has failed for one of [`FAILURE_WARNINGS`](crate::FAILURE_WARNINGS).
    Failing {
        /// How long.
        hours: u32,
    },
    /// The server holds it.
    Held {
        /// Why.
        reason: HoldReason,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NoticeRecord {
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hours: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The public object of a notice.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(rename = "delivery_id")]
    delivery_id: String,
    id: String,
    r#type: &'static str,
    occurred_at: String,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    endpoint_id: String,
    failing_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hours: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl NoticeKind {
    /// The types of all notices.
    pub const TYPES: [&'static str; 2] = ["endpoint.failing", "endpoint.held"];

    /// The word in the id of the event.
    const fn name(self) -> &'static str {
        match self {
            Self::Failing { .. } => "failing",
            Self::Held { .. } => "held",
        }
    }

    /// The number in the ids of deliveries.
    const fn number(self) -> u128 {
        match self {
            Self::Failing { .. } => 1,
            Self::Held { .. } => 2,
        }
    }

    /// The type in the header and in the body. No event of a stream has it.
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Failing { .. } => "endpoint.failing",
            Self::Held { .. } => "endpoint.held",
        }
    }
}

impl Notice {
    /// What follows from a settled attempt, if anything.
    pub fn of(settled: &Settled, failing_since: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        let hours = |time: SignedDuration| u32::try_from(time.as_hours()).unwrap_or(u32::MAX);
        let kind = match (settled.held, settled.failing_for) {
            (Some(reason), _) => NoticeKind::Held { reason },
            (None, Some(time)) => NoticeKind::Failing { hours: hours(time) },
            (None, None) => return None,
        };
        Some(Self { at: now, kind, failing_since })
    }

    /// This notice behind those that wait: at least a millisecond after the last of them.
    #[must_use]
    pub fn after(self, waiting: &[Self]) -> Self {
        let next = |last: &Self| last.at.checked_add(SignedDuration::from_millis(1)).unwrap_or(last.at);
        Self { at: waiting.last().map_or(self.at, |last| next(last).max(self.at)), ..self }
    }

    /// The delivery of this notice about one endpoint to another one. Its id depends on both endpoints, the instant and the type.
    ///
    ///
    /// Its lane is that of the endpoint that it is about, and its place in it the instant in milliseconds: notices arrive in the order in
    /// which they were made.
    ///
    /// # Errors
    /// The body cannot be written as JSON.
    pub fn delivery(
        &self,
        about: EndpointId,
        to: EndpointId,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Delivery, serde_json::Error> {
        let sequence = Sequence(u64::try_from(self.at.as_millisecond()).unwrap_or_default());
        let of_kind = DeliveryId::replayed(DeliveryId::of(to, sequence), Uuid::from_u128(self.kind.number()));
        let id = DeliveryId::replayed(of_kind, about.uuid());
        let (hours, reason) = match self.kind {
            NoticeKind::Failing { hours } => (Some(hours), None),
            NoticeKind::Held { reason } => (None, Some(reason.name())),
        };
        let text = |at: Timestamp| format!("{at:.3}");
        let body = Body {
            delivery_id: id.to_string(),
            id: format!("evt_{about}_{}_{}", self.kind.name(), sequence.0),
            r#type: self.kind.event_type(),
            occurred_at: text(self.at),
            data: Data {
                endpoint_id: about.to_string(),
                failing_since: self.failing_since.map(text),
                hours,
                reason,
            },
        };
        Ok(Delivery {
            id,
            replay_of: None,
            endpoint: to,
            sequence,
            stream: StreamId::api(about.uuid()),
            event_type: self.kind.event_type().to_owned(),
            body: serde_json::to_vec(&body)?,
            state: DeliveryState::Pending { due_at },
            attempts: 0,
            tries: 0,
            first_attempt_at: None,
            blocks_until: None,
            claims: 0,
            created_at: now,
        })
    }

    /// Notices as JSON.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn to_json(notices: &[Self]) -> Result<String, InvalidRecord> {
        let record = |notice: &Self| {
            let (hours, reason) = match notice.kind {
                NoticeKind::Failing { hours } => (Some(hours), None),
                NoticeKind::Held { reason } => (None, Some(reason.name().to_owned())),
            };
            let failing_since = notice.failing_since.map(Timestamp::as_millisecond);
            NoticeRecord { at: notice.at.as_millisecond(), failing_since, hours, reason }
        };
        Ok(serde_json::to_string(&notices.iter().map(record).collect::<Vec<_>>())?)
    }

    /// The notices that [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`InvalidRecord`].
    pub fn from_json(json: &str) -> Result<Vec<Self>, InvalidRecord> {
        let records: Vec<NoticeRecord> = serde_json::from_str(json)?;
        let instant = |at: i64| Timestamp::from_millisecond(at).map_err(|_| InvalidRecord::Member("at"));
        let notice = |record: NoticeRecord| {
            let kind = match (record.hours, record.reason) {
                (Some(hours), None) => NoticeKind::Failing { hours },
                (None, Some(reason)) => {
                    let reason = reason.parse().map_err(|_| InvalidRecord::Member("reason"))?;
                    NoticeKind::Held { reason }
                }
                _ => return Err(InvalidRecord::Member("hours")),
            };
            let failing_since = record.failing_since.map(instant).transpose()?;
            Ok(Self { at: instant(record.at)?, kind, failing_since })
        };
        records.into_iter().map(notice).collect()
    }
}

impl Delivery {
    /// The endpoint that it is a notice about; `None` for the delivery of an event of a stream.
    pub fn about(&self) -> Option<EndpointId> {
        let is_notice = NoticeKind::TYPES.contains(&self.event_type.as_str());
        self.stream.uuid().filter(|_| is_notice).map(EndpointId::new)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Attempt, AttemptResult, OutcomeCode};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn settled(held: Option<HoldReason>, failing_for: Option<SignedDuration>) -> Settled {
        let result = AttemptResult::new(OutcomeCode::Timeout, at(0), SignedDuration::ZERO);
        let worker = "w".to_owned();
        let attempt = Attempt { number: 1, result, worker, claim: None, next_attempt_at: None };
        Settled { attempt, held, failing_for }
    }

    #[test]
    fn a_hold_and_a_warning_are_noticed_and_nothing_else_is() {
        let of = |held, failing_for| {
            Notice::of(&settled(held, failing_for), None, at(0)).map(|notice| notice.kind)
        };
        let day = Some(SignedDuration::from_hours(24));
        assert_eq!(of(None, None), None);
        assert_eq!(of(None, day), Some(NoticeKind::Failing { hours: 24 }));
        for reason in [HoldReason::Failing, HoldReason::Gone] {
            assert_eq!(of(Some(reason), None), Some(NoticeKind::Held { reason }));
        }
    }

    #[test]
    fn a_notice_is_a_delivery_about_one_endpoint_to_another_one() {
        let [about, to] = [1, 2].map(|n| EndpointId::new(Uuid::from_u128(n)));
        let kind = NoticeKind::Held { reason: HoldReason::Gone };
        let notice = Notice { at: at(0), kind, failing_since: Some(at(-5)) };
        let delivery = notice.delivery(about, to, Some(at(1)), at(1)).unwrap();
        assert_eq!((delivery.about(), delivery.endpoint), (Some(about), to));
        assert_eq!(delivery.event_type, "endpoint.held");
        let body: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "delivery_id": delivery.id.to_string(),
                "id": format!("evt_{about}_held_1800000000000"),
                "type": "endpoint.held",
                "occurredAt": "2027-01-15T08:00:00.000Z",
                "data": {
                    "endpointId": about.to_string(),
                    "failingSince": "2027-01-15T07:59:59.995Z",
                    "reason": "gone",
                },
            })
        );
        let of_stream = Delivery { event_type: "stream.created".to_owned(), ..delivery };
        assert_eq!(of_stream.about(), None);
    }

    #[test]
    fn notices_of_one_endpoint_differ_in_instant_while_they_wait_and_in_id_by_their_type() {
        let [about, to] = [1, 2].map(|n| EndpointId::new(Uuid::from_u128(n)));
        let failing = Notice { at: at(5), kind: NoticeKind::Failing { hours: 24 }, failing_since: None };
        let held = Notice { kind: NoticeKind::Held { reason: HoldReason::Gone }, ..failing };
        let after = |ms: i64| held.after(&[Notice { at: at(ms), ..failing }]).at;
        assert_eq!([after(3), after(4), after(5), after(9)], [at(5), at(5), at(6), at(10)]);
        assert_eq!(held.after(&[]), held);
        let [failing, held] = [failing, held].map(|notice| notice.delivery(about, to, None, at(5)).unwrap());
        assert_eq!(failing.sequence, held.sequence);
        assert_ne!(failing.id, held.id);
        let event = |delivery: &Delivery| {
            serde_json::from_slice::<serde_json::Value>(&delivery.body).unwrap()["id"].clone()
        };
        assert_ne!(event(&failing), event(&held));
    }

    proptest! {
        #[test]
        fn notices_read_back_as_they_were_written(
            drawn in prop::collection::vec((0_i64..1_000_000, prop::option::of(0_i64..99), any::<Option<u32>>(), any::<bool>()), 0..4),
        ) {
            let notice = |(ms, since, hours, gone): (i64, Option<i64>, Option<u32>, bool)| {
                let reason = if gone { HoldReason::Gone } else { HoldReason::Failing };
                let kind = hours.map_or(NoticeKind::Held { reason }, |hours| NoticeKind::Failing { hours });
                Notice { at: at(ms), kind, failing_since: since.map(at) }
            };
            let notices: Vec<_> = drawn.into_iter().map(notice).collect();
            prop_assert_eq!(Notice::from_json(&Notice::to_json(&notices).unwrap()).unwrap(), notices);
        }
    }
}
