-- Replays under ids of their own: the first delivery of the event, and whether a job makes them. Servers of the previous version make none.
ALTER TABLE webhook_deliveries ADD COLUMN replay_of TEXT;
CREATE INDEX webhook_deliveries_copies ON webhook_deliveries (replay_of) WHERE replay_of IS NOT NULL;
ALTER TABLE webhook_replays ADD COLUMN fresh_ids INTEGER NOT NULL DEFAULT 0 CHECK (fresh_ids IN (0, 1));

-- The newest event whose delivery retention has deleted: what came up to it is not known to be missing.
ALTER TABLE webhook_endpoints ADD COLUMN forgotten_to INTEGER NOT NULL DEFAULT 0;
