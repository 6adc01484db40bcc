use serde_json::{Value, json};

use crate::balance;
use crate::sample;
use crate::server::TestServer;

/// Creates streams, restarts the server on the same file and finds everything unchanged.
#[track_caller]
fn survives(end: impl Fn(&mut TestServer)) {
    let mut server = TestServer::start();
    let now = server.create(&sample::stream())["asOf"].as_u64().unwrap();
    let terms = json!({ "startTime": now - 1_000, "ratePerSecond": "0.05", "depositAmount": "100.00" });
    let running = server.create(&sample::with(sample::stream(), &terms));
    let cancelled = server.create(&sample::with(sample::stream(), &terms));
    let cancelled = server.cancel(cancelled["id"].as_str().unwrap());
    let [running_id, cancelled_id] =
        [&running, &cancelled].map(|stream| stream["id"].as_str().unwrap().to_owned());
    let later = format!("/api/streams/{running_id}?at={}", now + 500);
    let history = format!("/api/streams/{cancelled_id}/events");
    let before = [&later, &history].map(|target| server.get(target).expect(200));

    end(&mut server);
    server.restart();

    assert_eq!([&later, &history].map(|target| server.get(target).expect(200)), before);
    let found = server.stream(&running_id);
    balance::check(&found);
    assert!(
        balance::amount(&found, "streamedAmount") >= balance::amount(&running, "streamedAmount"),
        "{found}"
    );
    assert_eq!(without_flow(&found), without_flow(&running));
    assert_eq!(without_flow(&server.stream(&cancelled_id)), without_flow(&cancelled));
    assert_eq!(server.stream(&cancelled_id)["streamedAmount"], cancelled["streamedAmount"]);
    server.create(&sample::stream());
    assert_eq!(server.get("/api/streams?includeTotal=true").expect(200)["total"], 4);
    server.terminate();
}

/// A stream without what changes from second to second.
fn without_flow(stream: &Value) -> Value {
    let mut stream = stream.clone();
    for field in ["asOf", "streamedAmount", "withdrawableAmount", "remainingAmount"] {
        assert!(stream.as_object_mut().unwrap().remove(field).is_some(), "{field}");
    }
    stream
}

#[test]
fn a_stream_is_there_after_a_kill_with_the_right_amount_streamed() {
    survives(TestServer::kill9);
}

#[test]
fn a_stream_is_there_after_a_stop_with_the_right_amount_streamed() {
    survives(TestServer::terminate);
}

#[test]
fn a_stop_leaves_one_file_behind() {
    let mut server = TestServer::start();
    server.create(&sample::stream());
    server.terminate();
    let folder = server.database().parent().unwrap().to_owned();
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["fluxora.db"]);
}
