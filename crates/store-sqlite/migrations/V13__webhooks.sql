-- Webhook endpoints, their deliveries, the attempts of those, and replays. Ids are UUIDs as text; instants are Unix milliseconds.

-- The position of the event log up to which deliveries were written: one row.
CREATE TABLE webhook_fan_out (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    cursor INTEGER NOT NULL
) STRICT;
INSERT INTO webhook_fan_out (one, cursor) SELECT 1, coalesce(max(seq), 0) FROM stream_events;

CREATE TABLE webhook_endpoints (
    seq                  INTEGER PRIMARY KEY AUTOINCREMENT, -- order of creation
    id                   TEXT NOT NULL UNIQUE,
    owner                TEXT,                -- NULL: the operator's
    url                  TEXT NOT NULL,
    description          TEXT NOT NULL,
    filter               TEXT NOT NULL,       -- JSON
    state                TEXT NOT NULL CHECK (state = 'active' OR state = 'paused' OR state = 'held'),
    state_since          INTEGER CHECK ((state_since IS NULL) = (state = 'active')),
    state_reason         TEXT CHECK ((state_reason IS NULL) = (state = 'active')),
    headers              TEXT NOT NULL,
    secrets              TEXT NOT NULL,       -- JSON, sealed
    custom_headers       BLOB NOT NULL,       -- sealed
    rate_limit           INTEGER CHECK (rate_limit > 0),
    start_sequence       INTEGER NOT NULL,
    behind               INTEGER,             -- the position up to which its deliveries were written, while it is behind the cursor
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    version              INTEGER NOT NULL CHECK (version > 0),
    deleted_at           INTEGER,
    consecutive_failures INTEGER NOT NULL DEFAULT 0,
    failing_since        INTEGER,
    last_success_at      INTEGER,
    last_failure_at      INTEGER,
    breaker              TEXT NOT NULL,       -- JSON
    blocked_until        INTEGER,
    rate_caught_up_us    INTEGER NOT NULL DEFAULT 0,
    -- Counts of deliveries: not settled, given up and kept, acknowledged ever.
    pending              INTEGER NOT NULL DEFAULT 0 CHECK (pending >= 0),
    dead                 INTEGER NOT NULL DEFAULT 0 CHECK (dead >= 0),
    delivered            INTEGER NOT NULL DEFAULT 0,
    -- When a delivery may be claimed next: only active endpoints with something to send have it.
    runnable_at          INTEGER CHECK (runnable_at IS NULL OR (state = 'active' AND deleted_at IS NULL))
) STRICT;
CREATE INDEX webhook_endpoints_runnable ON webhook_endpoints (runnable_at) WHERE runnable_at IS NOT NULL;
CREATE INDEX webhook_endpoints_behind ON webhook_endpoints (behind) WHERE behind IS NOT NULL;
CREATE INDEX webhook_endpoints_by_owner ON webhook_endpoints (owner);
CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE webhook_deliveries (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT, -- order of creation: what lists follow; attempts refer to it, so none is used twice
    id               TEXT NOT NULL UNIQUE,              -- follows from endpoint and sequence
    endpoint         TEXT NOT NULL,
    sequence         INTEGER NOT NULL,                  -- of the event
    stream           TEXT NOT NULL,
    type             TEXT NOT NULL,
    body             BLOB NOT NULL,
    state            TEXT NOT NULL CHECK (
        state = 'pending' OR state = 'in_flight' OR state = 'delivered' OR state = 'dead' OR state = 'cancelled'
    ),
    -- When it may be claimed: the due time, or the end of the lease. NULL if it is settled or not the first of its lane.
    claimable_at     INTEGER,
    reason           TEXT CHECK ((reason IS NULL) = (state <> 'dead')),
    worker           TEXT CHECK ((worker IS NULL) = (state <> 'in_flight')),
    claimed_at       INTEGER CHECK ((claimed_at IS NULL) = (state <> 'in_flight')),
    settled_at       INTEGER CHECK ((settled_at IS NULL) = (state = 'pending' OR state = 'in_flight')),
    attempts         INTEGER NOT NULL,
    tries            INTEGER NOT NULL,
    first_attempt_at INTEGER,
    claims           INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    CHECK (claimable_at IS NULL OR settled_at IS NULL)
) STRICT;
-- What is settled is in none of the first three: a claim costs the same however much history there is.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, claimable_at) WHERE claimable_at IS NOT NULL;
CREATE INDEX webhook_deliveries_in_flight ON webhook_deliveries (endpoint, claimable_at) WHERE state = 'in_flight';
CREATE INDEX webhook_deliveries_lanes ON webhook_deliveries (endpoint, stream, sequence) WHERE settled_at IS NULL;
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint);
CREATE INDEX webhook_deliveries_by_stream ON webhook_deliveries (stream);
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (seq) WHERE settled_at IS NULL;
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (seq) WHERE state = 'dead';
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE webhook_attempts (
    seq            INTEGER PRIMARY KEY,
    delivery       INTEGER NOT NULL, -- seq of webhook_deliveries
    number         INTEGER NOT NULL CHECK (number > 0),
    outcome        TEXT NOT NULL,
    started_at     INTEGER NOT NULL,
    duration_ms    INTEGER NOT NULL,
    status         INTEGER,
    retry_after_ms INTEGER,
    excerpt        BLOB NOT NULL CHECK (length(excerpt) <= 16384),
    worker         TEXT NOT NULL,
    UNIQUE (delivery, number)
) STRICT;

CREATE TABLE webhook_replays (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    endpoint    TEXT NOT NULL,
    filter      TEXT NOT NULL, -- JSON
    state       TEXT NOT NULL CHECK (state = 'running' OR state = 'done' OR state = 'cancelled'),
    created_at  INTEGER NOT NULL,
    finished_at INTEGER CHECK ((finished_at IS NULL) = (state = 'running')),
    cursor      INTEGER NOT NULL,
    upto        INTEGER NOT NULL,
    total       INTEGER NOT NULL,
    replayed    INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_replays_running ON webhook_replays (seq) WHERE state = 'running';
CREATE INDEX webhook_replays_by_endpoint ON webhook_replays (endpoint);
CREATE INDEX webhook_replays_finished ON webhook_replays (finished_at) WHERE finished_at IS NOT NULL;
