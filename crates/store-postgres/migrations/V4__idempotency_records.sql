-- Responses to keyed requests, as bytes that the API chooses and reads. Version 0.1.0 stored status, location and body in columns of
-- kept_answers, and the request in Rust's debug format. Both are rewritten, so that a request of 0.1.0 which is repeated after the
-- upgrade is answered as before:
--   response: the JSON object {"status", "location", "body"}
--   request:  [Some("G1"), Some("G2")] [Some("5"), Some("1")] [None, Some(9), None]  becomes  ["G1","G2","5","1",null,9,null]
-- No value of such a request holds one of the replaced texts: they are addresses, amounts and seconds.
-- The table is renamed, not made again: it keeps the privileges that were granted on it.
SET LOCAL statement_timeout = 0;
ALTER TABLE kept_answers
    ALTER COLUMN request TYPE TEXT USING
        replace(replace(replace(replace(replace(request, 'Some(', ''), ')', ''), 'None', 'null'), '] [', ','), ', ', ','),
    ALTER COLUMN body TYPE BYTEA USING
        convert_to(json_build_object('status', status, 'location', location, 'body', body)::text, 'UTF8');
ALTER TABLE kept_answers DROP COLUMN status, DROP COLUMN location;
ALTER TABLE kept_answers RENAME COLUMN body TO response;
ALTER TABLE kept_answers RENAME TO idempotency_records;
ALTER INDEX kept_answers_pkey RENAME TO idempotency_records_pkey;
ALTER INDEX kept_answers_by_age RENAME TO idempotency_records_by_age;
