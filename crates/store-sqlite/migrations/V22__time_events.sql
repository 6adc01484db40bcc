-- Instants at which time alone changes what a stream does. They follow the event log, and are not copied: another database computes
-- them from its log again.

-- How far the log was read: no row before the first step.
CREATE TABLE time_events_cursor (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    read  INTEGER NOT NULL,
    quiet INTEGER NOT NULL -- the head of the log at the first step: what was over then is not emitted
) STRICT;

CREATE TABLE stream_instants (
    stream TEXT NOT NULL,    -- id
    at     INTEGER NOT NULL, -- Unix seconds
    kind   INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3), -- started, cliff reached, exhausted, ended
    chain  INTEGER NOT NULL, -- 1 for a chain stream, which goes by the close of ledgers
    state  TEXT NOT NULL CHECK (state IN ('due', 'emitted', 'passed', 'unproven', 'disputed')),
    since  INTEGER CHECK ((since IS NULL) = (state IN ('due', 'emitted', 'passed'))),
    cause  TEXT CHECK ((cause IS NULL) = (state <> 'disputed')), -- JSON
    PRIMARY KEY (stream, at, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX stream_instants_due ON stream_instants (chain, at, stream, kind) WHERE state = 'due';
CREATE INDEX stream_instants_open ON stream_instants (since) WHERE since IS NOT NULL;
