//! What is written to a stream, as server-sent events or as lines of JSON.

use actix_web::web::Bytes;
use fluxora_feed::{Bye, Delivery};
use fluxora_store::Sequence;
use serde::Serialize;

use super::Bounds;
use super::format::Format;

/// How long an `EventSource` waits before it connects again.
const RETRY_MS: u64 = 3_000;
const SNAPSHOT: &str = "/api/streams";

/// A frame that is no event. `type` is written on lines only: server-sent events name it in a field.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Control<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    cursor: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_ms: Option<u64>,
}

impl Control<'_> {
    const fn at(cursor: Sequence) -> Self {
        let Sequence(cursor) = cursor;
        Self {
            r#type: None,
            cursor,
            head: None,
            oldest: None,
            version: None,
            snapshot: None,
            reason: None,
            retry_ms: None,
        }
    }

    fn frame(self, format: Format, name: &str) -> String {
        let lines = format!("feed.{name}");
        let r#type = Some(lines.as_str()).filter(|_| format != Format::EventStream);
        let (cursor, retry_ms) = (self.cursor, self.retry_ms);
        // A struct of numbers and texts can always be written.
        let data = serde_json::to_string(&Control { r#type, ..self }).unwrap_or_default();
        if format != Format::EventStream {
            return format!("{data}\n");
        }
        let retry = retry_ms.map_or_else(String::new, |retry_ms| format!("retry: {retry_ms}\n"));
        format!("{retry}event: {name}\nid: {cursor}\ndata: {data}\n\n")
    }
}

/// The first bytes of a stream: where it begins, and if the events from there on are not kept, that the client has to read
/// the streams instead.
pub(super) fn opening(
    format: Format,
    cursor: Sequence,
    bounds: Bounds,
    is_resync: bool,
    version: &str,
) -> Bytes {
    let (head, oldest) = (Some(bounds.head.0), Some(bounds.oldest.0));
    let hello =
        Control { head, oldest, version: Some(version), retry_ms: Some(RETRY_MS), ..Control::at(cursor) };
    let mut text = hello.frame(format, "hello");
    if is_resync {
        let resync = Control { head, oldest, snapshot: Some(SNAPSHOT), ..Control::at(cursor) };
        text.push_str(&resync.frame(format, "resync"));
    }
    text.into()
}

/// One delivery.
pub(super) fn frame(format: Format, delivery: &Delivery) -> Bytes {
    let text = match delivery {
        Delivery::Events(events) => {
            let mut text =
                String::with_capacity(events.iter().map(|event| event.json.get().len() + 40).sum());
            for event in events {
                let (Sequence(id), json) = (event.sequence, event.json.get());
                if format == Format::EventStream {
                    text.push_str("id: ");
                    text.push_str(&id.to_string());
                    text.push_str("\ndata: ");
                    text.push_str(json);
                    text.push_str("\n\n");
                } else {
                    text.push_str(json);
                    text.push('\n');
                }
            }
            text
        }
        Delivery::Progress(cursor) => Control::at(*cursor).frame(format, "progress"),
        // A comment: an `EventSource` passes over it.
        Delivery::Heartbeat(_) if format == Format::EventStream => ": heartbeat\n\n".to_owned(),
        Delivery::Heartbeat(cursor) => Control::at(*cursor).frame(format, "progress"),
        Delivery::Bye(Bye { reason, cursor, retry }) => {
            let retry_ms = Some(u64::try_from(retry.as_millis()).unwrap_or(u64::MAX));
            let bye = Control { reason: Some(reason.as_str()), retry_ms, ..Control::at(*cursor) };
            bye.frame(format, "bye")
        }
    };
    text.into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fluxora_feed::ByeReason;

    use super::*;

    #[track_caller]
    fn check(bytes: &Bytes, expect: &str) {
        assert_eq!(std::str::from_utf8(bytes).unwrap(), expect);
    }

    #[test]
    fn a_frame_is_written_as_a_server_sent_event_and_as_a_line() {
        let bounds = Bounds { head: Sequence(9), oldest: Sequence(4) };
        let open = |format, is_resync| opening(format, Sequence(9), bounds, is_resync, "1.2.3");
        let hello = "\"cursor\":9,\"head\":9,\"oldest\":4,\"version\":\"1.2.3\",\"retryMs\":3000}\n";
        let sse = format!("retry: 3000\nevent: hello\nid: 9\ndata: {{{hello}\n");
        check(&open(Format::EventStream, false), &sse);
        let resync = "\"cursor\":9,\"head\":9,\"oldest\":4,\"snapshot\":\"/api/streams\"}\n";
        let resync = format!("event: resync\nid: 9\ndata: {{{resync}\n");
        check(&open(Format::EventStream, true), &format!("{sse}{resync}"));
        check(&open(Format::Lines, false), &format!("{{\"type\":\"feed.hello\",{hello}"));

        let progress = Delivery::Progress(Sequence(7));
        check(&frame(Format::EventStream, &progress), "event: progress\nid: 7\ndata: {\"cursor\":7}\n\n");
        check(&frame(Format::Lines, &progress), "{\"type\":\"feed.progress\",\"cursor\":7}\n");
        check(&frame(Format::EventStream, &Delivery::Heartbeat(Sequence(7))), ": heartbeat\n\n");
        check(
            &frame(Format::Lines, &Delivery::Heartbeat(Sequence(7))),
            "{\"type\":\"feed.progress\",\"cursor\":7}\n",
        );
        let (reason, cursor, retry) = (ByeReason::Restart, Sequence(8), Duration::from_millis(1_500));
        let bye = Delivery::Bye(Bye { reason, cursor, retry });
        let data = "\"cursor\":8,\"reason\":\"restart\",\"retryMs\":1500}";
        let sse = format!("retry: 1500\nevent: bye\nid: 8\ndata: {{{data}\n\n");
        check(&frame(Format::EventStream, &bye), &sse);
        check(&frame(Format::Lines, &bye), &format!("{{\"type\":\"feed.bye\",{data}\n"));
    }
}
