use std::fmt::Display;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{EventData, StreamEvent};
use crate::Sequence;

/// A stream event with its position in the event log.
///
/// It serializes as the public event object, the same wherever events are shown or sent: `{id, type, streamId,
/// streamSeq, sequence, occurredAt, recordedAt, data}`, instants as RFC 3339 in UTC to the millisecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Position in the event log.
    pub sequence: Sequence,
    /// The event.
    pub event: StreamEvent,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'e> {
    id: String,
    r#type: &'static str,
    #[serde(serialize_with = "text")]
    stream_id: crate::StreamId,
    stream_seq: u32,
    sequence: u64,
    #[serde(serialize_with = "instant")]
    occurred_at: Timestamp,
    #[serde(serialize_with = "instant")]
    recorded_at: Timestamp,
    data: &'e EventData,
}

impl Serialize for LoggedEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { sequence, event } = self;
        Wire {
            id: event.id(),
            r#type: event.kind.name(),
            stream_id: event.stream,
            stream_seq: event.stream_seq,
            sequence: sequence.0,
            occurred_at: event.occurred_at,
            recorded_at: event.recorded_at,
            data: &event.data,
        }
        .serialize(serializer)
    }
}

fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn instant<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cause, Changes, ContractId, EventKind, Settlement, StatusName, StreamId};

    fn event(stream: StreamId, kind: EventKind, data: EventData) -> LoggedEvent {
        let at = Timestamp::from_millisecond(1_767_312_000_250).unwrap();
        let event = StreamEvent { stream, stream_seq: 2, occurred_at: at, recorded_at: at, kind, data };
        LoggedEvent { sequence: Sequence(41), event }
    }

    #[track_caller]
    fn check(event: &LoggedEvent, expect: &str) {
        assert_eq!(serde_json::to_string(event).unwrap(), expect);
    }

    #[test]
    fn an_event_has_one_shape_whatever_the_origin_of_its_stream() {
        let changes = Changes { status: Some(StatusName::Cancelled), ..Changes::default() };
        let settlement = Settlement {
            streamed_amount: "60.5".parse().unwrap(),
            refunded_amount: "39.50".parse().unwrap(),
        };
        let data = EventData {
            cause: Cause::Api,
            changes: Box::new(changes.clone()),
            settlement: Some(settlement),
            retracts: None,
            runway: None,
        };
        check(
            &event(StreamId::api(uuid::Uuid::from_u128(7)), EventKind::Cancelled, data),
            r#"{"id":"evt_00000000-0000-0000-0000-000000000007_2","type":"stream.cancelled","streamId":"00000000-0000-0000-0000-000000000007","streamSeq":2,"sequence":41,"occurredAt":"2026-01-02T00:00:00.250Z","recordedAt":"2026-01-02T00:00:00.250Z","data":{"cause":{"type":"api"},"changes":{"status":"cancelled"},"streamedAmount":"60.5","refundedAmount":"39.50"}}"#,
        );
        let contract = ContractId::parse("CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE").unwrap();
        let cause = Cause::ContractEvent {
            ledger: 7,
            tx_hash: "ab".to_owned(),
            event_id: "7-1".to_owned(),
            topic: "cancelled".to_owned(),
        };
        let data =
            EventData { cause, changes: Box::new(changes), settlement: None, retracts: None, runway: None };
        check(
            &event(StreamId::chain(contract, 3), EventKind::Cancelled, data),
            r#"{"id":"evt_CA3D5KRYM6CB7OWQ6TWYRR3Z4T_3_2","type":"stream.cancelled","streamId":"CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE-3","streamSeq":2,"sequence":41,"occurredAt":"2026-01-02T00:00:00.250Z","recordedAt":"2026-01-02T00:00:00.250Z","data":{"cause":{"type":"contractEvent","ledger":7,"txHash":"ab","eventId":"7-1","topic":"cancelled"},"changes":{"status":"cancelled"}}}"#,
        );
    }
}
