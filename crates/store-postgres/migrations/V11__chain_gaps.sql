ALTER TABLE chain_state
    -- When the newest ledger closed: how high the next one can be. Null in the state of an earlier version.
    ADD COLUMN tip_at         TIMESTAMPTZ,
    -- Missing ledgers that previous hashes prove. The last safe ledger stays below.
    ADD COLUMN hole_from      ledger_number,
    ADD COLUMN hole_to        ledger_number,
    -- Safe events about streams that are not stored. Events that were safe before this migration are counted by a reindex.
    ADD COLUMN orphan_events  BIGINT NOT NULL DEFAULT 0 CHECK (orphan_events >= 0),
    -- Sequences of ledgers that have to be pushed again, in order, separated by commas.
    ADD COLUMN resync         TEXT COLLATE "C" NOT NULL DEFAULT '',
    -- An implausible tip that was refused.
    ADD COLUMN refused_tip_at TIMESTAMPTZ,
    ADD COLUMN refused_tip    ledger_number,
    ADD CONSTRAINT chain_state_hole_has_two_ends CHECK ((hole_to IS NULL) = (hole_from IS NULL) AND hole_to >= hole_from),
    ADD CONSTRAINT chain_state_refused_tip_has_a_ledger CHECK ((refused_tip IS NULL) = (refused_tip_at IS NULL));
