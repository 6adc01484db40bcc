-- What the other endpoints of an owner are still to be notified of (JSON); NULL if there is nothing. Servers of the previous version make no
-- notices.
ALTER TABLE webhook_endpoints ADD COLUMN notices TEXT;
CREATE INDEX webhook_endpoints_with_notices ON webhook_endpoints (seq) WHERE notices IS NOT NULL;
