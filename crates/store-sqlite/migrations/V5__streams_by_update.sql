-- Finds the streams that were updated since an instant.
CREATE INDEX streams_by_update ON streams (updated_at);
