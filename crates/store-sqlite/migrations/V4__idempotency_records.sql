-- Responses to keyed requests, as bytes that the API chooses and reads. Version 0.1.0 stored status, location and body in columns of
-- kept_answers, and the request in Rust's debug format. Both are rewritten, so that a request of 0.1.0 which is repeated after the
-- upgrade is answered as before:
--   response: the JSON object {"status", "location", "body"}
--   request:  [Some("G1"), Some("G2")] [Some("5"), Some("1")] [None, Some(9), None]  becomes  ["G1","G2","5","1",null,9,null]
-- No value of such a request holds one of the replaced texts: they are addresses, amounts and seconds.
CREATE TABLE idempotency_records (
    scope    TEXT NOT NULL,
    key      TEXT NOT NULL,
    request  TEXT NOT NULL,
    response BLOB NOT NULL,
    made_at  INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
INSERT INTO idempotency_records (scope, key, request, response, made_at)
SELECT scope, key,
    replace(replace(replace(replace(replace(request, 'Some(', ''), ')', ''), 'None', 'null'), '] [', ','), ', ', ','),
    CAST(json_object('status', status, 'location', location, 'body', body) AS BLOB),
    made_at
FROM kept_answers;
DROP TABLE kept_answers;
CREATE INDEX idempotency_records_by_age ON idempotency_records (made_at);
