-- The order in which the deliveries of an endpoint are sent, and how attempts to it differ from those to others (JSON). Servers of the
-- previous version write neither.
ALTER TABLE webhook_endpoints ADD COLUMN ordering TEXT NOT NULL DEFAULT 'stream' CHECK (ordering = 'stream' OR ordering = 'none');
ALTER TABLE webhook_endpoints ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
