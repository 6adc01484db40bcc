-- Instants at which time alone changes what a stream does. They follow the event log, and are not copied: another database computes
-- them from its log again.

-- How far the log was read; NULL before the first step.
CREATE TABLE time_events_cursor (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    read  BIGINT,
    quiet BIGINT CHECK ((quiet IS NULL) = (read IS NULL)) -- the head of the log at the first step: what was over then is not emitted
);
INSERT INTO time_events_cursor (one) VALUES (1);

CREATE TABLE stream_instants (
    stream TEXT COLLATE "C" NOT NULL, -- id
    at     BIGINT NOT NULL,           -- Unix seconds
    kind   SMALLINT NOT NULL CHECK (kind BETWEEN 0 AND 3), -- started, cliff reached, exhausted, ended
    chain  BOOLEAN NOT NULL,          -- a chain stream goes by the close of ledgers
    state  TEXT COLLATE "C" NOT NULL CHECK (state IN ('due', 'emitted', 'passed', 'unproven', 'disputed')),
    since  BIGINT CHECK ((since IS NULL) = (state IN ('due', 'emitted', 'passed'))),
    cause  TEXT COLLATE "C" CHECK ((cause IS NULL) = (state <> 'disputed')), -- JSON
    PRIMARY KEY (stream, at, kind)
);
CREATE INDEX stream_instants_due ON stream_instants (chain, at, stream, kind) WHERE state = 'due';
CREATE INDEX stream_instants_open ON stream_instants (since) WHERE since IS NOT NULL;
