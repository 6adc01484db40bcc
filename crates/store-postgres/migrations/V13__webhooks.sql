-- Webhook endpoints, their deliveries, the attempts of those, and replays. Ids are UUIDs as text.

-- The position of the event log up to which deliveries were written: one row. A step of fan-out holds it until its commit.
CREATE TABLE webhook_fan_out (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    cursor BIGINT NOT NULL
);
INSERT INTO webhook_fan_out (one, cursor) SELECT 1, coalesce(max(seq), 0) FROM stream_events;

CREATE TABLE webhook_endpoints (
    seq                  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of creation
    id                   TEXT COLLATE "C" NOT NULL UNIQUE,
    owner                TEXT COLLATE "C",          -- NULL: the operator's
    url                  TEXT NOT NULL,
    description          TEXT NOT NULL,
    filter               TEXT NOT NULL,             -- JSON
    state                TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'paused', 'held')),
    state_since          TIMESTAMPTZ,
    state_reason         TEXT,
    headers              TEXT COLLATE "C" NOT NULL,
    secrets              TEXT NOT NULL,             -- JSON, sealed
    custom_headers       BYTEA NOT NULL,            -- sealed
    rate_limit           BIGINT CHECK (rate_limit > 0),
    start_sequence       BIGINT NOT NULL,
    behind               BIGINT,                    -- the position up to which its deliveries were written, while it is behind the cursor
    created_at           TIMESTAMPTZ NOT NULL,
    updated_at           TIMESTAMPTZ NOT NULL,
    version              BIGINT NOT NULL CHECK (version > 0),
    deleted_at           TIMESTAMPTZ,
    consecutive_failures BIGINT NOT NULL DEFAULT 0,
    failing_since        TIMESTAMPTZ,
    last_success_at      TIMESTAMPTZ,
    last_failure_at      TIMESTAMPTZ,
    breaker              TEXT NOT NULL,             -- JSON
    blocked_until        TIMESTAMPTZ,
    rate_caught_up_us    BIGINT NOT NULL DEFAULT 0,
    -- Counts of deliveries: not settled, given up and kept, acknowledged ever.
    pending              BIGINT NOT NULL DEFAULT 0 CHECK (pending >= 0),
    dead                 BIGINT NOT NULL DEFAULT 0 CHECK (dead >= 0),
    delivered            BIGINT NOT NULL DEFAULT 0,
    -- When a delivery may be claimed next: only active endpoints with something to send have it.
    runnable_at          TIMESTAMPTZ,
    CONSTRAINT webhook_endpoints_stopped_since_iff_not_active
        CHECK ((state_since IS NULL) = (state = 'active') AND (state_reason IS NULL) = (state = 'active')),
    CONSTRAINT webhook_endpoints_runnable_requires_active
        CHECK (runnable_at IS NULL OR (state = 'active' AND deleted_at IS NULL))
) WITH (fillfactor = 50); -- each attempt changes its endpoint's row
CREATE INDEX webhook_endpoints_runnable ON webhook_endpoints (runnable_at, seq) WHERE runnable_at IS NOT NULL;
CREATE INDEX webhook_endpoints_behind ON webhook_endpoints (seq) WHERE behind IS NOT NULL;
CREATE INDEX webhook_endpoints_by_owner ON webhook_endpoints (owner, seq);
CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE webhook_deliveries (
    seq              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of creation: what lists follow
    id               TEXT COLLATE "C" NOT NULL UNIQUE,                -- follows from endpoint and sequence
    endpoint         TEXT COLLATE "C" NOT NULL,
    sequence         BIGINT NOT NULL,                                 -- of the event
    stream           TEXT COLLATE "C" NOT NULL,
    type             TEXT COLLATE "C" NOT NULL,
    body             BYTEA NOT NULL,
    state            TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'in_flight', 'delivered', 'dead', 'cancelled')),
    -- When it may be claimed: the due time, or the end of the lease. NULL if it is settled or not the first of its lane.
    claimable_at     TIMESTAMPTZ,
    reason           TEXT COLLATE "C",
    worker           TEXT COLLATE "C",
    claimed_at       TIMESTAMPTZ,
    settled_at       TIMESTAMPTZ,
    attempts         BIGINT NOT NULL,
    tries            BIGINT NOT NULL,
    first_attempt_at TIMESTAMPTZ,
    claims           BIGINT NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    CONSTRAINT webhook_deliveries_reason_iff_dead CHECK ((reason IS NULL) = (state <> 'dead')),
    CONSTRAINT webhook_deliveries_claim_iff_in_flight
        CHECK ((worker IS NULL) = (state <> 'in_flight') AND (claimed_at IS NULL) = (state <> 'in_flight')),
    CONSTRAINT webhook_deliveries_settled_at_iff_settled
        CHECK ((settled_at IS NULL) = (state IN ('pending', 'in_flight'))),
    CONSTRAINT webhook_deliveries_claimable_requires_open CHECK (claimable_at IS NULL OR settled_at IS NULL)
) WITH (fillfactor = 85);
-- What is settled is in none of the first four: a claim costs the same however much history there is.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, claimable_at, seq) WHERE claimable_at IS NOT NULL;
CREATE INDEX webhook_deliveries_in_flight ON webhook_deliveries (endpoint, claimable_at) WHERE state = 'in_flight';
CREATE INDEX webhook_deliveries_lanes ON webhook_deliveries (endpoint, stream, sequence) WHERE settled_at IS NULL;
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (seq) WHERE settled_at IS NULL;
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint, seq);
CREATE INDEX webhook_deliveries_by_stream ON webhook_deliveries (stream, seq);
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (seq) WHERE state = 'dead';
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE webhook_attempts (
    seq            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery       BIGINT NOT NULL, -- seq of webhook_deliveries
    number         BIGINT NOT NULL CHECK (number > 0),
    outcome        TEXT COLLATE "C" NOT NULL,
    started_at     TIMESTAMPTZ NOT NULL,
    duration_ms    BIGINT NOT NULL,
    status         BIGINT,
    retry_after_ms BIGINT,
    excerpt        BYTEA NOT NULL CHECK (octet_length(excerpt) <= 16384),
    worker         TEXT COLLATE "C" NOT NULL,
    UNIQUE (delivery, number)
);

CREATE TABLE webhook_replays (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          TEXT COLLATE "C" NOT NULL UNIQUE,
    endpoint    TEXT COLLATE "C" NOT NULL,
    filter      TEXT NOT NULL, -- JSON
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
    created_at  TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    cursor      BIGINT NOT NULL,
    upto        BIGINT NOT NULL,
    total       BIGINT NOT NULL,
    replayed    BIGINT NOT NULL,
    CONSTRAINT webhook_replays_finished_at_iff_finished CHECK ((finished_at IS NULL) = (state = 'running'))
);
CREATE INDEX webhook_replays_running ON webhook_replays (seq) WHERE state = 'running';
CREATE INDEX webhook_replays_by_endpoint ON webhook_replays (endpoint, seq);
CREATE INDEX webhook_replays_finished ON webhook_replays (finished_at) WHERE finished_at IS NOT NULL;
