-- Streams, their events and the answers kept for idempotent requests.
--
-- Amounts are decimal strings exactly as they were written. Times of a schedule are Unix seconds: an INTEGER, or the same
-- number as TEXT of 20 digits where it is beyond 2^63-1 (the chain counts in u64); SQLite orders every TEXT after every
-- INTEGER, so comparisons stay right. Recorded instants are Unix milliseconds.

PRAGMA application_id = 0x466C7578; -- "Flux": the file is ours

CREATE TABLE streams (
    seq         INTEGER PRIMARY KEY, -- order of creation: what lists follow
    id          TEXT NOT NULL UNIQUE,
    origin      TEXT NOT NULL CHECK (origin IN ('api', 'chain')),
    contract_id TEXT CHECK ((contract_id IS NULL) = (origin = 'api')),
    sender      TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    deposit     TEXT NOT NULL,
    rate        TEXT NOT NULL,
    start_time  ANY NOT NULL,
    cliff_time  ANY NOT NULL,
    end_time    ANY NOT NULL,
    withdrawn   TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('scheduled', 'active', 'paused', 'completed', 'cancelled')),
    status_at   INTEGER CHECK ((status_at IS NOT NULL) = (status IN ('paused', 'cancelled'))),
    due_at      ANY,                 -- when the stream clock next has to act; NULL if it never has to
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    events      INTEGER NOT NULL CHECK (events > 0)
) STRICT;

-- Each index ends in seq (the rowid), so a filtered list reads its page in order from any place.
CREATE INDEX streams_by_sender ON streams (sender);
CREATE INDEX streams_by_recipient ON streams (recipient);
CREATE INDEX streams_by_status ON streams (status);
CREATE INDEX streams_by_origin ON streams (origin);
CREATE INDEX streams_by_contract ON streams (contract_id) WHERE contract_id IS NOT NULL;
CREATE INDEX streams_due ON streams (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE stream_events (
    seq         INTEGER PRIMARY KEY, -- order of commit: what readers follow
    stream      INTEGER NOT NULL REFERENCES streams (seq),
    number      INTEGER NOT NULL CHECK (number > 0),
    type        TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL CHECK (recorded_at >= occurred_at),
    data        TEXT NOT NULL,
    UNIQUE (stream, number)
) STRICT;

CREATE TABLE kept_answers (
    scope    TEXT NOT NULL,
    key      TEXT NOT NULL,
    request  TEXT NOT NULL,
    status   INTEGER NOT NULL,
    location TEXT NOT NULL,
    body     TEXT NOT NULL,
    made_at  INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX kept_answers_by_age ON kept_answers (made_at);

-- Empty but while a health check proves, after a write has failed, that writes work again.
CREATE TABLE write_proofs (
    bytes BLOB NOT NULL
) STRICT;
