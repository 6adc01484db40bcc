-- Until when the later deliveries of a lane wait for one that has not the turn: it is dead and blocks its lane, or it has held the lane up
-- for as long as it may and is attempted beside it. Servers of the previous version leave it empty.
ALTER TABLE webhook_deliveries ADD COLUMN blocks_until TIMESTAMPTZ;
CREATE INDEX webhook_deliveries_blocking ON webhook_deliveries (endpoint, stream, blocks_until) WHERE blocks_until IS NOT NULL;

-- How an attempt went: its claim, the address, the time of each phase (JSON). That of a server of the previous version is empty.
ALTER TABLE webhook_attempts ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
