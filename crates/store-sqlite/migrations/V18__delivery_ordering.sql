-- The order in which the deliveries of an endpoint are sent. Servers of the previous version do not write it.
ALTER TABLE webhook_endpoints ADD COLUMN ordering TEXT NOT NULL DEFAULT 'stream' CHECK (ordering = 'stream' OR ordering = 'none');
