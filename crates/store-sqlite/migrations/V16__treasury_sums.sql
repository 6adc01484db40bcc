-- Sums of the money of each party's streams, by asset. They follow from streams: a summary reads them instead of the streams.
CREATE TABLE treasury_sums (
    id      INTEGER PRIMARY KEY,
    role    TEXT NOT NULL CHECK (role = 'sender' OR role = 'recipient'),
    address TEXT NOT NULL,
    asset   TEXT NOT NULL,
    sums    TEXT NOT NULL, -- numbers in order, separated by spaces; a zero is empty
    latest  ANY NOT NULL,  -- the newest instant from which a contribution counts
    UNIQUE (address, role, asset)
) STRICT;

-- What each stream brings to the sums of its parties until time changes it.
CREATE TABLE treasury_contributions (
    stream       INTEGER PRIMARY KEY, -- seq of streams
    sender       INTEGER NOT NULL,    -- id of treasury_sums
    recipient    INTEGER NOT NULL,    -- id of treasury_sums
    counts_from  ANY NOT NULL,
    changes_at   ANY,                 -- when time changes it next
    exhausted_at ANY,                 -- from when on nothing accrues
    sums         TEXT NOT NULL
) STRICT;
CREATE INDEX treasury_changes ON treasury_contributions (changes_at) WHERE changes_at IS NOT NULL;
CREATE INDEX treasury_changes_of_sender ON treasury_contributions (sender, changes_at) WHERE changes_at IS NOT NULL;
CREATE INDEX treasury_changes_of_recipient ON treasury_contributions (recipient, changes_at) WHERE changes_at IS NOT NULL;
CREATE INDEX treasury_ends_of_sender ON treasury_contributions (sender, exhausted_at) WHERE exhausted_at IS NOT NULL;
CREATE INDEX treasury_ends_of_recipient ON treasury_contributions (recipient, exhausted_at) WHERE exhausted_at IS NOT NULL;

-- Streams that have changed since they were counted. The transaction that changes a stream marks it.
CREATE TABLE treasury_marks (
    stream INTEGER PRIMARY KEY -- seq of streams
) STRICT;
CREATE TRIGGER streams_mark_insert AFTER INSERT ON streams BEGIN
    INSERT OR IGNORE INTO treasury_marks (stream) VALUES (new.seq);
END;
CREATE TRIGGER streams_mark_update AFTER UPDATE ON streams BEGIN
    INSERT OR IGNORE INTO treasury_marks (stream) VALUES (new.seq);
END;
CREATE TRIGGER streams_mark_delete AFTER DELETE ON streams BEGIN
    INSERT OR IGNORE INTO treasury_marks (stream) VALUES (old.seq);
END;

-- The last stream (seq) that was counted since the sums were begun; NULL once all were. One row.
CREATE TABLE treasury_progress (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    counted INTEGER
) STRICT;
INSERT INTO treasury_progress (one, counted) SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM streams) THEN 0 END;
