-- What is remembered of the runway of each treasury in each asset, and when it must be checked. They follow from the sums, and are
-- not copied: in another database a runway that is low already has no event.
CREATE TABLE treasury_runways (
    address  TEXT NOT NULL,
    asset    TEXT NOT NULL,
    chain    INTEGER NOT NULL, -- 1 for an asset of chain streams, which goes by the close of ledgers
    below    INTEGER,          -- the lowest threshold that was crossed, in seconds; 0 above all, NULL before the first check
    check_at INTEGER,          -- Unix seconds; 0 when the sums have changed; NULL if time makes it cross nothing
    PRIMARY KEY (address, asset)
) STRICT, WITHOUT ROWID;
CREATE INDEX treasury_runways_due ON treasury_runways (chain, check_at) WHERE check_at IS NOT NULL;

-- Sums that are written mark the runway of their treasury.
CREATE TRIGGER treasury_sums_mark_inserted AFTER INSERT ON treasury_sums WHEN new.role = 'sender' BEGIN
    INSERT INTO treasury_runways (address, asset, chain, check_at) VALUES (new.address, new.asset, new.asset <> 'api', 0)
        ON CONFLICT (address, asset) DO UPDATE SET check_at = 0;
END;
CREATE TRIGGER treasury_sums_mark_updated AFTER UPDATE ON treasury_sums WHEN new.role = 'sender' BEGIN
    INSERT INTO treasury_runways (address, asset, chain, check_at) VALUES (new.address, new.asset, new.asset <> 'api', 0)
        ON CONFLICT (address, asset) DO UPDATE SET check_at = 0;
END;
INSERT INTO treasury_runways (address, asset, chain, check_at)
    SELECT address, asset, asset <> 'api', 0 FROM treasury_sums WHERE role = 'sender';
