use serde_json::Value;

use crate::http::{Connection, Request};
use crate::server::TestServer;

/// Walks `GET /api/streams` from the newest to the oldest stream, `limit` at a time, and gives them all.
///
/// `filters` is a query string without a cursor; `between` is called after each page.
#[track_caller]
pub(crate) fn walk(
    server: &TestServer,
    filters: &str,
    limit: usize,
    mut between: impl FnMut(&mut Connection),
) -> Vec<Value> {
    let mut connection = server.connect();
    let first = format!("/api/streams?limit={limit}&{filters}");
    let (mut target, mut streams) = (first.clone(), Vec::new());
    loop {
        let mut page = connection.send(&Request::get(&target)).unwrap().expect(200);
        let found = page["streams"].as_array_mut().unwrap();
        assert!(found.len() <= limit, "{} streams in a page of {limit}", found.len());
        streams.append(found);
        between(&mut connection);
        match page["nextCursor"].as_str() {
            Some(cursor) => {
                let next = format!("{first}&cursor={cursor}");
                assert_ne!(next, target, "a page leads to itself");
                target = next;
            }
            None => {
                assert_eq!(page["hasMore"], false, "{page}");
                return streams;
            }
        }
        assert_eq!(page["hasMore"], true, "{page}");
    }
}

/// The ids of streams.
pub(crate) fn ids(streams: &[Value]) -> Vec<String> {
    streams.iter().map(|stream| stream["id"].as_str().expect("an id").to_owned()).collect()
}
