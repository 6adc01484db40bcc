-- Streams, their events and the answers kept for idempotent requests.
--
-- Texts are compared byte by byte (COLLATE "C"): an index must not change its order when the system's locale does.

-- What an i128 of stroops holds, with the decimals it was written with.
CREATE DOMAIN amount AS NUMERIC CHECK (
    scale(VALUE) <= 7
    AND VALUE BETWEEN -17014118346046923173168730371588.4105728 AND 17014118346046923173168730371588.4105727
);

-- Seconds since 1970 as the chain counts them: a u64.
CREATE DOMAIN unix_time AS NUMERIC(20, 0) CHECK (VALUE BETWEEN 0 AND 18446744073709551615);

CREATE TABLE streams (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of creation: what lists follow
    id          TEXT COLLATE "C" NOT NULL UNIQUE,
    origin      TEXT COLLATE "C" NOT NULL CHECK (origin IN ('api', 'chain')),
    contract_id TEXT COLLATE "C" CHECK ((contract_id IS NULL) = (origin = 'api')),
    sender      TEXT COLLATE "C" NOT NULL,
    recipient   TEXT COLLATE "C" NOT NULL,
    deposit     amount NOT NULL,
    rate        amount NOT NULL,
    start_time  unix_time NOT NULL,
    cliff_time  unix_time NOT NULL,
    end_time    unix_time NOT NULL,
    withdrawn   amount NOT NULL,
    status      TEXT COLLATE "C" NOT NULL
                CHECK (status IN ('scheduled', 'active', 'paused', 'completed', 'cancelled')),
    status_at   TIMESTAMPTZ CHECK ((status_at IS NOT NULL) = (status IN ('paused', 'cancelled'))),
    -- When the stream clock next has to act; NULL if it never has to. Derived, so that it cannot disagree.
    due_at      NUMERIC(20, 0) GENERATED ALWAYS AS (
        CASE WHEN origin <> 'api' THEN NULL WHEN status = 'scheduled' THEN start_time WHEN status = 'active' THEN end_time END
    ) STORED,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    events      BIGINT NOT NULL CHECK (events BETWEEN 1 AND 4294967295),
    CONSTRAINT streams_withdrawn_is_part_of_the_deposit CHECK (withdrawn BETWEEN 0 AND deposit),
    CONSTRAINT streams_updated_after_created CHECK (updated_at >= created_at),
    CONSTRAINT streams_api_terms CHECK (
        origin <> 'api'
        OR (deposit > 0 AND rate > 0 AND start_time <= cliff_time AND cliff_time <= end_time AND start_time < end_time)
    )
);

-- Each index ends in seq, so a filtered list reads its page in order from any place.
CREATE INDEX streams_by_sender ON streams (sender, seq);
CREATE INDEX streams_by_recipient ON streams (recipient, seq);
CREATE INDEX streams_by_status ON streams (status, seq);
CREATE INDEX streams_by_origin ON streams (origin, seq);
CREATE INDEX streams_by_contract ON streams (contract_id, seq) WHERE contract_id IS NOT NULL;
CREATE INDEX streams_due ON streams (due_at, seq) WHERE due_at IS NOT NULL;

CREATE TABLE stream_events (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of commit: what readers follow
    stream      BIGINT NOT NULL REFERENCES streams (seq),
    number      BIGINT NOT NULL CHECK (number BETWEEN 1 AND 4294967295),
    type        TEXT COLLATE "C" NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    data        JSONB NOT NULL CHECK (jsonb_typeof(data) = 'object'),
    CONSTRAINT stream_events_recorded_after_occurred CHECK (recorded_at >= occurred_at),
    UNIQUE (stream, number)
);

-- A sequence hands out numbers in the order in which they are asked for, and transactions commit in another: a reader that has
-- seen number 8 and goes on from there would never see number 7 if that commits late. So whoever writes events holds one lock
-- from before the first number is drawn until the commit is visible (locks are let go after that). A trigger takes it, not the
-- application: nobody can write an event without it. A statement's trigger fires when the statement comes to its first event,
-- after it has written its streams, so the lock is held as short as it can be: for the insert and for the commit.
CREATE FUNCTION number_events_in_commit_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1181513080, 2); -- "Flux", events
    RETURN NULL;
END
$$;

CREATE TRIGGER number_in_commit_order BEFORE INSERT ON stream_events
    FOR EACH STATEMENT EXECUTE FUNCTION number_events_in_commit_order();

CREATE TABLE kept_answers (
    scope    TEXT COLLATE "C" NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    request  TEXT NOT NULL,
    status   INTEGER NOT NULL CHECK (status BETWEEN 100 AND 599),
    location TEXT NOT NULL,
    body     TEXT NOT NULL,
    made_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE INDEX kept_answers_by_age ON kept_answers (made_at);

-- Empty but while a health check proves, after a write has failed, that writes work again.
CREATE TABLE write_proofs (
    bytes BYTEA NOT NULL
);
ALTER TABLE write_proofs ALTER COLUMN bytes SET STORAGE EXTERNAL; -- not compressed: it is to take up room
