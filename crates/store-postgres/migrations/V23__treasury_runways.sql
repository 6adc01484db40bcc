-- What is remembered of the runway of each treasury in each asset, and when it must be checked. They follow from the sums, and are
-- not copied: in another database a runway that is low already has no event.
CREATE TABLE treasury_runways (
    address  TEXT COLLATE "C" NOT NULL,
    asset    TEXT COLLATE "C" NOT NULL,
    chain    BOOLEAN NOT NULL, -- an asset of chain streams, which goes by the close of ledgers
    below    BIGINT,           -- the lowest threshold that was crossed, in seconds; 0 above all, NULL before the first check
    check_at BIGINT,           -- Unix seconds; 0 when the sums have changed; NULL if time makes it cross nothing
    PRIMARY KEY (address, asset)
);
CREATE INDEX treasury_runways_due ON treasury_runways (chain, check_at) WHERE check_at IS NOT NULL;

-- Sums that are written mark the runway of their treasury, also those that a server of the previous version writes.
CREATE FUNCTION mark_runways() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO treasury_runways (address, asset, chain, check_at)
        SELECT address, asset, asset <> 'api', 0 FROM changed WHERE role = 'sender' ORDER BY address, asset
        ON CONFLICT (address, asset) DO UPDATE SET check_at = 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER mark_runways_inserted AFTER INSERT ON treasury_sums REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mark_runways();
CREATE TRIGGER mark_runways_updated AFTER UPDATE ON treasury_sums REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mark_runways();
INSERT INTO treasury_runways (address, asset, chain, check_at)
    SELECT address, asset, asset <> 'api', 0 FROM treasury_sums WHERE role = 'sender';
