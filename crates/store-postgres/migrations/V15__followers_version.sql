-- The version of the endpoints that follow the event log: fan-out reads them again when it differs. It is the id of a transaction, because
-- a counter would have the same value twice after a rollback. Servers of the previous version change endpoints too: hence triggers.
ALTER TABLE webhook_fan_out ADD COLUMN followers BIGINT NOT NULL DEFAULT 0;
CREATE FUNCTION webhook_followers_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE webhook_fan_out SET followers = txid_current() WHERE one = 1;
    RETURN NULL;
END $$;
CREATE TRIGGER webhook_endpoints_followers_added AFTER INSERT ON webhook_endpoints
    FOR EACH STATEMENT EXECUTE FUNCTION webhook_followers_changed();
CREATE TRIGGER webhook_endpoints_followers_changed AFTER UPDATE ON webhook_endpoints FOR EACH ROW
    WHEN (OLD.filter IS DISTINCT FROM NEW.filter OR OLD.start_sequence IS DISTINCT FROM NEW.start_sequence
        OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at OR (OLD.behind IS NULL) <> (NEW.behind IS NULL))
    EXECUTE FUNCTION webhook_followers_changed();
