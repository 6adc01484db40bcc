-- Streams that differ from the last entry of their contract that they were compared with.
CREATE TABLE stream_drifts (
    stream TEXT COLLATE "C" PRIMARY KEY,
    ledger BIGINT NOT NULL, -- the ledger that wrote the entry
    fields TEXT NOT NULL    -- JSON: name, ours and theirs of each field that differs
);
CREATE INDEX stream_drifts_by_ledger ON stream_drifts (ledger);
