-- When the newest ledger closed: how high the next one can be. Null in the state of an earlier version.
ALTER TABLE chain_state ADD COLUMN tip_at INTEGER;
-- Missing ledgers that previous hashes prove. The last safe ledger stays below.
ALTER TABLE chain_state ADD COLUMN hole_from INTEGER;
ALTER TABLE chain_state ADD COLUMN hole_to INTEGER CHECK ((hole_to IS NULL) = (hole_from IS NULL) AND hole_to >= hole_from);
-- Safe events about streams that are not stored. Events that were safe before this migration are counted by a reindex.
ALTER TABLE chain_state ADD COLUMN orphan_events INTEGER NOT NULL DEFAULT 0 CHECK (orphan_events >= 0);
-- Sequences of ledgers that have to be pushed again, in order, separated by commas.
ALTER TABLE chain_state ADD COLUMN resync TEXT NOT NULL DEFAULT '';
-- An implausible tip that was refused.
ALTER TABLE chain_state ADD COLUMN refused_tip_at INTEGER;
ALTER TABLE chain_state ADD COLUMN refused_tip INTEGER CHECK ((refused_tip IS NULL) = (refused_tip_at IS NULL));
