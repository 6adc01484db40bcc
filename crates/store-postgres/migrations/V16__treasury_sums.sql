-- Sums of the money of each party's streams, by asset. They follow from streams: a summary reads them instead of the streams.
CREATE TABLE treasury_sums (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role    TEXT COLLATE "C" NOT NULL CHECK (role IN ('sender', 'recipient')),
    address TEXT COLLATE "C" NOT NULL,
    asset   TEXT COLLATE "C" NOT NULL,
    sums    TEXT COLLATE "C" NOT NULL, -- numbers in order, separated by spaces; a zero is empty
    latest  unix_time NOT NULL,        -- the newest instant from which a contribution counts
    UNIQUE (address, role, asset)
) WITH (fillfactor = 50);

-- What each stream brings to the sums of its parties until time changes it.
CREATE TABLE treasury_contributions (
    stream       BIGINT PRIMARY KEY, -- seq of streams
    sender       BIGINT NOT NULL,    -- id of treasury_sums
    recipient    BIGINT NOT NULL,    -- id of treasury_sums
    counts_from  unix_time NOT NULL,
    changes_at   unix_time,          -- when time changes it next
    exhausted_at unix_time,          -- from when on nothing accrues
    sums         TEXT COLLATE "C" NOT NULL
);
CREATE INDEX treasury_changes ON treasury_contributions (changes_at, stream) WHERE changes_at IS NOT NULL;
CREATE INDEX treasury_changes_of_sender ON treasury_contributions (sender, changes_at, stream) WHERE changes_at IS NOT NULL;
CREATE INDEX treasury_changes_of_recipient ON treasury_contributions (recipient, changes_at, stream) WHERE changes_at IS NOT NULL;
CREATE INDEX treasury_ends_of_sender ON treasury_contributions (sender, exhausted_at, stream) WHERE exhausted_at IS NOT NULL;
CREATE INDEX treasury_ends_of_recipient ON treasury_contributions (recipient, exhausted_at, stream) WHERE exhausted_at IS NOT NULL;

-- Streams that have changed since they were counted. The transaction that changes a stream marks it, whatever server runs it:
-- also one of the version before. Marks are appended and never changed, so that no writer waits for another one or for the
-- worker that counts.
CREATE TABLE treasury_marks (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream BIGINT NOT NULL -- seq of streams
);
CREATE FUNCTION mark_changed_streams() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO treasury_marks (stream) SELECT seq FROM changed;
    RETURN NULL;
END
$$;
CREATE TRIGGER mark_inserted AFTER INSERT ON streams REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mark_changed_streams();
CREATE TRIGGER mark_updated AFTER UPDATE ON streams REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mark_changed_streams();
CREATE TRIGGER mark_deleted AFTER DELETE ON streams REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mark_changed_streams();

-- The last stream (seq) that was counted since the sums were begun; NULL once all were. One row, and the lock of the worker.
CREATE TABLE treasury_progress (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    counted BIGINT
);
INSERT INTO treasury_progress (one, counted) SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM streams) THEN 0 END;
