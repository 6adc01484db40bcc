-- Contract events are listed in the order of their arrival: by seq. A reorg removes the newest numbers, and an event that is pushed
-- again arrives again: this is the highest number that a removed event had.
ALTER TABLE chain_state ADD COLUMN last_arrival INTEGER NOT NULL DEFAULT 0;
