-- The version of the endpoints that follow the event log: fan-out reads them again when it differs. It is a random number, because a
-- counter would have the same value twice after a rollback.
ALTER TABLE webhook_fan_out ADD COLUMN followers INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER webhook_endpoints_followers_added AFTER INSERT ON webhook_endpoints
BEGIN UPDATE webhook_fan_out SET followers = random(); END;
CREATE TRIGGER webhook_endpoints_followers_changed AFTER UPDATE OF filter, start_sequence, behind, deleted_at ON webhook_endpoints
WHEN old.filter IS NOT new.filter OR old.start_sequence IS NOT new.start_sequence OR old.deleted_at IS NOT new.deleted_at
    OR (old.behind IS NULL) <> (new.behind IS NULL)
BEGIN UPDATE webhook_fan_out SET followers = random(); END;
