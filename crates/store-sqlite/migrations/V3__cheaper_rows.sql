-- What a row costs to write. SQLite builds a table in memory for a list of more than two values each time it checks a row against it: the
-- lists become comparisons. The index of contract events holds everything they are ordered by, so that nothing is left to be sorted.
-- SQLite cannot change a constraint: the tables are made again, with what they hold. Their indexes are there before, and grow with them:
-- made afterwards, each would be sorted in memory, whatever its size.

CREATE TABLE streams_again (
    seq               INTEGER PRIMARY KEY, -- order of creation: what lists follow
    id                TEXT NOT NULL UNIQUE,
    origin            TEXT NOT NULL CHECK (origin = 'api' OR origin = 'chain'),
    contract_id       TEXT CHECK ((contract_id IS NULL) = (origin = 'api')),
    sender            TEXT NOT NULL,
    recipient         TEXT NOT NULL,
    deposit           TEXT NOT NULL,
    rate              TEXT NOT NULL,
    start_time        ANY NOT NULL,
    cliff_time        ANY NOT NULL,
    end_time          ANY NOT NULL,
    withdrawn         TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (
        status = 'scheduled' OR status = 'active' OR status = 'paused' OR status = 'completed' OR status = 'cancelled'
    ),
    status_at         INTEGER CHECK ((status_at IS NOT NULL) = (status = 'paused' OR status = 'cancelled')),
    due_at            ANY,                 -- when the stream clock next has to act; NULL if it never has to
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    events            INTEGER NOT NULL CHECK (events > 0),
    -- What only a stream of the chain has. `chain` is JSON: what the contract knows beyond terms and status.
    kind              TEXT CHECK (
        (kind IS NULL) = (origin = 'api') AND (kind = 'linear' OR kind = 'cliff_only' OR kind = 'cliff_slope')
    ),
    checkpoint_amount TEXT CHECK ((checkpoint_amount IS NULL) = (origin = 'api')),
    checkpoint_at     ANY CHECK ((checkpoint_at IS NULL) = (origin = 'api')),
    chain             TEXT CHECK ((chain IS NULL) = (origin = 'api'))
) STRICT;
DROP INDEX streams_by_sender;
DROP INDEX streams_by_recipient;
DROP INDEX streams_by_status;
DROP INDEX streams_by_origin;
DROP INDEX streams_by_contract;
DROP INDEX streams_due;
-- Each index ends in seq (the rowid), so a filtered list reads its page in order from any place.
CREATE INDEX streams_by_sender ON streams_again (sender);
CREATE INDEX streams_by_recipient ON streams_again (recipient);
CREATE INDEX streams_by_status ON streams_again (status);
CREATE INDEX streams_by_origin ON streams_again (origin);
CREATE INDEX streams_by_contract ON streams_again (contract_id) WHERE contract_id IS NOT NULL;
CREATE INDEX streams_due ON streams_again (due_at) WHERE due_at IS NOT NULL;
INSERT INTO streams_again
SELECT seq, id, origin, contract_id, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, status, status_at,
    due_at, created_at, updated_at, events, kind, checkpoint_amount, checkpoint_at, chain
FROM streams ORDER BY seq;
DROP TABLE streams;
ALTER TABLE streams_again RENAME TO streams;

CREATE TABLE contract_events_again (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    ledger          INTEGER NOT NULL,
    tx_index        INTEGER NOT NULL,
    operation_index INTEGER NOT NULL,
    event_index     INTEGER NOT NULL,
    contract_id     TEXT NOT NULL,
    topic           TEXT NOT NULL,
    tx_hash         TEXT NOT NULL,
    happened_at     INTEGER NOT NULL,
    payload         TEXT NOT NULL,
    class           TEXT NOT NULL CHECK (
        class = 'stream' OR class = 'transfer' OR class = 'protocol' OR class = 'unknown' OR class = 'unreadable'
    ),
    -- The contract's ids of the streams it is about: a u64, written as the times of a schedule are.
    stream          ANY,
    other           ANY CHECK (other IS NULL OR stream IS NOT NULL)
) STRICT;
DROP INDEX contract_events_in_order;
DROP INDEX contract_events_by_stream;
DROP INDEX contract_events_by_other;
CREATE INDEX contract_events_in_order ON contract_events_again (ledger, tx_index, operation_index, event_index, id);
CREATE INDEX contract_events_by_stream ON contract_events_again (stream) WHERE stream IS NOT NULL;
CREATE INDEX contract_events_by_other ON contract_events_again (other) WHERE other IS NOT NULL;
INSERT INTO contract_events_again
SELECT seq, id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, happened_at, payload, class, stream, other
FROM contract_events ORDER BY seq;
DROP TABLE contract_events;
ALTER TABLE contract_events_again RENAME TO contract_events;
