-- The chain: its ledgers, the events of its contracts, and the streams they make.

-- What only a stream of the chain has. `chain` is JSON: what the contract knows beyond terms and status.
ALTER TABLE streams ADD COLUMN kind TEXT CHECK (
    (kind IS NULL) = (origin = 'api') AND kind IN ('linear', 'cliff_only', 'cliff_slope')
);
ALTER TABLE streams ADD COLUMN checkpoint_amount TEXT CHECK ((checkpoint_amount IS NULL) = (origin = 'api'));
ALTER TABLE streams ADD COLUMN checkpoint_at ANY CHECK ((checkpoint_at IS NULL) = (origin = 'api'));
ALTER TABLE streams ADD COLUMN chain TEXT CHECK ((chain IS NULL) = (origin = 'api'));

-- What was told of a stream outlives its row: a stream whose ledgers are not part of the chain any more goes, and what was told of
-- it stays. SQLite cannot drop the reference to streams from a table, so the table is made again.
CREATE TABLE stream_events_of_streams_that_may_be_gone (
    seq         INTEGER PRIMARY KEY, -- order of commit: what readers follow
    stream      INTEGER NOT NULL,    -- of streams, or of removed_streams
    number      INTEGER NOT NULL CHECK (number > 0),
    type        TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL CHECK (recorded_at >= occurred_at),
    data        TEXT NOT NULL,
    UNIQUE (stream, number)
) STRICT;
INSERT INTO stream_events_of_streams_that_may_be_gone
SELECT seq, stream, number, type, occurred_at, recorded_at, data FROM stream_events ORDER BY seq;
DROP TABLE stream_events;
ALTER TABLE stream_events_of_streams_that_may_be_gone RENAME TO stream_events;

-- Streams that were removed by a reorg. Should one come back, it takes its place again and its history goes on.
CREATE TABLE removed_streams (
    seq    INTEGER PRIMARY KEY, -- its place among streams
    id     TEXT NOT NULL UNIQUE,
    events INTEGER NOT NULL CHECK (events > 0)
) STRICT;

-- Each ledger that was told of. The hash is the ledger's, never an event's.
CREATE TABLE ledgers (
    sequence      INTEGER PRIMARY KEY,
    hash          TEXT NOT NULL,
    previous_hash TEXT,
    closed_at     INTEGER
) STRICT;

-- What contracts emitted, as it came, for ever: what streams are built from. Only a reorg removes any.
CREATE TABLE contract_events (
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
    class           TEXT NOT NULL CHECK (class IN ('stream', 'protocol', 'transfer', 'unknown', 'unreadable')),
    -- The contract's ids of the streams it is about: a u64, written as the times of a schedule are.
    stream          ANY,
    other           ANY CHECK (other IS NULL OR stream IS NOT NULL)
) STRICT;

CREATE INDEX contract_events_in_order ON contract_events (ledger, tx_index, operation_index, event_index);
CREATE INDEX contract_events_by_stream ON contract_events (stream) WHERE stream IS NOT NULL;
CREATE INDEX contract_events_by_other ON contract_events (other) WHERE other IS NOT NULL;

-- How the chain stands: one row.
CREATE TABLE chain_state (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    tip_ledger        INTEGER,
    tip_hash          TEXT CHECK ((tip_hash IS NULL) = (tip_ledger IS NULL)),
    last_safe         INTEGER,
    final_ledger      INTEGER,
    events            INTEGER NOT NULL CHECK (events >= 0),
    pending           INTEGER NOT NULL CHECK (pending BETWEEN 0 AND events),
    unknown_events    INTEGER NOT NULL CHECK (unknown_events BETWEEN 0 AND events),
    unreadable_events INTEGER NOT NULL CHECK (unreadable_events BETWEEN 0 AND events),
    synced_at         INTEGER,
    refused_at        INTEGER,
    refused_fork      INTEGER CHECK ((refused_fork IS NULL) = (refused_at IS NULL))
) STRICT;
INSERT INTO chain_state (one, events, pending, unknown_events, unreadable_events) VALUES (1, 0, 0, 0, 0);

-- Every reorg and every rewind. A reorg has the two hashes that contradict each other, a rewind has a reason.
CREATE TABLE reorgs (
    number          INTEGER PRIMARY KEY,
    at              INTEGER NOT NULL,
    fork_ledger     INTEGER NOT NULL,
    depth           INTEGER NOT NULL,
    tip_before      INTEGER,
    events_removed  INTEGER NOT NULL,
    streams_rebuilt INTEGER NOT NULL,
    existing_hash   TEXT,
    incoming_hash   TEXT CHECK ((incoming_hash IS NULL) = (existing_hash IS NULL)),
    reason          TEXT CHECK ((reason IS NULL) <> (existing_hash IS NULL))
) STRICT;
