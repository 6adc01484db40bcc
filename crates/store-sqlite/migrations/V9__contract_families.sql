-- Streams of vesting contracts beside those of contract version 9, and counts of events by contract.
--
-- A vesting stream has family 'vesting'. Its amounts are integers of its token's smallest unit and are in `chain`, so that deposit,
-- rate, withdrawn, kind and the checkpoint are NULL. API streams and streams of contract version 9 have no family, and their
-- rows stay the same. SQLite cannot change a constraint: the rows are copied to a new table. Its indexes are created before the copy.

CREATE TABLE streams_of_families (
    seq               INTEGER PRIMARY KEY, -- order of creation: what lists follow
    id                TEXT NOT NULL UNIQUE,
    origin            TEXT NOT NULL CHECK (origin = 'api' OR origin = 'chain'),
    contract_id       TEXT CHECK ((contract_id IS NULL) = (origin = 'api')),
    sender            TEXT NOT NULL,
    recipient         TEXT NOT NULL,
    deposit           TEXT CHECK ((deposit IS NULL) = (family IS NOT NULL)),
    rate              TEXT CHECK ((rate IS NULL) = (family IS NOT NULL)),
    start_time        ANY NOT NULL,
    cliff_time        ANY NOT NULL,
    end_time          ANY NOT NULL,
    withdrawn         TEXT CHECK ((withdrawn IS NULL) = (family IS NOT NULL)),
    status            TEXT NOT NULL CHECK (
        status = 'scheduled' OR status = 'active' OR status = 'paused' OR status = 'completed' OR status = 'cancelled'
        OR status = 'depleted'
    ),
    status_at         INTEGER CHECK ((status_at IS NOT NULL) = (status = 'paused' OR status = 'cancelled')),
    due_at            ANY,                 -- when the stream clock next has to act; NULL if it never has to
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    events            INTEGER NOT NULL CHECK (events > 0),
    -- Contract version 9 only.
    kind              TEXT CHECK (
        (kind IS NULL) = (origin = 'api' OR family IS NOT NULL)
        AND (kind = 'linear' OR kind = 'cliff_only' OR kind = 'cliff_slope')
    ),
    checkpoint_amount TEXT CHECK ((checkpoint_amount IS NULL) = (kind IS NULL)),
    checkpoint_at     ANY CHECK ((checkpoint_at IS NULL) = (kind IS NULL)),
    -- Chain streams only: JSON, the contract state beyond parties, status and times.
    chain             TEXT CHECK ((chain IS NULL) = (origin = 'api')),
    family            TEXT CHECK (family IS NULL OR (family = 'vesting' AND origin = 'chain'))
) STRICT;
DROP INDEX streams_by_sender;
DROP INDEX streams_by_recipient;
DROP INDEX streams_by_status;
DROP INDEX streams_by_origin;
DROP INDEX streams_by_contract;
DROP INDEX streams_due;
DROP INDEX streams_by_update;
-- Each index ends in seq (the rowid), so a filtered list reads its page in order from any place.
CREATE INDEX streams_by_sender ON streams_of_families (sender);
CREATE INDEX streams_by_recipient ON streams_of_families (recipient);
CREATE INDEX streams_by_status ON streams_of_families (status);
CREATE INDEX streams_by_origin ON streams_of_families (origin);
CREATE INDEX streams_by_contract ON streams_of_families (contract_id) WHERE contract_id IS NOT NULL;
CREATE INDEX streams_due ON streams_of_families (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX streams_by_update ON streams_of_families (updated_at);
INSERT INTO streams_of_families
SELECT seq, id, origin, contract_id, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, status, status_at,
    due_at, created_at, updated_at, events, kind, checkpoint_amount, checkpoint_at, chain, NULL
FROM streams ORDER BY seq;
DROP TABLE streams;
ALTER TABLE streams_of_families RENAME TO streams;

-- Counts of stored contract events by contract. They follow from contract_events and streams; a rebuild of everything counts
-- them again.
CREATE TABLE contracts (
    contract_id       TEXT PRIMARY KEY,
    events            INTEGER NOT NULL DEFAULT 0,
    unknown_events    INTEGER NOT NULL DEFAULT 0,
    unreadable_events INTEGER NOT NULL DEFAULT 0,
    transfer_events   INTEGER NOT NULL DEFAULT 0,
    anomalies         INTEGER NOT NULL DEFAULT 0, -- of its streams
    version           TEXT,                       -- the latest that an event showed; versions are in the order of their words
    first_ledger      INTEGER,                    -- of the first unknown or unreadable event
    first_topic       TEXT CHECK ((first_topic IS NULL) = (first_ledger IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO contracts (contract_id, events, unknown_events, unreadable_events, transfer_events, version)
SELECT contract_id, count(*), count(*) FILTER (WHERE class = 'unknown'), count(*) FILTER (WHERE class = 'unreadable'),
    count(*) FILTER (WHERE class = 'transfer'), max(CASE WHEN class = 'stream' OR class = 'protocol' THEN 'v9' END)
FROM contract_events GROUP BY contract_id;
UPDATE contracts SET (first_ledger, first_topic) = (
    SELECT ledger, topic FROM contract_events e
    WHERE e.contract_id = contracts.contract_id AND (class = 'unknown' OR class = 'unreadable')
    ORDER BY ledger, topic LIMIT 1
) WHERE unknown_events > 0 OR unreadable_events > 0;

-- Emergency stops are read from these events whenever they are shown.
CREATE INDEX contract_events_of_halts ON contract_events (ledger, tx_index, operation_index, event_index, id)
    WHERE topic = 'halt_operator_set' OR topic = 'contract_halted' OR topic = 'contract_resumed';
