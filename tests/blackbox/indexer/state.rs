//! Everything that a server shows of chain streams, contract events and the indexer.

use serde_json::{Value, json};

use super::worker::Worker;

/// After everything that happens in a made-up chain.
const AT: u64 = 4_000_000_000;

/// Chain streams with their histories, stored contract events and the indexer state, without the instants of recording.
pub(super) fn state(worker: &mut Worker) -> Value {
    let streams = worker.streams(AT);
    let histories: Vec<_> =
        streams.iter().map(|stream| history(worker, stream["id"].as_str().unwrap())).collect();
    let mut chain = worker.get("/health")["indexer"].clone();
    for volatile in
        ["lastSuccessfulSyncAt", "lagMs", "status", "stalled", "summary", "clientImpact", "operatorAction"]
    {
        chain.as_object_mut().unwrap().remove(volatile);
    }
    if let Some(reorg) = chain["lastReorg"].as_object_mut() {
        reorg.remove("at");
    }
    json!({ "streams": streams, "histories": histories, "events": worker.events(1000), "chain": chain })
}

/// The history of a stream.
fn history(worker: &mut Worker, id: &str) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = worker.get(&format!("/api/streams/{id}/events?limit=100{cursor}"));
        events.extend(page["events"].as_array().unwrap().iter().cloned().map(undated));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return events,
        }
    }
}

/// A correction occurs when it is recorded.
fn undated(mut event: Value) -> Value {
    let corrects = ["stream.corrected", "stream.removed"].iter().any(|name| event["type"] == *name);
    let fields = event.as_object_mut().unwrap();
    fields.remove("recordedAt");
    if corrects {
        fields.remove("occurredAt");
    }
    event
}
