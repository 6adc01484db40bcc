-- Finds the streams that were updated since an instant.
SET LOCAL statement_timeout = 0;
CREATE INDEX streams_by_update ON streams (updated_at, seq);
